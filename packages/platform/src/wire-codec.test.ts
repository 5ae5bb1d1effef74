// The table codec and protobufjs must agree on every message of the tables, in both directions.

import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { enumTables, messageTables, serviceTables } from './contracts/wire-tables.ts';
import { wireMessage, wireService } from './wire-codec.ts';
import './contract-loader.ts'; // declares Any with camel case fields

const protos = fileURLToPath(new URL('../../../protos/', import.meta.url));
const root = new protobuf.Root();
root.resolvePath = (_origin, target) => protos + target;
root.loadSync(
  [
    'ttrpc/ttrpc.proto',
    'containerd/task/v2/task.proto',
    'tscontainer/shim/v1/shim.proto',
    'containerd/events/task.proto',
    'containerd/services/events/ttrpc/v1/events.proto',
    'containerd/runc/v1/options.proto',
    'containerd/types/introspection.proto',
    'containerd/runtime/bootstrap/v1/bootstrap.proto',
    'io/containerd/cgroups/v1/metrics.proto',
    'io/containerd/cgroups/v2/metrics.proto',
  ],
  { keepCase: false },
);
root.resolveAll();

const decodeOptions = { defaults: true, longs: Number, enums: String, bytes: Buffer } as const;

function sample(scalar: string, typeName: string, depth: number): unknown {
  if (scalar === 'message') return depth > 2 ? {} : sampleMessage(typeName, depth + 1);
  if (scalar === 'enum') return Object.keys(enumTables[typeName] ?? {}).at(-1);
  if (scalar === 'string') return 'wörd';
  if (scalar === 'bytes') return Buffer.from([0, 1, 255]);
  if (scalar === 'bool') return true;
  if (scalar === 'double') return 0.25;
  if (scalar === 'int64') return -1_700_000_000_123;
  if (scalar === 'int32') return -7;
  return scalar === 'uint64' ? Number.MAX_SAFE_INTEGER : 4_000_000_000;
}

function sampleMessage(typeName: string, depth = 0): Record<string, unknown> {
  const entries = (messageTables[typeName] ?? []).map(([, name, kind]) => {
    const words = kind.split(' ');
    const form = words[0] === 'repeated' || words[0] === 'map' ? words.shift() : undefined;
    const value = sample(words[0] ?? '', words[1] ?? '', depth);
    if (form === 'map') return [name, { one: value, two: value }];
    return [name, form === 'repeated' ? [value, value] : value];
  });
  return Object.fromEntries(entries);
}

describe('the table codec', () => {
  const names = Object.keys(messageTables);

  it('knows the messages of every service', () => {
    for (const name of Object.keys(serviceTables)) expect(Object.keys(wireService(name)).length).toBeGreaterThan(0);
    expect(names.length).toBeGreaterThan(60);
  });

  it.each(names)('reads %s as protobufjs wrote it', (name) => {
    const type = root.lookupType(name);
    const bytes = type.encode(type.fromObject(sampleMessage(name))).finish();
    expect(wireMessage(name).decode(bytes)).toEqual(type.toObject(type.decode(bytes), decodeOptions));
  });

  it.each(names)('writes %s so that protobufjs reads it', (name) => {
    const type = root.lookupType(name);
    const message = sampleMessage(name);
    const read = type.toObject(type.decode(wireMessage(name).encode(message)), decodeOptions);
    const expected = type.toObject(type.decode(type.encode(type.fromObject(message)).finish()), decodeOptions);
    expect(read).toEqual(expected);
  });

  it('gives every field its default', () => {
    expect(wireMessage('containerd.task.v2.StateResponse').decode(Buffer.alloc(0))).toEqual({
      id: '',
      bundle: '',
      pid: 0,
      status: 'UNKNOWN',
      stdin: '',
      stdout: '',
      stderr: '',
      terminal: false,
      exitStatus: 0,
      exitedAt: null,
      execId: '',
    });
  });

  it('refuses bytes that end within a value', () => {
    const bytes = wireMessage('containerd.task.v2.StateRequest').encode({ id: 'abcdef' } as object);
    expect(() => wireMessage('containerd.task.v2.StateRequest').decode(bytes.subarray(0, 4))).toThrow(
      /decode protobuf/,
    );
  });

  it('takes a field of another wire type for unknown', () => {
    const bytes = wireMessage('containerd.events.TaskExit').encode({ containerId: 'a', id: 'b', pid: 7 } as object);
    expect(wireMessage('containerd.events.TaskStart').decode(bytes)).toEqual({ containerId: 'a', pid: 0 });
  });

  it('skips fields that it does not know', () => {
    const bytes = Buffer.concat([
      Buffer.from([0xf8, 0x07, 0x96, 0x01]),
      wireMessage('containerd.task.v2.StateRequest').encode({ id: 'a' } as object),
    ]);
    expect(wireMessage('containerd.task.v2.StateRequest').decode(bytes)).toEqual({ id: 'a', execId: '' });
  });
});
