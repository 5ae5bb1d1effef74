// Carries a container's output: FIFO -> spool -> log file and attached clients. One per running container.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessageOf } from '@tscontainer/core/errors';
import { makeFifo } from '@tscontainer/linux/fifo';
import type { Logger } from '@tscontainer/platform/logger';
import { formatNs, nowNs } from '../go-time.ts';
import { JsonFile, type JsonFileOptions } from './json-file.ts';
import { LogCheckpoint } from './log-checkpoint.ts';
import type { LogForwarder } from './log-forwarder.ts';
import { formatLinesWithin, parseLine } from './log-lines.ts';
import { OutputSpool } from './output-spool.ts';

export type OutputName = 'stdout' | 'stderr';

export interface OutputPumpOptions {
  /** Run-time directory of the container, on a tmpfs. */
  directory: string;
  /** With a terminal: stdout only. */
  streams: OutputName[];
  /** Undefined: nothing is logged. */
  logFile: JsonFileOptions | undefined;
  /** Every piece as it comes. False: a client lags behind, so wait for `resume`. */
  deliver: (stream: OutputName, piece: Buffer) => boolean;
  /** Where logged entries go besides the file; closed with the pump. */
  forwarder?: Pick<LogForwarder, 'send' | 'close'> | undefined;
  log: Logger;
}

/** An emptied spool starts anew: when every line was ended, and at the latest here, in bytes. */
const emptySpoolAt = 1024 * 1024;
const flushSpoolAt = 8 * 1024 * 1024;
/** How long a full disk is waited for before the next try. */
const retryMs = 1000;

/** As Go writes it, which escapes what means something to HTML. */
function attributesText(attributes: Record<string, string>): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(attributes).replace(/[<>&\u2028\u2029]/g, escaped);
}

export function makeOutputFifos(directory: string, streams: OutputName[]): void {
  for (const stream of streams) {
    const path = join(directory, stream);
    if (!existsSync(path)) makeFifo(path, 0o600);
  }
}

/**
 * Story: made before the task, so that its first byte finds a reader; `finish` after its exit. After a crash of the
 * engine a new pump goes on where the checkpoint says: what the log holds past it is cut and formatted again.
 */
export class OutputPump {
  readonly #options: OutputPumpOptions;
  readonly #spools: OutputSpool[] = [];
  readonly #checkpoint: LogCheckpoint;
  readonly #file: JsonFile | undefined;
  readonly #attributes: string | undefined;
  /** There is one on disk: it must be before the first append, or a crash after it would double a line. */
  #hasCheckpoint: boolean;
  #isPaused = false;
  #isClosed = false;
  #retry: NodeJS.Timeout | undefined;
  #onEnd: (() => void) | undefined;

  constructor(options: OutputPumpOptions) {
    this.#options = options;
    const { directory } = options;
    this.#checkpoint = new LogCheckpoint(join(directory, 'log-checkpoint'));
    const known = this.#checkpoint.read();
    this.#file = options.logFile === undefined ? undefined : new JsonFile(options.logFile, known?.logSize);
    const { attributes } = options.logFile ?? {};
    this.#attributes = attributes === undefined ? undefined : attributesText(attributes);
    try {
      for (const stream of options.streams) {
        const paths = [join(directory, stream), join(directory, `${stream}.spool`)] as const;
        this.#spools.push(new OutputSpool(stream, ...paths, known?.[stream] ?? 0));
      }
    } catch (error) {
      this.detach();
      throw error;
    }
    this.#hasCheckpoint = known !== undefined;
    // a spool that was emptied just before the engine died begins at 0 again
    if (known !== undefined) this.#saveCheckpoint();
    for (const spool of this.#spools) {
      if (spool.pending.length > 0) this.#take(spool);
      this.#arm(spool);
    }
  }

  /** The log file, for readers that follow. */
  get file(): JsonFile | undefined {
    return this.#file;
  }

  resume(): void {
    if (!this.#isPaused || this.#isClosed) return;
    this.#isPaused = false;
    for (const spool of this.#spools) this.#turn(spool);
  }

  /**
   * After the exit: resolves once every writer is gone and every byte is in the log and delivered, or after `timeoutMs`
   * when something outside of the container still holds an end. Then the pump is closed.
   */
  async finish(timeoutMs: number): Promise<void> {
    for (const spool of this.#spools) this.#turn(spool);
    if (!this.#hasEnded()) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.#onEnd = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.close();
  }

  close(): void {
    if (this.#isClosed) return;
    for (const spool of this.#spools) this.#take(spool, true);
    this.detach();
  }

  /** The engine ends while the container goes on: what has no end yet stays in the spool for the next engine. */
  detach(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#retry);
    for (const spool of this.#spools) spool.close();
    this.#checkpoint.close();
    this.#file?.end();
    this.#options.forwarder?.close();
  }

  #hasEnded(): boolean {
    return this.#spools.every((spool) => spool.isEnded);
  }

  #arm(spool: OutputSpool): void {
    if (!this.#isClosed && !this.#isPaused) spool.onReadable(() => this.#turn(spool));
  }

  #turn(spool: OutputSpool): void {
    if (this.#isClosed || this.#isPaused) return;
    try {
      const piece = spool.pull();
      if (piece !== undefined) {
        this.#isPaused = !this.#options.deliver(spool.stream, piece);
        this.#take(spool);
      }
    } catch (error) {
      // a full disk: the container's bytes wait in spool and pipe, and the container with them, until there is room
      this.#options.log.error({ err: errorMessageOf(error), directory: this.#options.directory }, 'output waits');
      this.#retry = setTimeout(() => this.#turn(spool), retryMs);
      return;
    }
    if (this.#hasEnded()) this.#onEnd?.();
    this.#arm(spool);
  }

  /** Brings what is pending into the log, file by file when it is full. */
  #take(spool: OutputSpool, isLast = false): void {
    const mustFlush = isLast || spool.size >= flushSpoolAt;
    while (this.#takeOnce(spool, mustFlush));
    if (spool.size === 0) return;
    this.#saveCheckpoint();
    // only what the checkpoint says is in the log may leave the spool
    if (spool.pending.length === 0 && spool.size >= emptySpoolAt) {
      spool.empty();
      this.#saveCheckpoint();
    }
    this.#file?.tellGrown();
  }

  /** As much as one file takes; then the checkpoint, so that no crash between them loses or doubles a line. True: there is more. */
  #takeOnce(spool: OutputSpool, mustFlush: boolean): boolean {
    const { pending } = spool;
    if (pending.length === 0) return false;
    const file = this.#file;
    if (file === undefined) {
      spool.consume(pending.length);
      return false;
    }
    const facts = { stream: spool.stream, time: formatNs(nowNs()), attributes: this.#attributes };
    // as docker does: a full file is rotated when the next line comes
    const { text, consumed, isCut } = formatLinesWithin(pending, facts, mustFlush, file.room || file.capacity);
    if (consumed === 0) return false;
    if (file.room === 0) file.rotate();
    if (!this.#hasCheckpoint || file.size === 0) this.#saveCheckpoint();
    file.append(text);
    this.#forward(text);
    spool.consume(consumed);
    if (isCut) this.#saveCheckpoint();
    return isCut;
  }

  /** The lines as the file has them. */
  #forward(text: string): void {
    const { forwarder } = this.#options;
    if (forwarder === undefined) return;
    for (const line of text.split('\n')) {
      const entry = line === '' ? undefined : parseLine(line);
      if (entry !== undefined) forwarder.send(entry);
    }
  }

  #saveCheckpoint(): void {
    this.#hasCheckpoint = true;
    const consumedOf = (stream: OutputName) => this.#spools.find((spool) => spool.stream === stream)?.consumed ?? 0;
    this.#checkpoint.write({
      stdout: consumedOf('stdout'),
      stderr: consumedOf('stderr'),
      logSize: this.#file?.size ?? 0,
    });
  }
}
