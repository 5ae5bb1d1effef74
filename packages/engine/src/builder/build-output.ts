// What a build tells its client: JSON lines of docker's shape. Quiet builds keep them back until something fails.
import { StringDecoder } from 'node:string_decoder';
import type { LateLines } from '../routes/images/late-lines.ts';

export interface Writable {
  write(text: string): void;
}

export class BuildOutput {
  /** The builder's own words and what commands print. */
  readonly out: Writable = { write: (text) => this.line({ stream: text }) };
  /** Red, as docker's clients show it. */
  readonly err: Writable = { write: (text) => this.line({ stream: `\u001b[91m${text}\u001b[0m` }) };
  readonly signal: AbortSignal;
  readonly #lines: LateLines;
  readonly #hasAux: boolean;
  #kept: object[] | undefined;

  /** `hasAux`: the client's API version knows lines with an image's id. */
  constructor(lines: LateLines, options: { isQuiet: boolean; hasAux: boolean; signal: AbortSignal }) {
    this.#lines = lines;
    this.signal = options.signal;
    this.#hasAux = options.hasAux;
    this.#kept = options.isQuiet ? [] : undefined;
  }

  line(value: object): void {
    if (this.#kept === undefined) this.#lines.write(value);
    else this.#kept.push(value);
  }

  imageId(id: string): void {
    if (this.#hasAux) this.line({ aux: { ID: id } });
  }

  /** A quiet build's only line. */
  result(id: string): void {
    if (this.#kept !== undefined) this.#lines.write({ stream: `${id}\n` });
  }

  /** What was kept back is said after all. True when the answer has begun: an error has to follow in-band. */
  flush(): boolean {
    for (const value of this.#kept ?? []) this.#lines.write(value);
    this.#kept = this.#kept === undefined ? undefined : [];
    return this.#lines.isOpen;
  }

  /** False: the client lags behind; `onDrain` is called once it has room. */
  get hasRoom(): boolean {
    return this.#lines.hasRoom;
  }

  onDrain(listener: () => void): () => void {
    return this.#lines.onDrain(listener);
  }
}

/** Bytes of one stream as text: a character that two pieces share is kept for the second. */
export class TextPieces {
  readonly #decoder = new StringDecoder('utf8');
  readonly #target: Writable;

  constructor(target: Writable) {
    this.#target = target;
  }

  write(piece: Buffer): void {
    const text = this.#decoder.write(piece);
    if (text !== '') this.#target.write(text);
  }

  end(): void {
    const text = this.#decoder.end();
    if (text !== '') this.#target.write(text);
  }
}
