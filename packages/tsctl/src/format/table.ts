// Lays rows out in columns as docker's tables are: at least 10 wide, 3 apart, the last column unpadded.

const minimumWidth = 10;
const padding = 3;

/** One line per row, without a final newline; `minimum` is 20 for the few tables docker keeps wide. */
export function formatTable(rows: readonly (readonly string[])[], minimum = minimumWidth): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, at) =>
    Math.max(minimum, ...rows.map((row) => (at < row.length - 1 ? [...(row[at] ?? '')].length + padding : 0))),
  );
  return rows
    .map((row) => row.map((cell, at) => (at === row.length - 1 ? cell : pad(cell, widths[at] ?? 0))).join(''))
    .join('\n');
}

function pad(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - [...cell].length));
}

/** `quoted command…`: cut to `length` characters with an ellipsis. */
export function ellipsis(text: string, length: number): string {
  const letters = [...text];
  return letters.length <= length ? text : `${letters.slice(0, length - 1).join('')}…`;
}
