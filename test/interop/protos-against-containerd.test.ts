// Speaks to a containerd that is not ours through our contracts: every call here is encoded and decoded by protos/.
import { createHash } from 'node:crypto';
import { copyFileSync, globSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadMessage, loadService } from '@tscontainer/platform/contract-loader';
import type { TaskExit } from '@tscontainer/platform/contracts/containerd/events/task';
import type * as containers from '@tscontainer/platform/contracts/containerd/services/containers/v1/containers';
import type * as content from '@tscontainer/platform/contracts/containerd/services/content/v1/content';
import type * as images from '@tscontainer/platform/contracts/containerd/services/images/v1/images';
import type * as introspection from '@tscontainer/platform/contracts/containerd/services/introspection/v1/introspection';
import type * as leases from '@tscontainer/platform/contracts/containerd/services/leases/v1/leases';
import type * as namespaces from '@tscontainer/platform/contracts/containerd/services/namespaces/v1/namespaces';
import type * as snapshots from '@tscontainer/platform/contracts/containerd/services/snapshots/v1/snapshots';
import type * as tasks from '@tscontainer/platform/contracts/containerd/services/tasks/v1/tasks';
import type * as version from '@tscontainer/platform/contracts/containerd/services/version/v1/version';
import type * as shimTask from '@tscontainer/platform/contracts/containerd/task/v2/task';
import type { Envelope } from '@tscontainer/platform/contracts/containerd/types/event';
import type { Mount } from '@tscontainer/platform/contracts/containerd/types/mount';
import type { Any } from '@tscontainer/platform/contracts/google/protobuf/well-known';
import type { HealthCheckResponse } from '@tscontainer/platform/contracts/grpc/health/v1/health';
import type { Metrics } from '@tscontainer/platform/contracts/io/containerd/cgroups/v1/metrics';
import type { Sent } from '@tscontainer/platform/contracts/message-forms';
import { connectTtrpc } from '@tscontainer/platform/ttrpc/ttrpc-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { processesOf } from '../harness/processes.ts';
import { type ForeignContainerd, startForeignContainerd } from './foreign-containerd.ts';

const namespace = 'contracts';
const snapshotter = 'native';
const cgroup = `tsc-contracts-${process.pid}`;
/** What containerd 1.6 sends for a time that is not set: the year 1. */
const noTime = { seconds: -62_135_596_800, nanos: 0 };
let daemon: ForeignContainerd;

const nameOf = (service: string) => `containerd.services.${service}.v1.${service[0]?.toUpperCase()}${service.slice(1)}`;
const serviceOf = (service: string) =>
  loadService(`containerd/services/${service}/v1/${service}.proto`, nameOf(service));

interface Methods {
  [method: string]: { request: unknown; response: unknown };
}

/** Unary calls of one service, typed by its contract. */
function caller<Service extends object>(service: string) {
  return <Method extends keyof Service & string>(
    method: Method,
    request: Sent<(Service & Methods)[Method]['request']>,
  ): Promise<(Service & Methods)[Method]['response']> =>
    daemon.connection.unary(serviceOf(service), method, request, { namespace, timeoutMs: 10_000 });
}

function listen<Response>(
  service: string,
  method: string,
  request: object,
  signal?: AbortSignal,
): AsyncGenerator<Response> {
  return daemon.connection.stream(serviceOf(service), method, request, { namespace, signal });
}

async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

beforeAll(async () => {
  daemon = await startForeignContainerd();
  await caller<namespaces.Namespaces>('namespaces')('Create', {
    namespace: { name: namespace, labels: { made: 'here' } },
  });
});

afterAll(async () => {
  if (daemon === undefined) return;
  await endTasks();
  await daemon.stop();
  expect(processesOf(daemon.directory)).toEqual([]);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(daemon.directory);
  expect(globSync(`/sys/fs/cgroup/*/${cgroup}`)).toEqual([]);
});

/** Only a failed test leaves a task. */
async function endTasks(): Promise<void> {
  const call = caller<tasks.Tasks>('tasks');
  for (const { id } of (await call('List', {})).tasks) {
    const ended = call('Wait', { containerId: id });
    await call('Kill', { containerId: id, signal: 9, all: true });
    await ended;
    await call('Delete', { containerId: id });
  }
}

describe('records', () => {
  it('tells its release and its plugins', async () => {
    const release = await caller<version.Version>('version')('Version', {});
    expect(release.version).toMatch(/^\d+\.\d+/);
    const { plugins } = await caller<introspection.Introspection>('introspection')('Plugins', {
      filters: ['id==native'],
    });
    expect(plugins.map((plugin) => [plugin.type, plugin.platforms[0]?.os])).toEqual([
      ['io.containerd.snapshotter.v1', 'linux'],
    ]);
    const server = await caller<introspection.Introspection>('introspection')('Server', {});
    expect(server.uuid).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('tells its health', async () => {
    const service = loadService('grpc/health/v1/health.proto', 'grpc.health.v1.Health');
    const answer = await daemon.connection.unary<object, HealthCheckResponse>(service, 'Check', { service: '' });
    expect(answer).toEqual({ status: 'SERVING' });
  });

  it('keeps namespaces', async () => {
    const call = caller<namespaces.Namespaces>('namespaces');
    await call('Update', {
      namespace: { name: namespace, labels: { made: 'again' } },
      updateMask: { paths: ['labels.made'] },
    });
    expect((await call('Get', { name: namespace })).namespace).toEqual({ name: namespace, labels: { made: 'again' } });
    expect((await call('List', {})).namespaces.map(({ name }) => name)).toContain(namespace);
    await expect(call('Create', { namespace: { name: namespace } })).rejects.toMatchObject({ code: 'already-exists' });
  });

  it('keeps containers with every kind of field', async () => {
    const call = caller<containers.Containers>('containers');
    const record: Sent<containers.Container> = {
      id: 'every-field',
      labels: { one: '1' },
      image: 'example.org/image:1',
      runtime: {
        name: 'io.containerd.runc.v2',
        options: { typeUrl: 'containerd.runc.v1.Options', value: Buffer.from([72, 1]) },
      },
      spec: {
        typeUrl: 'types.containerd.io/opencontainers/runtime-spec/1/Spec',
        value: Buffer.from('{"ociVersion":"1.0.2"}'),
      },
      snapshotter,
      snapshotKey: 'key',
      extensions: { extra: { typeUrl: 'example.Extra', value: Buffer.from('x') } },
    };
    const created = (await call('Create', { container: record })).container;
    expect(created).toMatchObject(record);
    expect(Math.abs((created?.createdAt?.seconds ?? 0) - Date.now() / 1000)).toBeLessThan(60);
    expect((await call('Get', { id: 'every-field' })).container).toEqual(created);
    const listed = await collect(
      listen<containers.ListContainerMessage>('containers', 'ListStream', { filters: ['labels.one==1'] }),
    );
    expect(listed.map(({ container }) => container)).toEqual([created]);
    await expect(call('Create', { container: record })).rejects.toMatchObject({ code: 'already-exists' });
    await call('Delete', { id: 'every-field' });
    await expect(call('Get', { id: 'every-field' })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('keeps leases and what they hold', async () => {
    const call = caller<leases.Leases>('leases');
    const { lease } = await call('Create', { id: 'a-lease', labels: { 'containerd.io/gc.flat': 'yes' } });
    expect(lease).toMatchObject({ id: 'a-lease', labels: { 'containerd.io/gc.flat': 'yes' } });
    await call('AddResource', { id: 'a-lease', resource: { id: 'some-key', type: `snapshots/${snapshotter}` } });
    expect((await call('ListResources', { id: 'a-lease' })).resources).toEqual([
      { id: 'some-key', type: `snapshots/${snapshotter}` },
    ]);
    await call('Delete', { id: 'a-lease', sync: true });
    expect((await call('List', {})).leases).toEqual([]);
  });
});

describe('content and images', () => {
  const blob = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] }),
  );
  const digest = `sha256:${createHash('sha256').update(blob).digest('hex')}`;

  it('writes, finds and reads a blob', async () => {
    const write = daemon.connection.duplex<Sent<content.WriteContentRequest>, content.WriteContentResponse>(
      serviceOf('content'),
      'Write',
      { namespace },
    );
    const answers = collect(write);
    await write.write({
      action: 'WRITE',
      ref: 'a-ref',
      total: blob.length,
      expected: digest,
      data: blob.subarray(0, 10),
    });
    await write.write({ action: 'WRITE', offset: 10, data: blob.subarray(10) });
    // Without its offset the commit would begin again with nothing.
    const commit = { offset: blob.length, total: blob.length, expected: digest };
    await write.write({ action: 'COMMIT', ...commit, labels: { 'containerd.io/gc.root': 'yes' } });
    write.end();
    const last = (await answers).at(-1);
    expect(last).toMatchObject({ action: 'COMMIT', offset: blob.length, digest });

    const { info } = await caller<content.Content>('content')('Info', { digest });
    expect(info).toMatchObject({ digest, size: blob.length, labels: { 'containerd.io/gc.root': 'yes' } });
    const part = await collect(listen<content.ReadContentResponse>('content', 'Read', { digest, offset: 3, size: 20 }));
    expect(Buffer.concat(part.map(({ data }) => data))).toEqual(blob.subarray(3, 23));
    const pages = await collect(listen<content.ListContentResponse>('content', 'List', {}));
    expect(pages.flatMap((page) => page.info.map((entry) => entry.digest))).toEqual([digest]);
  });

  it('names an image', async () => {
    const call = caller<images.Images>('images');
    expect((await call('List', {})).images).toEqual([]);
    const target = {
      mediaType: 'application/vnd.oci.image.index.v1+json',
      digest,
      size: blob.length,
      annotations: { a: 'b' },
    };
    await call('Create', { image: { name: 'example.org/empty:1', target } });
    expect((await call('Get', { name: 'example.org/empty:1' })).image).toMatchObject({
      name: 'example.org/empty:1',
      target,
    });
    await call('Delete', { name: 'example.org/empty:1', sync: true });
    expect((await call('List', {})).images).toEqual([]);
  });
});

describe('snapshots and tasks', () => {
  const id = 'a-task';
  let mounts: Mount[];

  it('prepares, commits and lists snapshots', async () => {
    const call = caller<snapshots.Snapshots>('snapshots');
    const prepared = await call('Prepare', {
      snapshotter,
      key: 'base-key',
      labels: { 'containerd.io/gc.root': 'yes' },
    });
    expect(prepared.mounts).toMatchObject([{ type: 'bind' }]);
    const root = prepared.mounts[0]?.source ?? '';
    for (const directory of ['bin', 'proc', 'dev', 'sys']) mkdirSync(join(root, directory));
    copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
    await call('Commit', { snapshotter, key: 'base-key', name: 'base', labels: { 'containerd.io/gc.root': 'yes' } });
    mounts = (await call('Prepare', { snapshotter, key: id, parent: 'base' })).mounts;
    expect(await call('Mounts', { snapshotter, key: id })).toEqual({ mounts });

    const pages = await collect(listen<snapshots.ListSnapshotsResponse>('snapshots', 'List', { snapshotter }));
    const kinds = pages.flatMap((page) => page.info.map(({ name, parent, kind }) => [name, parent, kind]));
    expect(kinds.sort()).toEqual([
      [id, 'base', 'ACTIVE'],
      ['base', '', 'COMMITTED'],
    ]);
    expect((await call('Usage', { snapshotter, key: 'base' })).size).toBeGreaterThan(1_000_000);
  });

  it('runs a task, tells of it in events, and its shim answers over ttrpc', async () => {
    const call = caller<tasks.Tasks>('tasks');
    const abort = new AbortController();
    const envelopes: Envelope[] = [];
    const listening = (async () => {
      for await (const envelope of listen<Envelope>(
        'events',
        'Subscribe',
        { filters: ['topic~=/tasks/'] },
        abort.signal,
      ))
        envelopes.push(envelope);
    })().catch((error: { code: string }) => expect(error.code).toBe('cancelled'));
    await caller<containers.Containers>('containers')('Create', {
      container: { id, runtime: { name: 'io.containerd.runc.v2' }, spec: runtimeSpec(), snapshotter, snapshotKey: id },
    });
    const stdout = join(daemon.directory, 'stdout');
    const { pid } = await call('Create', {
      containerId: id,
      rootfs: mounts,
      stdout: `file://${stdout}`,
      stderr: `file://${stdout}`,
    });
    await call('Start', { containerId: id });
    expect((await call('Get', { containerId: id })).process).toMatchObject({
      id,
      pid,
      status: 'RUNNING',
      exitedAt: noTime,
    });

    const shim = await connectShim(id);
    try {
      const options = { namespace, timeoutMs: 5000 };
      const definition = loadService('containerd/task/v2/task.proto', 'containerd.task.v2.Task');
      const answer = <Response>(method: string) =>
        shim.call<object, Response>('containerd.task.v2.Task', definition, method, { id }, options);
      expect(await answer<shimTask.ConnectResponse>('Connect')).toMatchObject({ taskPid: pid });
      expect(await answer<shimTask.StateResponse>('State')).toMatchObject({
        id,
        pid,
        status: 'RUNNING',
        stdout: `file://${stdout}`,
      });
      const { stats } = await answer<shimTask.StatsResponse>('Stats');
      expect(stats?.typeUrl).toBe('io.containerd.cgroups.v1.Metrics');
      const metrics = loadMessage<Metrics>(
        'io/containerd/cgroups/v1/metrics.proto',
        'io.containerd.cgroups.v1.Metrics',
      ).decode(stats?.value ?? Buffer.alloc(0));
      expect(metrics.pids?.current).toBeGreaterThanOrEqual(1);
      expect(metrics.memory?.usage?.usage).toBeGreaterThan(0);
    } finally {
      shim.close();
    }

    const waiting = call('Wait', { containerId: id });
    await call('Kill', { containerId: id, signal: 10 });
    expect((await waiting).exitStatus).toBe(7);
    expect(await call('Delete', { containerId: id })).toMatchObject({ pid, exitStatus: 7 });
    expect(readFileSync(stdout, 'utf8')).toBe('ready\ntold\n');

    await until('delete event', 5000, () => envelopes.find(({ topic }) => topic === '/tasks/delete'));
    abort.abort();
    await listening;
    expect(envelopes.map(({ topic }) => topic)).toEqual([
      '/tasks/create',
      '/tasks/start',
      '/tasks/exit',
      '/tasks/delete',
    ]);
    const exit = envelopes[2];
    expect(exit).toMatchObject({ namespace, event: { typeUrl: 'containerd.events.TaskExit' } });
    const told = loadMessage<TaskExit>('containerd/events/task.proto', 'containerd.events.TaskExit').decode(
      exit?.event?.value ?? Buffer.alloc(0),
    );
    expect(told).toMatchObject({ containerId: id, id, pid, exitStatus: 7 });
  });

  async function connectShim(container: string) {
    const bundle = join(daemon.directory, 'state/io.containerd.runtime.v2.task', namespace, container);
    const address = readFileSync(join(bundle, 'address'), 'utf8').replace('unix://', '');
    return connectTtrpc(daemon.hostPath(address));
  }

  function runtimeSpec(): Any {
    const script = 'trap "echo told; exit 7" USR1; echo ready; while :; do /bin/busybox sleep 0.05; done';
    const spec = {
      ociVersion: '1.0.2',
      process: { cwd: '/', args: ['/bin/busybox', 'sh', '-c', script], env: ['PATH=/bin'], user: { uid: 0, gid: 0 } },
      root: { path: 'rootfs' },
      mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
      linux: {
        cgroupsPath: `/${cgroup}`,
        namespaces: ['pid', 'ipc', 'uts', 'mount', 'network'].map((type) => ({ type })),
      },
    };
    return {
      typeUrl: 'types.containerd.io/opencontainers/runtime-spec/1/Spec',
      value: Buffer.from(JSON.stringify(spec)),
    };
  }
});
