// One output stream of a container: its FIFO, moved by splice into a spool file, so that a killed engine loses no byte.
import { closeSync, constants, existsSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { spliceToFile } from '@tscontainer/linux/fifo';
import { forgetReadable, onceReadable } from '@tscontainer/linux/readiness';

/** Bytes moved in one turn of the event loop: a pipe holds 64 KiB. */
const bytesPerTurn = 256 * 1024;

/**
 * Story: `pull` moves what the FIFO has; the bytes past `consumed` are pending; `consume` says that the log holds them.
 * A spool whose bytes are all consumed may be emptied. `close` at the end.
 */
export class OutputSpool {
  readonly stream: 'stdout' | 'stderr';
  readonly #fifo: number;
  readonly #spoolPath: string;
  /** Undefined until there is a first byte to keep. */
  #spool: number | undefined;
  #size: number;
  #consumed: number;
  /** Bytes from `consumed` on: a line that has not ended. */
  #pending: Buffer;
  #isEnded = false;

  /** `consumed`: as the checkpoint says. */
  constructor(stream: 'stdout' | 'stderr', fifoPath: string, spoolPath: string, consumed: number) {
    this.stream = stream;
    this.#fifo = openSync(fifoPath, constants.O_RDONLY | constants.O_NONBLOCK);
    this.#spoolPath = spoolPath;
    this.#size = existsSync(spoolPath) ? fstatSync(this.#openSpool()).size : 0;
    // a spool shorter than its checkpoint was emptied by an engine that died before it could say so
    this.#consumed = consumed > this.#size ? 0 : consumed;
    this.#pending = this.#read(this.#consumed, this.#size);
  }

  get consumed(): number {
    return this.#consumed;
  }

  get size(): number {
    return this.#size;
  }

  /** Every writer is gone and every byte was pulled. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  get pending(): Buffer {
    return this.#pending;
  }

  /** Moves what is there, up to a bound; the new bytes, undefined when there were none. */
  pull(): Buffer | undefined {
    if (this.#isEnded) return undefined;
    const start = this.#size;
    const spool = this.#spool ?? this.#openSpool();
    while (this.#size - start < bytesPerTurn) {
      const moved = spliceToFile(this.#fifo, spool, bytesPerTurn);
      if (moved > 0) this.#size += moved;
      else {
        this.#isEnded = moved === 0;
        break;
      }
    }
    if (this.#size === start) return undefined;
    const bytes = this.#read(start, this.#size);
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    return bytes;
  }

  /** The log holds `count` bytes more; the caller writes the checkpoint. */
  consume(count: number): void {
    this.#consumed += count;
    this.#pending = this.#pending.subarray(count);
  }

  /** Only when all is consumed; the caller writes the checkpoint right after. */
  empty(): void {
    if (this.#spool !== undefined) ftruncateSync(this.#spool, 0);
    this.#size = 0;
    this.#consumed = 0;
  }

  onReadable(ready: () => void): void {
    if (!this.#isEnded) onceReadable(this.#fifo, ready);
  }

  close(): void {
    forgetReadable(this.#fifo);
    closeSync(this.#fifo);
    if (this.#spool !== undefined) closeSync(this.#spool);
  }

  #read(start: number, end: number): Buffer {
    const bytes = Buffer.allocUnsafe(end - start);
    if (this.#spool === undefined) return bytes;
    let done = 0;
    while (done < bytes.length) {
      const count = readSync(this.#spool, bytes, done, bytes.length - done, start + done);
      if (count === 0) break;
      done += count;
    }
    return bytes;
  }

  #openSpool(): number {
    this.#spool = openSync(this.#spoolPath, constants.O_RDWR | constants.O_CREAT, 0o600); // splice refuses O_APPEND
    return this.#spool;
  }
}
