// The streams that clients opened and that a transfer takes up by id: progress, credentials. Streaming puts them here.
import { ContainerError } from '@tscontainer/core/errors';

export interface AnyMessage {
  typeUrl: string;
  value: Buffer;
}

/** Messages that wait for a slow client; beyond it those that may be lost are. */
const maxQueued = 256;
/** Streams one namespace may hold open. */
const maxStreams = 1024;

/** One client's stream, seen from the daemon: `send` and `receive`, until either side closes. */
export class ServedStream {
  readonly #incoming: AsyncIterator<AnyMessage>;
  readonly #queue: AnyMessage[] = [];
  #wake: (() => void) | undefined;
  #isClosed = false;

  constructor(incoming: AsyncIterator<AnyMessage>) {
    this.#incoming = incoming;
  }

  /** `mayBeLost`: a step of progress that a later one replaces. */
  send(message: AnyMessage, mayBeLost = false): void {
    if (this.#isClosed || (mayBeLost && this.#queue.length >= maxQueued)) return;
    this.#queue.push(message);
    this.#wake?.();
  }

  /** The client's next message. Rejects unavailable when it closed. */
  async receive(): Promise<AnyMessage> {
    const next = await this.next();
    if (next === undefined) throw new ContainerError('unavailable', 'receive from stream: the client closed it');
    return next;
  }

  /** The same; undefined when the client has no more. */
  async next(): Promise<AnyMessage | undefined> {
    const next = await this.#incoming.next();
    return next.done ? undefined : next.value;
  }

  /** What was sent still goes out. */
  close(): void {
    this.#isClosed = true;
    this.#wake?.();
  }

  /** For the Streaming service: what goes to the client, until closed. */
  async *outgoing(signal: AbortSignal): AsyncGenerator<AnyMessage> {
    signal.addEventListener('abort', () => this.close(), { once: true });
    for (;;) {
      for (let message = this.#queue.shift(); message !== undefined; message = this.#queue.shift()) yield message;
      if (this.#isClosed || signal.aborted) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

export class StreamRegistry {
  readonly #streams = new Map<string, ServedStream>();

  /** Throws already-exists, resource-exhausted. */
  add(namespace: string, id: string, stream: ServedStream): void {
    const key = `${namespace}/${id}`;
    if (this.#streams.has(key)) throw new ContainerError('already-exists', `stream "${id}": already exists`);
    if (this.#streams.size >= maxStreams)
      throw new ContainerError('resource-exhausted', `open stream "${id}": ${maxStreams} streams are open`);
    this.#streams.set(key, stream);
  }

  remove(namespace: string, id: string): void {
    this.#streams.delete(`${namespace}/${id}`);
  }

  /** Throws not-found. */
  get(namespace: string, id: string): ServedStream {
    const stream = this.#streams.get(`${namespace}/${id}`);
    if (stream === undefined) throw new ContainerError('not-found', `stream "${id}": not found`);
    return stream;
  }
}
