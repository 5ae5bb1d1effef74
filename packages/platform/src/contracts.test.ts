// Holds protos/, the generated types and the loader's answers to one another, and the services to containerd's count.
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadMessage, loadService } from './contract-loader.ts';
import type { Any } from './contracts/google/protobuf/well-known.ts';

const protosDirectory = resolve(import.meta.dirname, '../../../protos');
const files = globSync('**/*.proto', { cwd: protosDirectory }).sort();
const source = (file: string) => readFileSync(join(protosDirectory, file), 'utf8');
const packageOf = (file: string) => /^package (.+);$/m.exec(source(file))?.[1] ?? '';

const services = files.flatMap((file) =>
  [...source(file).matchAll(/^service (\w+)/gm)].map((match) => ({
    file,
    name: `${packageOf(file)}.${match[1]}`,
  })),
);

/** Full names of a file's messages; the loader knows no nested ones, which are decoded within their owners. */
function messagesOf(file: string): string[] {
  return [...source(file).matchAll(/^message (\w+)/gm)].map((match) => `${packageOf(file)}.${match[1]}`);
}

/** Fields that the generated type says are always there. */
function typedFields(file: string, message: string): string[] {
  const types = readFileSync(join(import.meta.dirname, 'contracts', file.replace(/\.proto$/, '.ts')), 'utf8');
  const name = message.slice(packageOf(file).length + 1);
  if (types.includes(`export type ${name} = Record<string, never>;`)) return [];
  const body = new RegExp(`^export interface ${name} \\{\\n([^}]*)\\}`, 'm').exec(types)?.[1];
  if (body === undefined) throw new Error(`${file}: no type for ${message}`);
  return [...body.matchAll(/^ {2}(\w+): /gm)].map((match) => match[1] ?? '').sort();
}

describe('contracts', () => {
  it('have the services and the number of methods that containerd has', () => {
    const counts = services.map(({ file, name }) => [name, Object.keys(loadService(file, name)).length]);
    expect(Object.fromEntries(counts)).toEqual({
      'containerd.runtime.sandbox.v1.Sandbox': 9,
      'containerd.services.containers.v1.Containers': 6,
      'containerd.services.content.v1.Content': 9,
      'containerd.services.diff.v1.Diff': 2,
      'containerd.services.events.ttrpc.v1.Events': 1,
      'containerd.services.events.v1.Events': 3,
      'containerd.services.images.v1.Images': 5,
      'containerd.services.introspection.v1.Introspection': 3,
      'containerd.services.leases.v1.Leases': 6,
      'containerd.services.mounts.v1.Mounts': 5,
      'containerd.services.namespaces.v1.Namespaces': 5,
      'containerd.services.sandbox.v1.Controller': 9,
      'containerd.services.sandbox.v1.Store': 5,
      'containerd.services.snapshots.v1.Snapshots': 10,
      'containerd.services.streaming.v1.Streaming': 1,
      'containerd.services.tasks.v1.Tasks': 17,
      'containerd.services.transfer.v1.Transfer': 1,
      'containerd.services.version.v1.Version': 1,
      'containerd.task.v2.Task': 17,
      'containerd.task.v3.Task': 17,
      'grpc.health.v1.Health': 3,
      'grpc.reflection.v1.ServerReflection': 1,
      'grpc.reflection.v1alpha.ServerReflection': 1,
      'tscontainer.shim.v1.Shim': 2,
    });
  });

  it.each(files)('%s stands in the directory of its package', (file) => {
    expect(file.slice(0, file.lastIndexOf('/'))).toBe(packageOf(file).replaceAll('.', '/'));
  });

  it.each(files)('%s decodes to what its types say', (file) => {
    for (const message of messagesOf(file)) {
      const decoded = loadMessage<object>(file, message).decode(new Uint8Array());
      expect(Object.keys(decoded).sort(), message).toEqual(typedFields(file, message));
    }
  });

  it('carry the type of an Any, in an event within an envelope', () => {
    const envelope = loadMessage<{ event: Any }>('containerd/types/event.proto', 'containerd.types.Envelope');
    const event = {
      typeUrl: 'containerd.events.TaskExit',
      value: Buffer.from([1, 2]),
    };
    expect(envelope.decode(envelope.encode({ event })).event).toEqual(event);
    expect(envelope.encode({ event }).toString('latin1')).toContain(
      '\x0a\x1acontainerd.events.TaskExit\x12\x02\x01\x02',
    );
  });

  it('keep 64-bit numbers up to the largest that a limit can be', () => {
    type Pids = { current: number; limit: number };
    const pids = loadMessage<Pids>('io/containerd/cgroups/v2/metrics.proto', 'io.containerd.cgroups.v2.PidsStat');
    const most = pids.encode({ current: 2 ** 53 - 1, limit: 2 ** 64 });
    expect(most.toString('hex')).toBe('08ffffffffffffff0f10ffffffffffffffffff01');
    expect(pids.decode(most)).toEqual({ current: 2 ** 53 - 1, limit: 2 ** 64 });
  });
});
