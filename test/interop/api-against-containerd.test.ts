// One series of calls over the services, made on tscontainerd and on the real containerd: answers, codes and words are the same.
import { loadMessage, loadService } from '@tscontainer/platform/contract-loader';
import { GrpcConnection } from '@tscontainer/platform/grpc-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import type { TaskClient } from '../harness/task-client.ts';

interface CallOptions {
  namespace?: string;
  lease?: string;
  /** Both refuse it: our shim with failed-precondition and the object's name, runc's with words alone. */
  isIllegalStep?: boolean;
}

type Call = [method: string, request: object, options?: CallOptions];

interface Side {
  daemon: LifecycleDaemon;
  runtime: string;
  connection: GrpcConnection;
  client: TaskClient;
}

const sides: Side[] = [];

async function start(isReal: boolean): Promise<void> {
  const runtime = isReal ? 'io.containerd.runc.v2' : 'io.containerd.ts.v2';
  const daemon = new LifecycleDaemon({ isReal });
  await daemon.start();
  sides.push({ daemon, runtime, connection: new GrpcConnection(daemon.address), client: daemon.client(runtime) });
}
beforeAll(async () => {
  await start(false);
  await start(true);
});
afterAll(async () => {
  for (const { daemon, connection } of sides) {
    connection.close();
    await daemon.stop();
  }
});

function definitionOf(path: string) {
  const [service = ''] = path.split('/');
  const [package_ = ''] = service.split('.');
  return loadService(
    `containerd/services/${package_}/v1/${package_}.proto`,
    `containerd.services.${package_}.v1.${service.split('.')[1]}`,
  );
}

/** What is each side's own: times, pids, places, the runtime's name. */
function masked(side: Side, value: any): unknown {
  if (typeof value === 'string')
    return value
      .replaceAll(side.daemon.namespace, 'NS')
      .replaceAll(side.daemon.directory, 'DIR')
      .replaceAll(side.daemon.rootfs, 'ROOT')
      .replaceAll(side.runtime, 'RUNTIME')
      .replace(/snapshots\/\d+\//g, 'snapshots/N/');
  if (Buffer.isBuffer(value)) return masked(side, value.toString('latin1'));
  if (Array.isArray(value)) return value.map((entry) => masked(side, entry));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries<any>(value).map(([key, entry]) => {
      // Go's zero time is the year 1
      if (/(At|^timestamp)$/.test(key)) return [key, (entry?.seconds ?? -1) < 0 ? null : 'TIME'];
      if (key === 'containerId') return [key, '']; // 1.6 leaves it out of a process
      return [key, key === 'pid' && entry !== 0 ? 'PID' : masked(side, entry)];
    }),
  );
}

async function answerOf(side: Side, [method, request, options = {}]: Call): Promise<unknown> {
  const { connection, daemon, runtime } = side;
  const definition = definitionOf(method);
  const [, name = ''] = method.split('/');
  const own = JSON.parse(JSON.stringify(request).replaceAll('RUNTIME', runtime), (_, value) =>
    value?.type === 'Buffer' ? Buffer.from(value.data) : value,
  ) as object;
  const { isIllegalStep: _, ...more } = options;
  const scope = { namespace: daemon.namespace, timeoutMs: 20_000, ...more };
  try {
    if (definition[name]?.responseStream) {
      const messages = [];
      for await (const message of connection.stream<object, any>(definition, name, own, scope)) messages.push(message);
      return masked(side, messages);
    }
    const answer = await connection.unary<object, any>(definition, name, own, scope);
    return isUnanswered(method) ? undefined : masked(side, answer);
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    if (options.isIllegalStep) return 'refused';
    return masked(side, { code, message });
  }
}

/** Answered with an empty message by containerd 1.6. */
const isUnanswered = (method: string) => method === 'namespaces.Namespaces/Update';

async function same(calls: Call[]): Promise<void> {
  for (const call of calls) {
    const [ours, real] = await Promise.all(sides.map((side) => answerOf(side, call)));
    expect.soft(ours, `${call[0]} ${JSON.stringify(call[1])}`).toEqual(real);
  }
}

const any = (typeUrl: string, text: string) => ({ typeUrl, value: Buffer.from(text) });
const mask = (...paths: string[]) => ({ updateMask: { paths } });
const long = 'x'.repeat(5000);

describe('the same answers', () => {
  it('of Namespaces', () =>
    same([
      ['namespaces.Namespaces/Create', { namespace: { name: 'n1', labels: { a: '1', b: '2' } } }],
      ['namespaces.Namespaces/Create', { namespace: { name: 'n1' } }],
      ['namespaces.Namespaces/Create', { namespace: { name: '' } }],
      ['namespaces.Namespaces/Create', { namespace: { name: 'x'.repeat(80) } }],
      ['namespaces.Namespaces/Create', { namespace: { name: 'n2', labels: { l: long } } }],
      ['namespaces.Namespaces/Get', { name: 'n1' }],
      ['namespaces.Namespaces/Update', { namespace: { name: 'n1', labels: { a: '9', c: '3' } }, ...mask('labels.a') }],
      ['namespaces.Namespaces/Get', { name: 'n1' }],
      ['namespaces.Namespaces/Update', { namespace: { name: 'n1', labels: {} }, ...mask('labels.b') }],
      ['namespaces.Namespaces/Get', { name: 'n1' }],
      ['namespaces.Namespaces/Update', { namespace: { name: 'n1', labels: { z: '1' } } }],
      ['namespaces.Namespaces/Get', { name: 'n1' }],
      ['namespaces.Namespaces/Update', { namespace: { name: 'n1' }, ...mask('name') }],
      ['namespaces.Namespaces/Delete', { name: 'n1' }],
      ['namespaces.Namespaces/Delete', { name: 'n1' }],
    ]));

  it('of Containers', async () => {
    const spec = any('types.containerd.io/opencontainers/runtime-spec/1/Spec', '{}');
    const runtime = { name: 'RUNTIME' };
    const container = {
      id: 'c1',
      labels: { k: 'v', l: 'w' },
      image: 'i',
      runtime,
      spec,
      extensions: { e: any('t', '1') },
    };
    await same([
      ['containers.Containers/Create', { container }],
      ['containers.Containers/Create', { container }],
      ['containers.Containers/Create', { container: { ...container, id: '' } }],
      ['containers.Containers/Create', { container: { ...container, id: 'a..b' } }],
      ['containers.Containers/Create', { container: { ...container, id: 'c2', runtime: null } }],
      ['containers.Containers/Create', { container: { ...container, id: 'c2', spec: null } }],
      ['containers.Containers/Create', { container: { ...container, id: 'c2', snapshotKey: 'k' } }],
      ['containers.Containers/Create', { container: { ...container, id: 'c2', labels: { l: long } } }],
      ['containers.Containers/Create', { container }, { namespace: '' }],
      ['containers.Containers/Create', { container }, { namespace: 'not/legal' }],
      ['containers.Containers/Get', { id: 'c1' }],
      ['containers.Containers/Get', { id: 'c1' }, { namespace: 'elsewhere' }],
      ['containers.Containers/Get', { id: 'none' }],
      ['containers.Containers/Update', { container: { id: 'c1', labels: { k: 'x', m: 'y' } }, ...mask('labels.k') }],
      ['containers.Containers/Update', { container: { id: 'c1', labels: {} }, ...mask('labels.l') }],
      ['containers.Containers/Update', { container: { id: 'c1', labels: { n: '1' } }, ...mask('labels') }],
      ['containers.Containers/Update', { container: { id: 'c1', image: 'j' }, ...mask('image') }],
      ['containers.Containers/Update', { container: { id: 'c1', image: 'j' }, ...mask('id') }],
      ['containers.Containers/Update', { container: { id: 'c1', image: 'j' }, ...mask('created_at') }],
      [
        'containers.Containers/Update',
        { container: { id: 'c1', extensions: { f: any('t', '2') } }, ...mask('extensions.f') },
      ],
      ['containers.Containers/Update', { container: { ...container, runtime: { name: 'other' } } }],
      ['containers.Containers/Update', { container: { id: 'none', image: 'j' }, ...mask('image') }],
      ['containers.Containers/Update', { container: { id: '' } }],
      ['containers.Containers/Get', { id: 'c1' }],
      ['containers.Containers/List', { filters: ['labels.n==1', 'id==none'] }],
      ['containers.Containers/List', { filters: ['runtime.name==RUNTIME'] }],
      ['containers.Containers/List', { filters: ['image==j'] }],
      ['containers.Containers/ListStream', {}],
      ['containers.Containers/Delete', { id: 'c1' }],
      ['containers.Containers/Delete', { id: 'c1' }],
    ]);
  });

  it('of Leases', () =>
    same([
      ['leases.Leases/Create', { id: 'l1', labels: { a: 'b' } }],
      ['leases.Leases/Create', { id: 'l1' }],
      ['leases.Leases/List', { filters: ['labels.a==b'] }],
      ['leases.Leases/List', { filters: ['id==none'] }],
      ['leases.Leases/AddResource', { id: 'l1', resource: { id: 'sha256:x', type: 'content' } }],
      ['leases.Leases/AddResource', { id: 'l1', resource: { id: 'k', type: 'snapshots/overlayfs' } }],
      ['leases.Leases/AddResource', { id: 'l1', resource: { id: 'k', type: 'nothing' } }],
      ['leases.Leases/AddResource', { id: 'none', resource: { id: 'k', type: 'content' } }],
      ['leases.Leases/ListResources', { id: 'l1' }],
      ['leases.Leases/ListResources', { id: 'none' }],
      ['leases.Leases/DeleteResource', { id: 'l1', resource: { id: 'k', type: 'snapshots/overlayfs' } }],
      ['leases.Leases/DeleteResource', { id: 'none', resource: { id: 'k', type: 'content' } }],
      ['leases.Leases/ListResources', { id: 'l1' }],
      ['leases.Leases/Delete', { id: 'l1', sync: true }],
      ['leases.Leases/Delete', { id: 'l1' }],
      ['containers.Containers/Get', { id: 'c1' }, { lease: 'none' }],
    ]));

  it('of Images', () => {
    const target = {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: `sha256:${'1'.repeat(64)}`,
      size: 7,
    };
    const image = { name: 'docker.io/library/i:1', labels: { a: 'b' }, target };
    return same([
      ['images.Images/Create', { image }],
      ['images.Images/Create', { image }],
      ['images.Images/Create', { image: { ...image, name: '' } }],
      ['images.Images/Create', { image: { ...image, name: 'x', target: null } }],
      ['images.Images/Create', { image: { ...image, name: 'x', target: { ...target, digest: 'no' } } }],
      ['images.Images/Create', { image: { ...image, name: 'x', target: { ...target, size: 0 } } }],
      ['images.Images/Create', { image: { ...image, name: 'x', target: { ...target, mediaType: '' } } }],
      ['images.Images/Create', { image: { ...image, name: 'x', labels: { l: long } } }],
      ['images.Images/Get', { name: image.name }],
      ['images.Images/Get', { name: 'none' }],
      ['images.Images/Update', { image: { ...image, labels: { a: 'c', d: 'e' } }, ...mask('labels.a') }],
      ['images.Images/Update', { image: { ...image, labels: { z: 'z' } }, ...mask('labels') }],
      ['images.Images/Update', { image: { ...image, target: { ...target, size: 9 } }, ...mask('target') }],
      ['images.Images/Update', { image, ...mask('name') }],
      ['images.Images/Update', { image: { ...image, name: 'none' } }],
      ['images.Images/List', { filters: ['labels.z==z'] }],
      ['images.Images/List', { filters: ['target.mediatype~=manifest'] }],
      ['images.Images/List', { filters: ['target.digest~=^sha256:1'] }],
      ['images.Images/Delete', { name: image.name, sync: true }],
      ['images.Images/Delete', { name: image.name }],
    ]);
  });

  it('of Events and Introspection', () =>
    same([
      ['events.Events/Publish', { topic: '/a/b', event: any('containerd.events.TaskOOM', '') }],
      ['events.Events/Publish', { topic: 'a/b', event: any('x', '') }],
      ['events.Events/Publish', { topic: '/', event: any('x', '') }],
      ['events.Events/Publish', { topic: '/a//b', event: any('x', '') }],
      ['events.Events/Publish', { topic: '', event: any('x', '') }],
      ['events.Events/Publish', { topic: '/a/b', event: any('containerd.events.TaskOOM', '') }, { namespace: '' }],
      ['events.Events/Forward', { envelope: { topic: '/a', namespace: '', event: any('x', '') } }],
      ['events.Events/Forward', { envelope: { topic: 'a', namespace: 'n', event: any('x', '') } }],
      ['introspection.Introspection/Plugins', { filters: ['id==none'] }],
      ['introspection.Introspection/Plugins', { filters: ['id=none'] }],
    ]));
});

describe('the same answers of Tasks', () => {
  const on = async (work: (side: Side) => Promise<unknown>) => {
    for (const side of sides) await work(side);
  };
  const details = loadMessage<object>('containerd/runc/v1/options.proto', 'containerd.runc.v1.ProcessDetails');

  it('about tasks that are not there', () =>
    same([
      ['tasks.Tasks/Create', { containerId: 'none' }],
      ['tasks.Tasks/Start', { containerId: 'none' }],
      ['tasks.Tasks/Delete', { containerId: 'none' }],
      ['tasks.Tasks/DeleteProcess', { containerId: 'none', execId: 'e' }],
      ['tasks.Tasks/Get', { containerId: 'none' }],
      ['tasks.Tasks/Kill', { containerId: 'none', signal: 9 }],
      ['tasks.Tasks/Exec', { containerId: 'none', execId: 'e', spec: any('x', '{}') }],
      ['tasks.Tasks/ResizePty', { containerId: 'none' }],
      ['tasks.Tasks/CloseIO', { containerId: 'none', stdin: true }],
      ['tasks.Tasks/Pause', { containerId: 'none' }],
      ['tasks.Tasks/Resume', { containerId: 'none' }],
      ['tasks.Tasks/ListPids', { containerId: 'none' }],
      ['tasks.Tasks/Checkpoint', { containerId: 'none' }],
      ['tasks.Tasks/Update', { containerId: 'none', resources: any('x', '{}') }],
      ['tasks.Tasks/Metrics', { filters: ['id==none'] }],
      ['tasks.Tasks/Wait', { containerId: 'none' }],
      ['tasks.Tasks/List', {}],
      ['tasks.Tasks/List', {}, { namespace: '' }],
    ]));

  it('about a container without task, and one in each state', async () => {
    await on(({ client }) => client.createContainer('t', ['/bin/sleep', '100']));
    await same([
      ['tasks.Tasks/Get', { containerId: 't' }],
      ['tasks.Tasks/Start', { containerId: 't' }],
      ['tasks.Tasks/Delete', { containerId: 't' }],
      ['tasks.Tasks/Wait', { containerId: 't' }],
    ]);
    await same([
      ['tasks.Tasks/Create', { containerId: 't' }],
      ['tasks.Tasks/Create', { containerId: 't' }],
      ['tasks.Tasks/Get', { containerId: 't' }],
      ['tasks.Tasks/Pause', { containerId: 't' }, { isIllegalStep: true }],
      ['tasks.Tasks/Start', { containerId: 't' }],
      ['tasks.Tasks/Start', { containerId: 't' }, { isIllegalStep: true }],
      ['tasks.Tasks/Delete', { containerId: 't' }, { isIllegalStep: true }],
      ['tasks.Tasks/Get', { containerId: 't' }],
      ['tasks.Tasks/Get', { containerId: 't', execId: 'none' }],
      ['tasks.Tasks/Start', { containerId: 't', execId: 'none' }],
      ['tasks.Tasks/Kill', { containerId: 't', execId: 'none', signal: 9 }],
      ['tasks.Tasks/DeleteProcess', { containerId: 't', execId: 'none' }],
      ['tasks.Tasks/Wait', { containerId: 't', execId: 'none' }],
      ['tasks.Tasks/ListPids', { containerId: 't' }],
      ['tasks.Tasks/CloseIO', { containerId: 't', stdin: true }],
      ['tasks.Tasks/Exec', { containerId: 't', execId: '', spec: any('x', '{}') }],
      ['tasks.Tasks/Pause', { containerId: 't' }],
      ['tasks.Tasks/Get', { containerId: 't' }],
      ['tasks.Tasks/Pause', { containerId: 't' }, { isIllegalStep: true }],
      ['tasks.Tasks/Exec', { containerId: 't', execId: 'p', spec: any('x', '{}') }, { isIllegalStep: true }],
      ['tasks.Tasks/Resume', { containerId: 't' }],
      ['tasks.Tasks/Resume', { containerId: 't' }, { isIllegalStep: true }],
    ]);
    await on(({ client }) => client.tasks('Kill', { containerId: 't', signal: 9 }));
    await same([
      ['tasks.Tasks/Wait', { containerId: 't' }],
      ['tasks.Tasks/Wait', { containerId: 't' }],
      ['tasks.Tasks/Get', { containerId: 't' }],
      ['tasks.Tasks/Kill', { containerId: 't', signal: 9 }],
      ['tasks.Tasks/Start', { containerId: 't' }, { isIllegalStep: true }],
      ['tasks.Tasks/Pause', { containerId: 't' }, { isIllegalStep: true }],
      ['tasks.Tasks/Resume', { containerId: 't' }, { isIllegalStep: true }],
      ['tasks.Tasks/Exec', { containerId: 't', execId: 'late', spec: any('x', '{}') }, { isIllegalStep: true }],
      ['tasks.Tasks/CloseIO', { containerId: 't', stdin: true }],
      ['tasks.Tasks/Delete', { containerId: 't' }],
      ['tasks.Tasks/Delete', { containerId: 't' }],
      ['tasks.Tasks/Get', { containerId: 't' }],
    ]);
  });

  it('about execs in each state', async () => {
    await on(({ client }) => client.run('x', ['/bin/sleep', '100']));
    const process = { args: ['/bin/sh', '-c', 'exit 4'], cwd: '/', env: ['PATH=/bin'], user: { uid: 0, gid: 0 } };
    const spec = any('types.containerd.io/opencontainers/runtime-spec/1/Process', JSON.stringify(process));
    await same([
      ['tasks.Tasks/Exec', { containerId: 'x', execId: 'e', spec }],
      ['tasks.Tasks/Exec', { containerId: 'x', execId: 'e', spec }],
      ['tasks.Tasks/Get', { containerId: 'x', execId: 'e' }],
      ['tasks.Tasks/Start', { containerId: 'x', execId: 'e' }],
      ['tasks.Tasks/Wait', { containerId: 'x', execId: 'e' }],
      ['tasks.Tasks/Get', { containerId: 'x', execId: 'e' }],
      ['tasks.Tasks/Start', { containerId: 'x', execId: 'e' }, { isIllegalStep: true }],
      ['tasks.Tasks/Kill', { containerId: 'x', execId: 'e', signal: 9 }],
      ['tasks.Tasks/DeleteProcess', { containerId: 'x', execId: 'e' }],
      ['tasks.Tasks/DeleteProcess', { containerId: 'x', execId: 'e' }],
      ['tasks.Tasks/Exec', { containerId: 'x', execId: 'never', spec }],
      ['tasks.Tasks/DeleteProcess', { containerId: 'x', execId: 'never' }],
    ]);
    await on(({ client }) => client.exec('x', 'long', ['/bin/sleep', '100']));
    await same([
      ['tasks.Tasks/DeleteProcess', { containerId: 'x', execId: 'long' }, { isIllegalStep: true }],
      ['tasks.Tasks/Get', { containerId: 'x', execId: 'long' }],
    ]);
    for (const { client } of sides) {
      const { processes } = await client.tasks('ListPids', { containerId: 'x' });
      const known = processes.filter(({ info }: { info: unknown }) => info !== null);
      expect(known.map(({ info }: { info: { value: Buffer } }) => details.decode(info.value))).toEqual([
        { execId: 'long' },
      ]);
    }
    await on(({ client }) => client.remove('x'));
  });
});
