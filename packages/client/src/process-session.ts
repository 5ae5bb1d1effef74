// The streams of a process that one is attached to: input that can end by itself, outputs that end when the process does.
import { Readable, Writable } from 'node:stream';
import type { HijackedStream } from './connection.ts';
import { Demultiplexer } from './demultiplexer.ts';
import { asFailure } from './engine-stream.ts';
import { ProtocolError } from './errors.ts';
import type { OutputName } from './log-lines.ts';

/** What an output that nobody reads may hold, in bytes, before the other one waits for it. */
const maxUnreadBytes = 16 * 1024 * 1024;
const highWaterMark = 64 * 1024;

export interface SessionOptions {
  /** A terminal's output is one stream without frames: all of it is stdout. */
  isTerminal: boolean;
  signal?: AbortSignal | undefined;
}

/** What a process wrote and how it ended. */
export interface ProcessOutput {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Story: read the outputs, write the input and `end()` it; all is over when `closed` resolves. `close` breaks it off. */
export class ProcessSession {
  /** Its end is the end of the process's input; the outputs go on. */
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the engine has ended the streams; rejects when they broke. */
  readonly closed: Promise<void>;
  readonly #socket: HijackedStream['socket'];

  constructor({ socket, head }: HijackedStream, { isTerminal, signal }: SessionOptions) {
    this.#socket = socket;
    this.stdin = inputOf(socket);
    const outputs = new SplitOutput(socket, isTerminal ? undefined : new Demultiplexer());
    this.stdout = outputs.stdout;
    this.stderr = outputs.stderr;
    this.closed = outputs.closed;
    this.closed.catch(() => undefined); // the streams tell it, too
    if (head.length > 0) outputs.take(head);
    const onAbort = () => outputs.fail(signal?.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    this.closed.finally(() => signal?.removeEventListener('abort', onAbort)).catch(() => undefined);
  }

  /** Breaks the connection off; the process goes on. */
  close(): void {
    this.#socket.destroy();
  }

  /** Both outputs to their end, as text. */
  async text(): Promise<{ stdout: string; stderr: string }> {
    const [stdout, stderr] = await Promise.all([textOf(this.stdout), textOf(this.stderr)]);
    return { stdout, stderr };
  }
}

async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function inputOf(socket: HijackedStream['socket']): Writable {
  return new Writable({
    write: (chunk, _encoding, done) => {
      // the process may have ended, and what it does not read is nobody's error
      if (socket.destroyed || socket.writableEnded) done();
      else socket.write(chunk, () => done());
    },
    final: (done) => {
      if (socket.destroyed || socket.writableEnded) done();
      else socket.end(() => done());
    },
  });
}

/** The engine has closed, perhaps with input left that the process did not read: what it wrote has come all the same. */
const endCodes = ['ECONNRESET', 'EPIPE'];

class SplitOutput {
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly closed: Promise<void>;
  readonly #socket: HijackedStream['socket'];
  readonly #demultiplexer: Demultiplexer | undefined;
  #isOver = false;
  #resolve: () => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(socket: HijackedStream['socket'], demultiplexer: Demultiplexer | undefined) {
    this.#socket = socket;
    this.#demultiplexer = demultiplexer;
    // Node asks for more before it has taken what is there away: only afterwards is there room
    const read = () => process.nextTick(() => this.#resume());
    const output = () => new Readable({ highWaterMark, read });
    this.stdout = output();
    this.stderr = output();
    this.closed = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    socket.on('data', (chunk: Buffer) => this.take(chunk));
    socket.once('end', () => this.#end());
    socket.once('close', () => this.#end());
    socket.on('error', (error: NodeJS.ErrnoException) =>
      endCodes.includes(error.code ?? '') ? this.#end() : this.fail(asFailure(error)),
    );
  }

  take(chunk: Buffer): void {
    try {
      const frames = this.#demultiplexer?.push(chunk) ?? [{ stream: 'stdout' as OutputName, payload: chunk }];
      for (const { stream, payload } of frames) this[stream].push(payload);
    } catch (error) {
      this.fail(error);
      return;
    }
    if (isFull(this.stdout) || isFull(this.stderr)) this.#socket.pause();
  }

  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reject(error);
    for (const stream of [this.stdout, this.stderr]) {
      stream.on('error', () => undefined); // one that nobody reads must not end the program
      stream.destroy(error as Error);
    }
    this.#socket.destroy();
  }

  #resume(): void {
    if (!isFull(this.stdout) && !isFull(this.stderr)) this.#socket.resume();
  }

  #end(): void {
    if (this.#isOver) return;
    if (this.#demultiplexer?.isAtBoundary === false) {
      this.fail(new ProtocolError('read container output: it ends within a frame'));
      return;
    }
    this.#isOver = true;
    this.stdout.push(null);
    this.stderr.push(null);
    this.#resolve();
    this.#socket.destroy();
  }
}

function isFull(stream: Readable): boolean {
  if (stream.destroyed) return false;
  const isRead = stream.readableFlowing !== null || stream.listenerCount('readable') > 0;
  return stream.readableLength > (isRead ? highWaterMark : maxUnreadBytes);
}
