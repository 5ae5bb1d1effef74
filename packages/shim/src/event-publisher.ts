// Sends task events to the daemon: in order per container, kept while the daemon is away, bounded.
//
// Order is what clients build on (dockerd learns of exits by events alone): per container one event is in flight, and
// the next follows when the daemon has taken it. Different containers do not wait for each other.
import { errorCodeOf, errorMessageOf } from '@tscontainer/core/errors';
import { connectTtrpc, type TtrpcClient } from '@tscontainer/platform/ttrpc/ttrpc-client';
import { wireService } from '@tscontainer/platform/wire-codec';
import { type Entry, EventQueues, maxQueuedEvents, type Queue, type TaskEvent } from './event-queue.ts';
import type { ShimLog } from './shim-log.ts';

const forwardTimeoutMs = 5000;
const firstRetryMs = 20;
const lastRetryMs = 1000;
/** A daemon that answers with an error is asked this often, then the event is dropped and the log says so. */
const maxRefusals = 5;

const eventsService = 'containerd.services.events.ttrpc.v1.Events';
const eventsContract = wireService(eventsService);

/** How often the event that a queue is at was tried. */
interface Tries {
  refusals: number;
  retryMs: number;
}

export class EventPublisher {
  readonly #address: string;
  readonly #log: ShimLog;
  readonly #queues = new EventQueues({
    onReady: (queue) => this.#begin(queue),
    onDropped: (queue, { event }) =>
      this.#log.error({ topic: event.topic, container: queue.key }, `event dropped: more than ${maxQueuedEvents} wait`),
  });
  #connection: Promise<TtrpcClient> | undefined;
  #client: TtrpcClient | undefined;
  #isAtOnce = false;
  #isClosed = false;

  /** `address`: the daemon's ttrpc socket. */
  constructor(address: string, log: ShimLog) {
    this.#address = address;
    this.#log = log;
  }

  /** Events to be sent. */
  get queuedCount(): number {
    return this.#queues.count;
  }

  /** Events that the daemon tells of itself. */
  get heldCount(): number {
    return this.#queues.heldCount;
  }

  /**
   * Sends an event once whoever called had its answer. With `teller`, the signal of a connection, its peer tells of the
   * event; it is sent only when that connection breaks soon.
   */
  publish(event: TaskEvent, teller?: AbortSignal): void {
    this.#queues.add(event, teller);
  }

  /** The same for what no call is about: it leaves in this tick, unless an earlier one of its container is under way. */
  publishAtOnce(event: TaskEvent): void {
    this.#isAtOnce = true;
    this.#queues.add(event);
    this.#isAtOnce = false;
  }

  /** Undefined when nothing of the container is to be sent; else resolves when all is taken, or after `timeoutMs`. */
  taken(namespace: string, containerId: string, timeoutMs: number): Promise<void> | undefined {
    return this.#queues.emptied(namespace, containerId, timeoutMs);
  }

  /** Resolves when everything has been taken, or after `timeoutMs`. */
  drained(timeoutMs: number): Promise<void> {
    return this.#queues.allEmptied(timeoutMs);
  }

  close(): void {
    this.#isClosed = true;
    void this.#connection?.then((client) => client.close()).catch(() => undefined); // a failed connection has nothing to close
  }

  #begin(queue: Queue): void {
    if (this.#isAtOnce) this.#send(queue);
    else setImmediate(() => this.#send(queue));
  }

  /** One after the other, until none is left. No promise stands between an exit and its way out. */
  #send(queue: Queue, tries: Tries = { refusals: 0, retryMs: firstRetryMs }): void {
    if (this.#isClosed) return;
    const entry = this.#queues.next(queue);
    if (entry === undefined) return;
    this.#forward(entry).then(
      () => {
        this.#queues.taken(queue, entry);
        this.#send(queue);
      },
      (error: unknown) => this.#failed(queue, entry, tries, error),
    );
  }

  #failed(queue: Queue, entry: Entry, { refusals, retryMs }: Tries, error: unknown): void {
    const count = refusals + (isRefusal(error) ? 1 : 0);
    if (count >= maxRefusals) {
      const { topic } = entry.event;
      this.#log.error({ topic, container: queue.key, err: errorMessageOf(error) }, 'event dropped');
      this.#queues.remove(queue, entry);
      this.#send(queue);
      return;
    }
    const tries = { refusals: count, retryMs: Math.min(retryMs * 2, lastRetryMs) };
    setTimeout(() => this.#send(queue, tries), retryMs);
  }

  #forward(entry: Entry): Promise<unknown> {
    const client = this.#client;
    return client === undefined
      ? this.#connect().then((connected) => this.#call(connected, entry))
      : this.#call(client, entry);
  }

  async #call(client: TtrpcClient, { event, timestamp }: Entry): Promise<unknown> {
    const { namespace, topic } = event;
    const envelope = { timestamp, namespace, topic, event: event.encode() };
    return client.call(
      eventsService,
      eventsContract,
      'Forward',
      { envelope },
      { namespace, timeoutMs: forwardTimeoutMs },
    );
  }

  #connect(): Promise<TtrpcClient> {
    this.#connection ??= connectTtrpc(this.#address).then((client) => {
      client.unref(); // a shim without container may end although the daemon is there
      this.#client = client;
      void client.closed.then(() => {
        this.#connection = undefined;
        this.#client = undefined;
      });
      return client;
    });
    this.#connection.catch(() => {
      this.#connection = undefined;
    });
    return this.#connection;
  }
}

/** The daemon was there and said no; a lost connection or a late answer is no refusal. */
function isRefusal(error: unknown): boolean {
  const code = errorCodeOf(error);
  return code !== 'unavailable' && code !== 'deadline-exceeded';
}
