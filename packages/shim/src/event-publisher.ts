// Sends task events to the daemon: in order per container, kept while the daemon is away, bounded.
//
// Order is what clients build on (dockerd learns of exits by events alone): per container one event is in flight, and
// the next follows when the daemon has taken it. Different containers do not wait for each other.
import { ContainerError, errorCodeOf, errorMessageOf } from '@tscontainer/core/errors';
import { connectTtrpc, type TtrpcClient } from '@tscontainer/platform/ttrpc/ttrpc-client';
import { wireService } from '@tscontainer/platform/wire-codec';
import type { ShimLog } from './shim-log.ts';
import { type Timestamp, timestampNow } from './timestamp.ts';

/** Events kept in all while the daemon is away; the oldest container's oldest goes first when there are more. */
export const maxQueuedEvents = 10_000;
const forwardTimeoutMs = 5000;
const firstRetryMs = 20;
const lastRetryMs = 1000;
/** A daemon that answers with an error is asked this often, then the event is dropped and the log says so. */
const maxRefusals = 5;

const eventsService = 'containerd.services.events.ttrpc.v1.Events';
const eventsContract = wireService(eventsService);

interface Envelope {
  timestamp: Timestamp;
  namespace: string;
  topic: string;
  event: { typeUrl: string; value: Buffer };
}

interface Queue {
  key: string;
  events: Envelope[];
  isSending: boolean;
}

export class EventPublisher {
  readonly #address: string;
  readonly #log: ShimLog;
  readonly #queues = new Map<string, Queue>();
  readonly #onDrained = new Set<() => void>();
  #count = 0;
  #connection: Promise<TtrpcClient> | undefined;
  #isClosed = false;

  /** `address`: the daemon's ttrpc socket. */
  constructor(address: string, log: ShimLog) {
    this.#address = address;
    this.#log = log;
  }

  get queuedCount(): number {
    return this.#count;
  }

  publish(namespace: string, containerId: string, topic: string, event: { typeUrl: string; value: Buffer }): void {
    const key = `${namespace}/${containerId}`;
    const queue = this.#queues.get(key) ?? { key, events: [], isSending: false };
    this.#queues.set(key, queue);
    queue.events.push({ timestamp: timestampNow(), namespace, topic, event });
    this.#count += 1;
    if (this.#count > maxQueuedEvents) this.#dropOldest();
    if (queue.isSending) return;
    queue.isSending = true;
    setImmediate(() => void this.#send(queue)); // whoever called gets its answer first
  }

  /** Resolves when everything has been taken, or after `timeoutMs`. */
  drained(timeoutMs: number): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#onDrained.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#onDrained.add(done);
    });
  }

  close(): void {
    this.#isClosed = true;
    void this.#connection?.then((client) => client.close()).catch(() => undefined); // a failed connection has nothing to close
  }

  async #send(queue: Queue): Promise<void> {
    let retryMs = firstRetryMs;
    let refusals = 0;
    for (let next = queue.events[0]; next !== undefined && !this.#isClosed; next = queue.events[0]) {
      const failure = await this.#forward(next);
      if (failure === undefined) {
        retryMs = firstRetryMs;
        refusals = 0;
        this.#taken(queue, next);
        continue;
      }
      if (isRefusal(failure) && ++refusals >= maxRefusals) {
        this.#log.error({ topic: next.topic, container: queue.key, err: failure.message }, 'event dropped');
        refusals = 0;
        this.#taken(queue, next);
        continue;
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs));
      retryMs = Math.min(retryMs * 2, lastRetryMs);
    }
    queue.isSending = false;
    if (queue.events.length === 0) this.#queues.delete(queue.key);
  }

  #taken(queue: Queue, event: Envelope): void {
    if (queue.events[0] !== event) return; // it was dropped for space meanwhile
    queue.events.shift();
    this.#count -= 1;
    if (this.#count === 0) for (const done of [...this.#onDrained]) done();
  }

  async #forward(envelope: Envelope): Promise<ContainerError | undefined> {
    try {
      const client = await this.#connect();
      const options = { namespace: envelope.namespace, timeoutMs: forwardTimeoutMs };
      await client.call(eventsService, eventsContract, 'Forward', { envelope }, options);
      return undefined;
    } catch (error) {
      return error instanceof ContainerError
        ? error
        : new ContainerError('unknown', errorMessageOf(error), { cause: error });
    }
  }

  #connect(): Promise<TtrpcClient> {
    this.#connection ??= connectTtrpc(this.#address).then((client) => {
      client.unref(); // a shim without container may end although the daemon is there
      void client.closed.then(() => {
        this.#connection = undefined;
      });
      return client;
    });
    this.#connection.catch(() => {
      this.#connection = undefined;
    });
    return this.#connection;
  }

  #dropOldest(): void {
    for (const queue of this.#queues.values()) {
      const dropped = queue.events.shift();
      if (dropped === undefined) continue;
      this.#count -= 1;
      this.#log.error(
        { topic: dropped.topic, container: queue.key },
        `event dropped: more than ${maxQueuedEvents} wait`,
      );
      return;
    }
  }
}

/** The daemon was there and said no; a lost connection or a late answer is no refusal. */
function isRefusal(error: ContainerError): boolean {
  return errorCodeOf(error) !== 'unavailable' && errorCodeOf(error) !== 'deadline-exceeded';
}
