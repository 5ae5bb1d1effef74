// The daemon's event bus: services and shims publish, Events.Subscribe and the task layer listen.

import { ContainerError } from '@tscontainer/core/errors';
import { checkIdentifier } from '@tscontainer/core/ids';
import { compileFilters, type Filter } from '../filters/filter.ts';
import { now, type Timestamp } from '../metadata/timestamp.ts';
import { readEvent } from './event-fields.ts';

/** A google.protobuf.Any. */
export interface AnyMessage {
  typeUrl: string;
  value: Buffer;
}

export interface Envelope {
  timestamp: Timestamp;
  namespace: string;
  topic: string;
  event: AnyMessage;
}

/** Events that wait for one subscriber. One that falls further behind is ended with an error, never silently robbed. */
export const maxQueuedEvents = 16_384;

/** Publishing is synchronous: whoever subscribed before sees the event, in the order of publishing. */
export class EventExchange {
  readonly #subscribers = new Set<Subscriber>();

  get subscriberCount(): number {
    return this.#subscribers.size;
  }

  /** Throws invalid-argument for a topic that is not `/name/name`. */
  publish(namespace: string, topic: string, event: AnyMessage, timestamp: Timestamp = now()): void {
    checkTopic(topic);
    this.forward({ timestamp, namespace, topic, event });
  }

  /** The same for an event that is encoded once somebody reads it: most have no listener. */
  publishEncoded(namespace: string, topic: string, encode: () => AnyMessage): void {
    if (this.#subscribers.size === 0) return;
    let event: AnyMessage | undefined;
    this.forward({
      timestamp: now(),
      namespace,
      topic,
      get event() {
        event ??= encode();
        return event;
      },
    });
  }

  /** Passes on an event that a shim or another client has stamped. */
  forward(envelope: Envelope): void {
    checkIdentifier('event envelope has invalid namespace: ', envelope.namespace);
    checkTopic(envelope.topic);
    for (const subscriber of this.#subscribers) subscriber.offer(envelope);
  }

  /**
   * Events from this call on that match one of `filters` (fields topic, namespace, event.*); [] is all. It ends with
   * `signal` or by leaving the loop, and throws resource-exhausted when the subscriber fell `maxQueuedEvents` behind.
   */
  subscribe(filters: string[], signal: AbortSignal): AsyncIterable<Envelope> {
    const subscriber = new Subscriber(compileFilters(filters), signal, () => this.#subscribers.delete(subscriber));
    if (!signal.aborted) this.#subscribers.add(subscriber);
    return subscriber;
  }

  /** The daemon stops: every subscriber gets what it still has to get, then an unavailable error. */
  close(): void {
    const failure = new ContainerError('unavailable', 'subscribe to events: the daemon is stopping');
    for (const subscriber of [...this.#subscribers]) subscriber.fail(failure);
  }
}

class Subscriber implements AsyncIterable<Envelope>, AsyncIterator<Envelope> {
  readonly #filter: Filter;
  readonly #leave: () => void;
  readonly #queue: Envelope[] = [];
  #waiting: { resolve: (result: IteratorResult<Envelope>) => void; reject: (error: unknown) => void } | undefined;
  /** Told once the queue is empty. */
  #failure: ContainerError | undefined;
  #isEnded: boolean;

  constructor(filter: Filter, signal: AbortSignal, leave: () => void) {
    this.#filter = filter;
    this.#leave = leave;
    this.#isEnded = signal.aborted;
    signal.addEventListener('abort', () => this.#end(), { once: true });
  }

  offer(envelope: Envelope): void {
    if (this.#failure !== undefined || !this.#filter(readEvent(envelope))) return;
    if (this.#waiting !== undefined) {
      this.#waiting.resolve({ done: false, value: envelope });
      this.#waiting = undefined;
      return;
    }
    if (this.#queue.length < maxQueuedEvents) this.#queue.push(envelope);
    else
      this.#failure = new ContainerError(
        'resource-exhausted',
        `subscribe to events: the subscriber fell ${maxQueuedEvents} events behind`,
      );
  }

  fail(failure: ContainerError): void {
    this.#failure ??= failure;
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }

  next(): Promise<IteratorResult<Envelope>> {
    const envelope = this.#queue.shift();
    if (envelope !== undefined) return Promise.resolve({ done: false, value: envelope });
    if (this.#failure !== undefined) {
      this.#end();
      return Promise.reject(this.#failure);
    }
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<Envelope>> {
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): AsyncIterator<Envelope> {
    return this;
  }

  #end(): void {
    this.#isEnded = true;
    this.#leave();
    this.#waiting?.resolve({ done: true, value: undefined });
    this.#waiting = undefined;
  }
}

/** `/name/name`, in containerd's words. */
function checkTopic(topic: string): void {
  const refuse = (cause: string) =>
    new ContainerError('invalid-argument', `envelope topic "${topic}": ${cause}: invalid argument`);
  if (topic === '') throw refuse('must not be empty');
  if (!topic.startsWith('/')) throw refuse("must start with '/'");
  if (topic.length === 1) throw refuse('must have at least one component');
  for (const part of topic.slice(1).split('/'))
    checkIdentifier(`envelope topic "${topic}": failed validation on component "${part}": `, part);
}
