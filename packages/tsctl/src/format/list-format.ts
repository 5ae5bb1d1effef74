// What `--format` means for a command that lists: `table`, `table TEMPLATE`, `json`, `raw` or a template; also -q.
import type { Output } from '../cli/output.ts';
import { formatTable } from './table.ts';
import { compileTemplate } from './template.ts';
import { toJson } from './template-values.ts';

/** A row: what templates may name, each computed when asked for. */
export type Row = Record<string, unknown>;

export interface ListFormat {
  /** '' or `table` for the preset table. */
  format: string;
  /** `table {{.ID}}\t{{.Image}}` of the command. */
  preset: string;
  /** Column headers by field. */
  headers: Readonly<Record<string, string>>;
  /** Print only this field. */
  quietField?: string | undefined;
}

export function printList(out: Output, rows: readonly Row[], options: ListFormat): void {
  const text = listText(rows, options);
  if (text !== '') out.write(text);
}

/** The whole output, each row on its line. */
export function listText(rows: readonly Row[], options: ListFormat): string {
  const { format } = options;
  if (options.quietField !== undefined && (format === '' || format === 'table'))
    return lines(rows.map((row) => String(row[options.quietField ?? ''])));
  if (format === 'json') return lines(rows.map((row) => toJson(sorted(row))));
  if (format === '' || format === 'table') return tableText(rows, options.preset, options);
  if (format.startsWith('table ') || format.startsWith('table\t')) return tableText(rows, withEscapes(format), options);
  const template = compileTemplate(withEscapes(format));
  return lines(rows.map((row) => template(sorted(row))));
}

function tableText(rows: readonly Row[], format: string, options: ListFormat): string {
  const template = compileTemplate(format.replace(/^table\s?/, ''));
  const head = template(headerRow(options.headers));
  const cells = [head, ...rows.map((row) => template(row))].map((line) => line.split('\t'));
  return `${formatTable(cells)}\n`;
}

/** `.Label "x"` heads its column with the label's last part. */
function headerRow(headers: Readonly<Record<string, string>>): Row {
  const label = (name: unknown) => String(name).split('.').at(-1)?.replace(/[-_]/g, ' ').trim() ?? '';
  return { ...headers, Label: label };
}

/** The order in which `{{json .}}` shows the fields. */
function sorted(row: Row): Row {
  return Object.fromEntries(Object.entries(row).sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Shells leave `\t` and `\n` in single quotes as they are: docker reads them. */
export function withEscapes(format: string): string {
  return format.replace(/\\t/g, '\t').replace(/\\n/g, '\n');
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}
