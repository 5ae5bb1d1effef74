// What the engine tells bit by bit, as an async iterable: events, logs and stats.
import { ConnectionError, EngineError, ProtocolError } from './errors.ts';

/**
 * Story: the request is sent at once, so nothing that happens from `opened` on is missed. Read it with one `for await`;
 * leaving the loop, `close` or `await using` ends the request. The caller's own signal ends it with an AbortError.
 */
export class EngineStream<T> implements AsyncIterable<T>, AsyncDisposable {
  /** Resolves when the engine has answered, rejects as the loop does. */
  readonly opened: Promise<void>;
  readonly #source: Promise<AsyncIterable<T>>;
  readonly #end = new AbortController();
  readonly #signal: AbortSignal | undefined;

  constructor(open: (signal: AbortSignal) => Promise<AsyncIterable<T>>, signal?: AbortSignal) {
    this.#signal = signal;
    this.#source = open(signal === undefined ? this.#end.signal : AbortSignal.any([signal, this.#end.signal]));
    this.opened = this.#source.then(() => undefined);
    // whoever iterates is told; a failure that nobody looks at is nobody's
    this.opened.catch(() => undefined);
  }

  close(): void {
    this.#end.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.opened.catch(() => undefined); // it is over either way
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      yield* await this.#source;
    } catch (error) {
      if (this.#signal?.aborted) throw this.#signal.reason;
      if (this.#end.signal.aborted) return;
      throw asFailure(error);
    } finally {
      this.close();
    }
  }
}

/** What broke a stream that had begun. */
export function asFailure(error: unknown): unknown {
  if (error instanceof EngineError || error instanceof ProtocolError || error instanceof ConnectionError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (typeof code !== 'string') return error;
  return new ConnectionError(`read from the engine: ${message}`, { cause: error });
}
