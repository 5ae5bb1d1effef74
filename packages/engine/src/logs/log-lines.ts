// Output as docker's json-file lines: `{"log":"...\n","stream":"stdout","time":"..."}`; the pump writes, the reader reads.

/** A longer line is kept in pieces without newline, as docker's copier does. */
export const maxLineBytes = 16 * 1024;

const newline = 0x0a;

export interface FormattedLines {
  text: string;
  /** Bytes of the input that `text` covers; the rest is a line that has not ended. */
  consumed: number;
}

/** What every line of a log has beside its text. */
export interface LineFacts {
  stream: string;
  /** RFC 3339 with nanoseconds. */
  time: string;
  /** Labels, variables and tag as a JSON object; undefined when there are none. */
  attributes?: string | undefined;
}

function tailOf({ stream, time, attributes }: LineFacts): string {
  return `","stream":"${stream}"${attributes === undefined ? '' : `,"attrs":${attributes}`},"time":"${time}"}\n`;
}

/** Formats whole lines of `bytes`, and pieces of a line that is too long; with `isLast` also what has no newline. */
export function formatLines(bytes: Buffer, facts: LineFacts, isLast: boolean): FormattedLines {
  const tail = tailOf(facts);
  const parts: string[] = [];
  let start = 0;
  while (start < bytes.length) {
    const shortLines = endOfShortLines(bytes, start);
    if (shortLines > start) {
      parts.push(formatShortLines(bytes.toString('utf8', start, shortLines), tail));
      start = shortLines;
      continue;
    }
    const end = endOfFirstPiece(bytes, start, isLast);
    if (end === start) break;
    parts.push(`{"log":${JSON.stringify(bytes.toString('utf8', start, end)).slice(0, -1)}${tail}`);
    start = end;
  }
  return { text: parts.join(''), consumed: start };
}

/** The same, but only lines that begin within `roomBytes` of formatted text: the last one may end beyond it. */
export function formatLinesWithin(
  bytes: Buffer,
  facts: LineFacts,
  isLast: boolean,
  roomBytes: number,
): FormattedLines & { isCut: boolean } {
  const all = formatLines(bytes, facts, isLast);
  if (Buffer.byteLength(all.text) < roomBytes) return { ...all, isCut: false };
  const parts: string[] = [];
  let [start, size] = [0, 0];
  while (start < all.consumed && size < roomBytes) {
    const newlineAt = bytes.indexOf(newline, start);
    const isShort = newlineAt >= 0 && newlineAt - start < maxLineBytes;
    const end = isShort ? newlineAt + 1 : endOfFirstPiece(bytes, start, isLast);
    const { text } = formatLines(bytes.subarray(start, end), facts, true);
    parts.push(text);
    size += Buffer.byteLength(text);
    start = end;
  }
  return { text: parts.join(''), consumed: start, isCut: start < all.consumed };
}

/** Of a line that is too long or has not ended; `start` when there is nothing to write yet. */
function endOfFirstPiece(bytes: Buffer, start: number, isLast: boolean): number {
  const isPiece = bytes.length - start >= maxLineBytes;
  if (isPiece) return characterBoundary(bytes, start + maxLineBytes, start);
  return isLast ? bytes.length : start;
}

/** Where the run of lines ends that are all short enough and ended; `start` when the first is not. */
function endOfShortLines(bytes: Buffer, start: number): number {
  let end = start;
  for (;;) {
    const at = bytes.indexOf(newline, end);
    if (at < 0 || at - end >= maxLineBytes) return end;
    end = at + 1;
  }
}

/** `text` ends with a newline. */
function formatShortLines(text: string, tail: string): string {
  // nothing to escape but the newlines: by far the usual case, and then one replacement does a whole chunk
  if (!/["\\\u0000-\u0009\u000b-\u001f]/.test(text)) {
    return `{"log":"${text.slice(0, -1).replaceAll('\n', `\\n${tail}{"log":"`)}\\n${tail}`;
  }
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => `{"log":${JSON.stringify(`${line}\n`).slice(0, -1)}${tail}`)
    .join('');
}

/** The last place at or before `end` that does not cut a UTF-8 character. */
function characterBoundary(bytes: Buffer, end: number, start: number): number {
  let at = end;
  while (at > start && end - at < 3 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at--;
  return ((bytes[at] ?? 0) & 0xc0) === 0x80 ? end : at;
}

export interface LogEntry {
  stream: 'stdout' | 'stderr';
  /** With its newline, if it had one. */
  text: string;
  /** RFC 3339 with nanoseconds. */
  time: string;
  attributes?: Record<string, string>;
}

const prefix = '{"log":"';
const timeKey = '","time":"';

/** One line of the file; undefined for a line that is damaged. */
export function parseLine(line: string): LogEntry | undefined {
  // the usual form, cut without a JSON parser: no escape but the newline's
  const at = line.lastIndexOf('","stream":"');
  if (line.startsWith(prefix) && at > 0) {
    const body = line.slice(prefix.length, at);
    const escapeAt = body.indexOf('\\');
    const rest = line.slice(at + '","stream":"'.length);
    const isUsual = rest.startsWith(timeKey, 6) && rest.startsWith('std') && rest.endsWith('"}');
    if (isUsual && (escapeAt < 0 || (escapeAt === body.length - 2 && body.endsWith('\\n')))) {
      const text = escapeAt < 0 ? body : `${body.slice(0, -2)}\n`;
      return { stream: rest.slice(0, 6) as LogEntry['stream'], text, time: rest.slice('stdout","time":"'.length, -2) };
    }
  }
  try {
    const parsed = JSON.parse(line) as {
      log?: string;
      stream?: string;
      time?: string;
      attrs?: Record<string, string>;
    };
    if (typeof parsed.log !== 'string' || typeof parsed.time !== 'string') return undefined;
    return {
      stream: parsed.stream === 'stderr' ? 'stderr' : 'stdout',
      text: parsed.log,
      time: parsed.time,
      ...(parsed.attrs === undefined ? {} : { attributes: parsed.attrs }),
    };
  } catch {
    return undefined; // a torn line: power was lost while it was written
  }
}
