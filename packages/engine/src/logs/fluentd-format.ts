// Log entries as messages of Fluentd's forward protocol: [tag, time, record] in MessagePack. No I/O.
import type { LogEntry } from './log-lines.ts';

export interface FluentdOptions {
  tag: string;
  containerId: string;
  /** With the slash, as docker's driver has it. */
  containerName: string;
  /** Labels and variables that were asked for. */
  extra: Record<string, string>;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const { length } = bytes;
  const head =
    length < 32
      ? [0xa0 | length]
      : length < 0x100
        ? [0xd9, length]
        : length < 0x10000
          ? [0xda, length >> 8, length & 0xff]
          : [0xdb, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff];
  return Buffer.concat([Buffer.from(head), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes[0] = 0xce;
  bytes.writeUInt32BE(value, 1);
  return bytes;
}

function record(fields: Record<string, string>): Buffer {
  const entries = Object.entries(fields);
  const { length } = entries;
  return Buffer.concat([
    Buffer.from(length < 16 ? [0x80 | length] : [0xde, length >> 8, length & 0xff]),
    ...entries.flatMap(([key, value]) => [text(key), text(value)]),
  ]);
}

export function fluentdMessage(entry: LogEntry, options: FluentdOptions): Buffer {
  const seconds = Math.floor(Date.parse(entry.time) / 1000);
  return Buffer.concat([
    Buffer.from([0x93]),
    text(options.tag),
    uint32(seconds),
    record({
      container_id: options.containerId,
      container_name: options.containerName,
      source: entry.stream,
      log: entry.text.replace(/\n$/, ''),
      ...options.extra,
    }),
  ]);
}
