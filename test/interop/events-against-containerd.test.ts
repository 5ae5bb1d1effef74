// The events of one series of changes, on tscontainerd and on the real containerd: same topics, same types, same order, same fields.
import { loadMessage, loadService } from '@tscontainer/platform/contract-loader';
import { GrpcConnection } from '@tscontainer/platform/grpc-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import type { TaskClient } from '../harness/task-client.ts';

interface SeenEvent {
  topic: string;
  type: string;
  fields: unknown;
}

interface Side {
  daemon: LifecycleDaemon;
  runtime: string;
  client: TaskClient;
  connection: GrpcConnection;
  leave: AbortController;
}

const files: [prefix: string, file: string][] = [
  ['containerd.events.Task', 'containerd/events/task.proto'],
  ['containerd.events.Container', 'containerd/events/container.proto'],
  ['containerd.events.Snapshot', 'containerd/events/snapshot.proto'],
  ['containerd.events.Namespace', 'containerd/events/namespace.proto'],
  ['containerd.services.images.v1.Image', 'containerd/services/images/v1/image-events.proto'],
];
const eventsApi = loadService('containerd/services/events/v1/events.proto', 'containerd.services.events.v1.Events');
const sides: Side[] = [];

beforeAll(async () => {
  for (const isReal of [false, true]) {
    const runtime = isReal ? 'io.containerd.runc.v2' : 'io.containerd.ts.v2';
    const daemon = new LifecycleDaemon({ isReal });
    await daemon.start();
    const connection = new GrpcConnection(daemon.address);
    sides.push({ daemon, runtime, client: daemon.client(runtime), connection, leave: new AbortController() });
  }
});
afterAll(async () => {
  for (const { daemon, connection, leave } of sides) {
    leave.abort();
    connection.close();
    await daemon.stop();
  }
});

/** Times and pids are each side's own; a label's or an io's place too. */
function masked(side: Side, value: any): unknown {
  if (typeof value === 'string')
    return value
      .replaceAll(side.daemon.namespace, 'NS')
      .replaceAll(side.daemon.directory, 'DIR')
      .replaceAll(side.runtime, 'RUNTIME');
  if (Buffer.isBuffer(value) || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((entry) => masked(side, entry));
  const entries = Object.entries<any>(value).map(([key, entry]) => {
    if (key === 'pid') return [key, entry > 0];
    if (key === 'snapshotter') return [key, '']; // since 1.7
    return [key, key === 'exitedAt' ? entry !== null : masked(side, entry)];
  });
  return Object.fromEntries(entries);
}

async function follow(side: Side, seen: SeenEvent[], filters: string[]): Promise<void> {
  const { signal } = side.leave;
  const stream = side.connection.stream<object, any>(eventsApi, 'Subscribe', { filters }, { signal });
  void (async () => {
    for await (const { topic, event } of stream) {
      const type = event.typeUrl as string;
      const file = files.find(([prefix]) => type.startsWith(prefix))?.[1];
      const fields = file === undefined ? undefined : masked(side, loadMessage<object>(file, type).decode(event.value));
      seen.push({ topic, type, fields });
    }
  })().catch(() => undefined); // the end of the test ends it
  while (seen.length === 0) {
    const event = { typeUrl: 'containerd.events.TaskOOM', value: Buffer.alloc(0) };
    await side.connection.unary(eventsApi, 'Publish', { topic: '/probe', event }, { namespace: side.daemon.namespace });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function change(side: Side): Promise<void> {
  const { namespace } = side.daemon;
  const call = (path: string, request: object) => {
    const [service = '', method = ''] = path.split('/');
    const [name = ''] = service.split('.');
    const definition = loadService(
      `containerd/services/${name}/v1/${name}.proto`,
      `containerd.services.${name}.v1.${service.split('.')[1]}`,
    );
    return side.connection.unary<object, any>(definition, method, request, { namespace });
  };
  const labels = { 'containerd.io/gc.root': 'x' };
  await call('namespaces.Namespaces/Create', { namespace: { name: 'ev', labels: { a: 'b' } } });
  await call('namespaces.Namespaces/Update', { namespace: { name: 'ev', labels: { a: 'c' } } });
  await call('namespaces.Namespaces/Delete', { name: 'ev' });
  const target = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: `sha256:${'2'.repeat(64)}`,
    size: 1,
  };
  await call('images.Images/Create', { image: { name: 'i', labels, target } });
  await call('images.Images/Update', { image: { name: 'i', labels: { k: 'v' } }, updateMask: { paths: ['labels.k'] } });
  await call('images.Images/Delete', { name: 'i' });
  const snapshotter = 'overlayfs';
  await call('snapshots.Snapshots/Prepare', { snapshotter, key: 'k', labels });
  await call('snapshots.Snapshots/Commit', { snapshotter, key: 'k', name: 'l', labels });
  await call('snapshots.Snapshots/View', { snapshotter, key: 'v', parent: 'l', labels });
  await call('snapshots.Snapshots/Remove', { snapshotter, key: 'v' });
  await call('snapshots.Snapshots/Remove', { snapshotter, key: 'l' });
  const { client } = side;
  await client.run('c', ['/bin/sleep', '100']);
  await client.exec('c', 'e', ['/bin/true']);
  await client.wait('c', 'e');
  await client.tasks('DeleteProcess', { containerId: 'c', execId: 'e' });
  await client.tasks('Pause', { containerId: 'c' });
  await client.tasks('Resume', { containerId: 'c' });
  await client.tasks('Kill', { containerId: 'c', signal: 9 });
  await client.wait('c');
  await client.tasks('Delete', { containerId: 'c' });
  await call('containers.Containers/Update', {
    container: { id: 'c', labels: { k: 'v' } },
    updateMask: { paths: ['labels.k'] },
  });
  await call('containers.Containers/Delete', { id: 'c' });
}

/** Two publishers, daemon and shim, are in no order to each other: each one's own order is what counts. */
const ofShim = ({ topic }: SeenEvent) => topic.startsWith('/tasks/');

describe('the events of both', () => {
  it('are the same', async () => {
    const all = await Promise.all(
      sides.map(async (side) => {
        const seen: SeenEvent[] = [];
        const tasks: SeenEvent[] = [];
        await follow(side, seen, []);
        await follow(side, tasks, ['topic~=^/tasks', 'topic=="/probe"']);
        await change(side);
        const isWhole = () =>
          seen.some(({ topic }) => topic === '/containers/delete') &&
          tasks.some(({ topic }) => topic === '/tasks/delete');
        await until('the last events', 5000, () => (isWhole() ? true : undefined));
        const withoutProbes = (events: SeenEvent[]) => events.filter(({ topic }) => topic !== '/probe');
        return { seen: withoutProbes(seen), tasks: withoutProbes(tasks) };
      }),
    );
    const [ours, real] = all;
    if (ours === undefined || real === undefined) throw new Error('two sides');
    expect(ours.seen.filter((event) => !ofShim(event))).toEqual(real.seen.filter((event) => !ofShim(event)));
    expect(ours.tasks.map(({ topic, type }) => [topic, type])).toEqual(
      real.tasks.map(({ topic, type }) => [topic, type]),
    );
    expect(ours.tasks).toEqual(ours.seen.filter(ofShim));
    const withoutPlaces = (events: SeenEvent[]) =>
      events.map(({ fields }) =>
        JSON.parse(JSON.stringify(fields, (key, value) => (/^(id|bundle)$/.test(key) ? '' : value))),
      );
    expect(withoutPlaces(ours.tasks)).toEqual(withoutPlaces(real.tasks));
  });
});
