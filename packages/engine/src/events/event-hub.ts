// The engine's event stream: what happened to containers, images, volumes and the daemon, with the last ones to replay.
import { nowNs } from '../go-time.ts';
import type { Filters } from '../http/query.ts';
import type { ImageEventSink } from '../images/image-backend.ts';

export type EventType = 'container' | 'image' | 'volume' | 'network' | 'daemon' | 'builder';

export interface EngineEvent {
  type: EventType;
  action: string;
  /** Id or name of what it happened to. */
  id: string;
  attributes: Record<string, string>;
  timeNs: bigint;
}

/** Events kept for `since`. */
const replayCount = 256;

export type EventListener = (event: EngineEvent) => void;

export class EventHub implements ImageEventSink {
  readonly #recent: EngineEvent[] = [];
  readonly #listeners = new Set<EventListener>();

  publish(type: EventType, action: string, id: string, attributes: Record<string, string>): void {
    const event: EngineEvent = { type, action, id, attributes, timeNs: nowNs() };
    this.#recent.push(event);
    if (this.#recent.length > replayCount) this.#recent.shift();
    for (const listener of [...this.#listeners]) listener(event);
  }

  imageEvent(action: string, id: string, attributes: Record<string, string>): void {
    this.publish('image', action, id, attributes);
  }

  /** Those kept from `since` on, the oldest first. */
  recent(since: bigint): EngineEvent[] {
    return this.#recent.filter((event) => event.timeNs >= since);
  }

  subscribe(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

export const eventFilters = [
  'config',
  'container',
  'daemon',
  'event',
  'image',
  'label',
  'network',
  'node',
  'plugin',
  'scope',
  'secret',
  'service',
  'type',
  'volume',
];

function isNamed(event: EngineEvent, type: EventType, wanted: string): boolean {
  return (
    event.type === type &&
    (event.id === wanted || event.id.startsWith(wanted) || event.attributes['name'] === wanted.replace(/^\//, ''))
  );
}

/** An image filter also matches containers of that image. */
function isOfImage(event: EngineEvent, wanted: string): boolean {
  const names = [event.id, event.attributes['name'] ?? '', event.attributes['image'] ?? ''];
  return (
    (event.type === 'image' || event.type === 'container') &&
    names.some((name) => name === wanted || name.replace(/:[^/:]*$/, '') === wanted)
  );
}

export function matchesEvent(event: EngineEvent, filters: Filters): boolean {
  return (
    filters.matches('type', (type) => event.type === type) &&
    filters.matches('event', (action) => event.action === action || event.action.startsWith(`${action}:`)) &&
    filters.matches('container', (wanted) => isNamed(event, 'container', wanted)) &&
    filters.matches('volume', (wanted) => isNamed(event, 'volume', wanted)) &&
    filters.matches('network', (wanted) => isNamed(event, 'network', wanted)) &&
    filters.matches('daemon', (wanted) => isNamed(event, 'daemon', wanted)) &&
    filters.matches('image', (wanted) => isOfImage(event, wanted)) &&
    filters.matches('scope', (scope) => scope === 'local') &&
    filters.matchesLabels(event.attributes)
  );
}

/** ES2026's JSON.rawJSON, which the type library does not know yet: the text goes into the JSON as it is. */
const rawJson = (JSON as unknown as { rawJSON(text: string): object }).rawJSON;

/** Docker's shape, with the fields of old API versions. */
export function eventView(event: EngineEvent): object {
  const legacy =
    event.type === 'container'
      ? { status: event.action, id: event.id, from: event.attributes['image'] ?? '' }
      : event.type === 'image'
        ? { status: event.action, id: event.id }
        : {};
  return {
    ...legacy,
    Type: event.type,
    Action: event.action,
    Actor: { ID: event.id, Attributes: event.attributes },
    scope: 'local',
    time: Number(event.timeNs / 1_000_000_000n),
    // more digits than a number of JavaScript has
    timeNano: rawJson(String(event.timeNs)),
  };
}
