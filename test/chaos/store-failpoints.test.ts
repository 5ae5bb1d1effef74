// kill -9 at every durable step of the stores: after the restart all that was answered is there, nothing is left half, fsck
// finds nothing, and the same work goes through.
import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomHex } from '@tscontainer/core/ids';
import { loadMessage, loadService } from '@tscontainer/platform/contract-loader';
import { type Failpoint, storeFailpoints } from '@tscontainer/platform/failpoint';
import { GrpcConnection } from '@tscontainer/platform/grpc-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run, until } from '../harness/command.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import { addNetworkNamespace, type NetworkNamespace } from '../harness/network-namespace.ts';
import { isAlive } from '../harness/processes.ts';
import { makeImage, skopeoCopy, startRegistry } from '../harness/registry.ts';
import { binDirectory } from '../harness/repository.ts';

const namespace = 'stores';
let snapshotter = 'overlayfs';
const keep = { 'containerd.io/gc.root': 'test' };
const reference = '127.0.0.1:5000/box:one';
const platform = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' };

let network: NetworkNamespace;
let daemon: LifecycleDaemon;
const stops: (() => Promise<void>)[] = [];

const definitionOf = (service: string) =>
  loadService(
    `containerd/services/${service}/v1/${service}.proto`,
    `containerd.services.${service}.v1.${service[0]?.toUpperCase()}${service.slice(1)}`,
  );
const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

beforeAll(async () => {
  network = await addNetworkNamespace();
  daemon = new LifecycleDaemon({ wrapper: ['nsenter', `--net=${network.path}`] });
  const { directory } = daemon;
  stops.push((await startRegistry(network, directory, { port: 5000, storage: join(directory, 'registry') })).stop);
  await skopeoCopy(network, await makeImage(directory, 200_000), `docker://${reference}`);
});
afterAll(async () => {
  for (const stop of stops) await stop();
  await daemon?.stop();
  await network?.remove();
});

type Call = (path: string, request: object) => Promise<any>;

function caller(connection: GrpcConnection): Call {
  return (path, request) => {
    const [service = '', method = ''] = path.split('/');
    return connection.unary<object, any>(definitionOf(service), method, request, { namespace });
  };
}

async function write(connection: GrpcConnection, text: string): Promise<void> {
  const duplex = connection.duplex<object, any>(definitionOf('content'), 'Write', { namespace });
  const request = { action: 'COMMIT', ref: text, total: text.length, expected: digestOf(text), labels: keep };
  duplex.write({ ...request, data: Buffer.from(text) }).catch(() => undefined); // the answers tell
  duplex.end();
  for await (const { action } of duplex) if (action === 'COMMIT') return;
  throw new Error(`write ${text}: no answer`);
}

async function pull(call: Call): Promise<void> {
  const message = (file: string, name: string, value: object) => {
    const codec = loadMessage(`containerd/types/transfer/${file}.proto`, `containerd.types.transfer.${name}`);
    return { typeUrl: codec.typeName, value: codec.encode(value as never) };
  };
  await call('transfer/Transfer', {
    source: message('registry', 'OCIRegistry', { reference }),
    destination: message('imagestore', 'ImageStore', { name: reference, unpacks: [{ platform, snapshotter }] }),
  });
}

/** What is done in one life, in order; each step is answered before the next. `check`: what has to be so from then on. */
function stepsOf(
  connection: GrpcConnection,
  life: string,
): { name: string; work: () => Promise<unknown>; undoes?: string }[] {
  const call = caller(connection);
  const blob = `blob ${life}`;
  return [
    { name: 'write', work: () => write(connection, blob) },
    { name: 'prepare', work: () => call('snapshots/Prepare', { snapshotter, key: `a-${life}`, labels: keep }) },
    {
      name: 'commit',
      work: () => call('snapshots/Commit', { snapshotter, key: `a-${life}`, name: `c-${life}`, labels: keep }),
      undoes: 'prepare',
    },
    { name: 'lease', work: () => call('leases/Create', { id: `l-${life}` }) },
    { name: 'pull', work: () => pull(call) },
    { name: 'forget', work: () => call('images/Delete', { name: reference, sync: true }), undoes: 'pull' },
    { name: 'remove', work: () => call('snapshots/Remove', { snapshotter, key: `c-${life}` }), undoes: 'commit' },
    { name: 'delete', work: () => call('content/Delete', { digest: digestOf(blob) }), undoes: 'write' },
    { name: 'release', work: () => call('leases/Delete', { id: `l-${life}`, sync: true }), undoes: 'lease' },
  ];
}

/** Whether what a step made is there. */
async function isThere(call: Call, name: string, life: string): Promise<boolean> {
  const asked: Record<string, () => Promise<unknown>> = {
    write: () => call('content/Info', { digest: digestOf(`blob ${life}`) }),
    prepare: () => call('snapshots/Stat', { snapshotter, key: `a-${life}` }),
    commit: () => call('snapshots/Stat', { snapshotter, key: `c-${life}` }),
    pull: () => call('images/Get', { name: reference }),
    lease: () => call('leases/ListResources', { id: `l-${life}` }),
  };
  return (
    asked[name]?.().then(
      () => true,
      (error: { code: string }) => {
        if (error.code !== 'not-found') throw error;
        return false;
      },
    ) ?? false
  );
}

/** Until the daemon dies. Answers the steps that were answered and the one that was not. */
async function live(connection: GrpcConnection, life: string): Promise<{ done: string[]; cut: string | undefined }> {
  const done: string[] = [];
  for (const { name, work } of stepsOf(connection, life)) {
    try {
      await work();
    } catch (error) {
      await until('daemon killed', 3000, () => (isAlive(daemon.pid) ? undefined : true)).catch(() => {
        throw error; // it lives: then nothing may fail
      });
      return { done, cut: name };
    }
    done.push(name);
  }
  return { done, cut: undefined };
}

async function checkKept(call: Call, life: string, done: string[], cut: string | undefined): Promise<void> {
  const steps = stepsOf(undefined as never, life);
  for (const { name } of steps) {
    const undoing = steps.filter(({ undoes }) => undoes === name).map((step) => step.name);
    if (name === cut || undoing.includes(cut ?? '')) continue; // done or not, as it may be
    const isExpected = done.includes(name) && !undoing.some((step) => done.includes(step));
    if (['write', 'prepare', 'commit', 'pull', 'lease'].includes(name))
      expect([name, await isThere(call, name, life)]).toEqual([name, isExpected]);
  }
}

async function liveArmed(failpoint: string, life: string): Promise<{ done: string[]; cut: string | undefined }> {
  try {
    await daemon.start({ TSCONTAINER_FAILPOINT: failpoint });
  } catch (error) {
    // what an earlier life left is taken away at start: it may fall there already
    if (!/SIGKILL|null/.test(String(error))) throw error;
    return { done: [], cut: 'start' };
  }
  const connection = new GrpcConnection(daemon.address);
  const lived = await live(connection, life);
  connection.close();
  return lived;
}

async function fsck(): Promise<string> {
  const { stdout, stderr } = await run(join(binDirectory, 'tscontainerd'), [
    'fsck',
    '--root',
    join(daemon.directory, 'root'),
  ]);
  return stdout + stderr;
}

/** That of a killed pull keeps what the pull had for its repetition: the next life shall begin without. */
async function dropLeases(call: Call): Promise<void> {
  const { leases } = await call('leases/List', {});
  for (const { id } of leases) await call('leases/Delete', { id, sync: true });
}

const points: Failpoint[] = [...storeFailpoints, 'store.commit.before', 'store.commit.after'];
/** Where layers are images, a commit makes one first. */
const walks = [
  ...points.filter((point) => point !== 'snapshot.image.written').map((point) => ['overlayfs', point] as const),
  ...points.filter((point) => point.startsWith('snapshot.')).map((point) => ['erofs', point] as const),
];

it.each(walks)('%s: %s', async (name, point) => {
  snapshotter = name;
  const life = randomHex(4);
  const token = join(daemon.directory, `token-${life}`);
  writeFileSync(token, point);
  const { done, cut } = await liveArmed(`${point}@${token}`, life);
  expect(existsSync(token), 'nobody came by').toBe(false);
  await until('daemon gone', 5000, () => (isAlive(daemon.pid) ? undefined : true));

  await daemon.start();
  const second = new GrpcConnection(daemon.address);
  await checkKept(caller(second), life, done, cut);
  // the same work once more, under another name: nothing that was left half stands in its way
  expect(await live(second, `${life}x`)).toMatchObject({ cut: undefined });
  await dropLeases(caller(second));
  second.close();
  await daemon.kill();
  expect(await fsck()).toBe(`${join(daemon.directory, 'root')}: nothing found\n`);
});
