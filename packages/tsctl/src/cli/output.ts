// The process's stdout and stderr as commands see them: written in order, whole before exit, quiet about a closed pipe.
import type { WriteStream } from 'node:tty';

/** The exit code of a program that SIGPIPE ended, as a shell reports it. */
export const closedPipeExitCode = 141;

export class Output {
  readonly #stream: NodeJS.WriteStream;

  /** `onClosed` runs once when the reader of the pipe has gone. */
  constructor(stream: NodeJS.WriteStream, onClosed: () => void) {
    this.#stream = stream;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      onClosed();
    });
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY === true;
  }

  /** Columns of the terminal; 80 when there is none. */
  get columns(): number {
    return (this.#stream as WriteStream).columns ?? 80;
  }

  get stream(): NodeJS.WriteStream {
    return this.#stream;
  }

  write(data: string | Uint8Array): void {
    this.#stream.write(data);
  }

  line(text = ''): void {
    this.#stream.write(`${text}\n`);
  }

  /** Resolves when the reader may be given more: keeps a fast producer from filling memory. */
  async writeAndDrain(data: Uint8Array): Promise<void> {
    if (this.#stream.write(data)) return;
    await new Promise<void>((resolve) => this.#stream.once('drain', resolve));
  }

  /** Resolves when everything written has reached the kernel. */
  async flush(): Promise<void> {
    await new Promise<void>((resolve) => this.#stream.write('', () => resolve()));
  }
}
