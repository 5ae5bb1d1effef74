// Puts a container's log together: whole lines, each with its stream and, if they were asked for, its time.
import { Demultiplexer } from './demultiplexer.ts';
import { ProtocolError } from './errors.ts';

export type OutputName = 'stdout' | 'stderr';

export interface LogLine {
  stream: OutputName;
  /** Without the end of line. */
  text: string;
  /** When it was written, RFC 3339 with nine digits of a second: more than a Date keeps. Only with `timestamps`. */
  time?: string;
}

/** A longer line is given in pieces of this size, in bytes. */
const maxLineBytes = 1024 * 1024;
/** No timestamp is longer. */
const maxTimeBytes = 64;
const newline = 0x0a;
const space = 0x20;

export interface LogForm {
  /** A terminal's output is one stream without frames. */
  isTerminal: boolean;
  hasTimes: boolean;
}

/** Yields each line when it is whole; the last one may have had no end of line. */
export async function* readLogLines(source: AsyncIterable<unknown>, form: LogForm): AsyncGenerator<LogLine> {
  const demultiplexer = form.isTerminal ? undefined : new Demultiplexer();
  const lines = { stdout: new LineBuffer('stdout', form.hasTimes), stderr: new LineBuffer('stderr', form.hasTimes) };
  for await (const chunk of source) {
    const frames = demultiplexer?.push(chunk as Buffer) ?? [
      { stream: 'stdout' as const, payload: chunk as Buffer, isStart: false },
    ];
    for (const { stream, payload, isStart } of frames) yield* lines[stream].add(payload, isStart);
  }
  if (demultiplexer?.isAtBoundary === false) throw new ProtocolError('read log: it ends within a frame');
  yield* lines.stdout.rest();
  yield* lines.stderr.rest();
}

/** The line of one stream that is not whole yet. Where times were asked for, one stands at the start of each line and frame. */
class LineBuffer {
  readonly #stream: OutputName;
  readonly #hasTimes: boolean;
  #text: Buffer[] = [];
  #length = 0;
  #time = '';
  /** What has come of a time; undefined after it. */
  #timePart: string | undefined;

  constructor(stream: OutputName, hasTimes: boolean) {
    this.#stream = stream;
    this.#hasTimes = hasTimes;
    this.#timePart = hasTimes ? '' : undefined;
  }

  *add(payload: Buffer, isFrameStart: boolean): Generator<LogLine> {
    if (isFrameStart && this.#hasTimes) this.#timePart = '';
    let rest = payload;
    while (rest.length > 0) {
      if (this.#timePart !== undefined) {
        rest = this.#takeTime(rest, this.#timePart);
        continue;
      }
      const end = rest.indexOf(newline);
      this.#append(end < 0 ? rest : rest.subarray(0, end));
      rest = end < 0 ? rest.subarray(rest.length) : rest.subarray(end + 1);
      if (end >= 0 || this.#length >= maxLineBytes) yield this.#line();
      if (end >= 0 && this.#hasTimes) this.#timePart = '';
    }
  }

  *rest(): Generator<LogLine> {
    if (this.#length > 0) yield this.#line();
  }

  #takeTime(bytes: Buffer, part: string): Buffer {
    const end = bytes.indexOf(space);
    const time = part + bytes.toString('latin1', 0, end < 0 ? bytes.length : end);
    if (time.length > maxTimeBytes) throw new ProtocolError(`read log: no time before a line: ${time.slice(0, 80)}`);
    if (end < 0) {
      this.#timePart = time;
      return bytes.subarray(bytes.length);
    }
    this.#timePart = undefined;
    if (this.#length === 0) this.#time = time;
    return bytes.subarray(end + 1);
  }

  #append(piece: Buffer): void {
    this.#text.push(piece);
    this.#length += piece.length;
  }

  #line(): LogLine {
    const text = Buffer.concat(this.#text).toString();
    const time = this.#time;
    this.#text = [];
    this.#length = 0;
    this.#time = '';
    return { stream: this.#stream, text, ...(this.#hasTimes ? { time } : {}) };
  }
}
