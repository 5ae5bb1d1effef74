// A container that was run: its streams, its exit code, and its removal at the end of a block.
import type { Readable, Writable } from 'node:stream';
import { type Container, toStream } from './container.ts';
import { isNotFound } from './errors.ts';
import type { ProcessOutput, ProcessSession } from './process-session.ts';

/** Story: read, write, await `exited` or `output()`. `await using` removes the container, running or not. */
export class RunningContainer implements AsyncDisposable {
  readonly container: Container;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The exit code. With AutoRemove it resolves when the container is gone. */
  readonly exited: Promise<number>;
  readonly #session: ProcessSession;

  /** `input` true: the caller writes. */
  constructor(
    container: Container,
    session: ProcessSession,
    exited: Promise<number>,
    input: string | Uint8Array | NodeJS.ReadableStream | true | undefined,
  ) {
    this.container = container;
    this.#session = session;
    this.exited = exited;
    this.stdin = session.stdin;
    this.stdout = session.stdout;
    this.stderr = session.stderr;
    if (typeof input === 'string') this.stdin.end(input);
    else if (input !== undefined && input !== true) toStream(input).pipe(this.stdin);
  }

  get id(): string {
    return this.container.id;
  }

  /** Reads both outputs to their end. */
  async output(): Promise<ProcessOutput> {
    const [text, exitCode] = await Promise.all([this.#session.text(), this.exited]);
    return { exitCode, ...text };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session.close();
    await this.container.remove({ force: true, v: true }).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
  }
}
