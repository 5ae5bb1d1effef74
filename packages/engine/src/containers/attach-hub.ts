// The attached clients of one container: output goes to each as it comes, input of all goes to the container's stdin.
import type { OutputName } from '../logs/output-pump.ts';

export interface AttachedClient {
  /** False: the client has too much in flight; `onDrain` of the hub is called once it has room. */
  write(stream: OutputName, piece: Buffer): boolean;
  /** The container has ended and every byte was written. */
  end(): void;
}

/** Lives as long as the container's record, over several runs. */
export class AttachHub {
  readonly #clients = new Set<AttachedClient>();
  readonly #congested = new Set<AttachedClient>();
  /** Set by the running pump. */
  onDrain: (() => void) | undefined;

  get size(): number {
    return this.#clients.size;
  }

  add(client: AttachedClient): void {
    this.#clients.add(client);
  }

  /** The client is gone or detached. */
  delete(client: AttachedClient): void {
    this.#clients.delete(client);
    this.drained(client);
  }

  drained(client: AttachedClient): void {
    if (this.#congested.delete(client) && this.#congested.size === 0) this.onDrain?.();
  }

  /** False: some client lags behind, so the pump is to wait, and the container with it, as docker has it. */
  deliver(stream: OutputName, piece: Buffer): boolean {
    for (const client of this.#clients) if (!client.write(stream, piece)) this.#congested.add(client);
    return this.#congested.size === 0;
  }

  /** The run is over: ends and forgets every client. */
  endAll(): void {
    const clients = [...this.#clients];
    this.#clients.clear();
    this.#congested.clear();
    for (const client of clients) client.end();
  }
}
