// Task events on their way to the daemon, by container: those to be sent, and those that the daemon tells of itself.
// The event publisher alone calls it.
//
// An event that the daemon tells of, from the answer to its call, is held at its place in the queue: until a later one
// of the same process was taken, or for `heldMs`. When the daemon's connection breaks before, it is sent like others.
import { type Timestamp, timestampNow } from './timestamp.ts';

/** Events kept in all while the daemon is away; the oldest container's oldest goes first when there are more. */
export const maxQueuedEvents = 10_000;
/** A daemon that lives on for so long after an answer has told of it. */
export const heldMs = 5000;

export interface TaskEvent {
  namespace: string;
  containerId: string;
  /** '' for the init process. */
  execId: string;
  topic: string;
  /** Called when the event is sent: one that is held costs no encoding. */
  encode: () => { typeUrl: string; value: Buffer };
}

export interface Entry {
  readonly event: TaskEvent;
  readonly timestamp: Timestamp;
  /** The signal of the connection whose peer tells of the event; undefined once it is ours to send. */
  teller: AbortSignal | undefined;
  /** By performance.now(). */
  readonly heldUntilMs: number;
}

export interface Queue {
  readonly key: string;
  readonly entries: Entry[];
  /** Its first entry to be sent is on its way, or is about to be. */
  isSending: boolean;
  /** Told when nothing is to be sent any more. */
  readonly onEmpty: Set<() => void>;
}

export interface QueuesOptions {
  /** Told when a queue that was idle has something to send. */
  onReady: (queue: Queue) => void;
  onDropped: (queue: Queue, entry: Entry) => void;
}

export class EventQueues {
  readonly #options: QueuesOptions;
  readonly #queues = new Map<string, Queue>();
  /** In the order of their coming. */
  readonly #held = new Map<Entry, Queue>();
  readonly #tellers = new WeakSet<AbortSignal>();
  readonly #onEmpty = new Set<() => void>();
  #count = 0;
  #sweep: NodeJS.Timeout | undefined;

  constructor(options: QueuesOptions) {
    this.#options = options;
  }

  /** Events to be sent. */
  get count(): number {
    return this.#count;
  }

  get heldCount(): number {
    return this.#held.size;
  }

  /** With `teller` the event is held as long as that connection stands. */
  add(event: TaskEvent, teller?: AbortSignal): void {
    const key = keyOf(event.namespace, event.containerId);
    const queue = this.#queues.get(key) ?? { key, entries: [], isSending: false, onEmpty: new Set() };
    this.#queues.set(key, queue);
    const isHeld = teller !== undefined && !teller.aborted;
    const heldUntilMs = isHeld ? performance.now() + heldMs : 0;
    const entry = { event, timestamp: timestampNow(), teller: isHeld ? teller : undefined, heldUntilMs };
    queue.entries.push(entry);
    if (isHeld) {
      this.#hold(entry, queue, teller);
      return;
    }
    this.#count += 1;
    if (this.#count > maxQueuedEvents) this.#dropOldest();
    this.#wake(queue);
  }

  next(queue: Queue): Entry | undefined {
    const entry = queue.entries.find(({ teller }) => teller === undefined);
    if (entry !== undefined) return entry;
    queue.isSending = false;
    for (const tell of [...queue.onEmpty]) tell();
    if (queue.entries.length === 0) this.#queues.delete(queue.key);
    return undefined;
  }

  /** The daemon has it, and told before it of all that it had to tell of that process. */
  taken(queue: Queue, entry: Entry): void {
    const index = queue.entries.indexOf(entry);
    for (const earlier of queue.entries.slice(0, Math.max(0, index)))
      if (earlier.event.execId === entry.event.execId) this.remove(queue, earlier);
    this.remove(queue, entry);
  }

  /** Nothing happens when it was dropped for space meanwhile. */
  remove(queue: Queue, entry: Entry): void {
    const index = queue.entries.indexOf(entry);
    if (index < 0) return;
    queue.entries.splice(index, 1);
    if (this.#held.delete(entry)) {
      if (queue.entries.length === 0 && !queue.isSending) this.#queues.delete(queue.key);
      return;
    }
    this.#count -= 1;
    if (this.#count === 0) for (const tell of [...this.#onEmpty]) tell();
  }

  /** Undefined when nothing of the container is to be sent; else resolves when all is taken, or after `timeoutMs`. */
  emptied(namespace: string, containerId: string, timeoutMs: number): Promise<void> | undefined {
    const queue = this.#queues.get(keyOf(namespace, containerId));
    return queue?.isSending === true ? within(queue.onEmpty, timeoutMs) : undefined;
  }

  /** Resolves when nothing is to be sent, or after `timeoutMs`. */
  allEmptied(timeoutMs: number): Promise<void> {
    return this.#count === 0 ? Promise.resolve() : within(this.#onEmpty, timeoutMs);
  }

  #wake(queue: Queue): void {
    if (queue.isSending) return;
    queue.isSending = true;
    this.#options.onReady(queue);
  }

  #hold(entry: Entry, queue: Queue, teller: AbortSignal): void {
    this.#held.set(entry, queue);
    if (this.#held.size > maxQueuedEvents) this.#forgetHeld(1, Number.POSITIVE_INFINITY);
    this.#sweep ??= setTimeout(() => this.#sweepHeld(), heldMs).unref();
    if (this.#tellers.has(teller)) return;
    this.#tellers.add(teller);
    teller.addEventListener('abort', () => this.#release(teller), { once: true });
  }

  /** The daemon is gone, and may not have told: the next one is told twice rather than never. */
  #release(teller: AbortSignal): void {
    for (const [entry, queue] of [...this.#held]) {
      if (entry.teller !== teller) continue;
      entry.teller = undefined;
      this.#held.delete(entry);
      this.#count += 1;
      this.#wake(queue);
    }
  }

  #sweepHeld(): void {
    this.#sweep = undefined;
    this.#forgetHeld(this.#held.size, performance.now());
    if (this.#held.size > 0) this.#sweep = setTimeout(() => this.#sweepHeld(), heldMs).unref();
  }

  /** Of the oldest `atMost`, those whose time has come. */
  #forgetHeld(atMost: number, nowMs: number): void {
    let left = atMost;
    for (const [entry, queue] of this.#held) {
      if (left-- === 0 || entry.heldUntilMs > nowMs) return;
      this.remove(queue, entry);
    }
  }

  #dropOldest(): void {
    for (const queue of this.#queues.values()) {
      const oldest = queue.entries.find(({ teller }) => teller === undefined);
      if (oldest === undefined) continue;
      this.remove(queue, oldest);
      this.#options.onDropped(queue, oldest);
      return;
    }
  }
}

function keyOf(namespace: string, containerId: string): string {
  return `${namespace}/${containerId}`;
}

/** Resolves when `tellers` are told, or after `timeoutMs`. */
function within(tellers: Set<() => void>, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      tellers.delete(done);
      resolve();
    };
    const timer = setTimeout(done, timeoutMs);
    tellers.add(done);
  });
}
