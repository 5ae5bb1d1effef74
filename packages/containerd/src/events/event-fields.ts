// The fields of an event that a filter may ask for: topic, namespace and, decoded only when asked, event.*.
import { loadMessage } from '@tscontainer/platform/contract-loader';
import type { FieldReader } from '../filters/filter.ts';
import type { Envelope } from './event-exchange.ts';

const fileByPrefix: [prefix: string, file: string][] = [
  ['containerd.events.Task', 'containerd/events/task.proto'],
  ['containerd.events.Container', 'containerd/events/container.proto'],
  ['containerd.events.Content', 'containerd/events/content.proto'],
  ['containerd.events.Sandbox', 'containerd/events/sandbox.proto'],
  ['containerd.events.Snapshot', 'containerd/events/snapshot.proto'],
  ['containerd.events.Namespace', 'containerd/events/namespace.proto'],
  ['containerd.services.images.v1.Image', 'containerd/services/images/v1/image-events.proto'],
];

/** The file of protos/ that defines an event type, or undefined when the type is not ours. */
export function fileOfEvent(typeName: string): string | undefined {
  return fileByPrefix.find(([prefix]) => typeName.startsWith(prefix))?.[1];
}

export function readEvent(envelope: Envelope): FieldReader {
  return (path) => {
    const [field, ...rest] = path;
    if (field === 'topic') return envelope.topic;
    if (field === 'namespace') return envelope.namespace;
    if (field !== 'event' || rest.length === 0) return undefined;
    return fieldOf(decodeEvent(envelope), rest);
  };
}

/** Undefined for what anybody may publish: a type of ours that is none, or bytes that are no such message. */
function decodeEvent({ event }: Envelope): unknown {
  const typeName = event.typeUrl.slice(event.typeUrl.lastIndexOf('/') + 1);
  const file = fileOfEvent(typeName);
  try {
    return file === undefined ? undefined : loadMessage(file, typeName).decode(event.value);
  } catch {
    return undefined; // as in containerd it has no fields: who filters by them is not told, everybody else is
  }
}

function fieldOf(message: unknown, [name = '', ...rest]: string[]): string | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  const record = message as Record<string, unknown>;
  if (name === 'labels') return (record.labels as Record<string, string> | undefined)?.[rest.join('.')];
  const value = record[name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())];
  if (rest.length > 0) return fieldOf(value, rest);
  return value === undefined || typeof value === 'object' ? undefined : String(value);
}
