// Pulls while the collector runs all the time and images go: what a pull was answered for is whole, and at the end nothing
// is left that nobody names.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadMessage, loadService } from '@tscontainer/platform/contract-loader';
import { GrpcConnection } from '@tscontainer/platform/grpc-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../harness/command.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import { addNetworkNamespace, type NetworkNamespace } from '../harness/network-namespace.ts';
import { makeImage, skopeoCopy, startRegistry } from '../harness/registry.ts';
import { binDirectory } from '../harness/repository.ts';

const namespace = 'collect';
const platform = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' };
const rounds = 6;
/** Two share their lowest layer, so that one goes while the other comes. */
const references = ['127.0.0.1:5000/one:a', '127.0.0.1:5000/two:a'];

let network: NetworkNamespace;
let daemon: LifecycleDaemon;
let connection: GrpcConnection;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  network = await addNetworkNamespace();
  daemon = new LifecycleDaemon({ wrapper: ['nsenter', `--net=${network.path}`] });
  const { directory } = daemon;
  stops.push((await startRegistry(network, directory, { port: 5000, storage: join(directory, 'registry') })).stop);
  const image = await makeImage(directory, 300_000);
  for (const reference of references) await skopeoCopy(network, image, `docker://${reference}`);
  await daemon.start();
  connection = new GrpcConnection(daemon.address);
});
afterAll(async () => {
  connection?.close();
  for (const stop of stops) await stop();
  await daemon?.stop();
  await network?.remove();
});

function call(path: string, request: object): Promise<any> {
  const [service = '', method = ''] = path.split('/');
  const title = `${service[0]?.toUpperCase()}${service.slice(1)}`;
  const definition = loadService(
    `containerd/services/${service}/v1/${service}.proto`,
    `containerd.services.${service}.v1.${title}`,
  );
  return connection.unary<object, any>(definition, method, request, { namespace });
}

function pull(reference: string): Promise<unknown> {
  const message = (file: string, name: string, value: object) => {
    const codec = loadMessage(`containerd/types/transfer/${file}.proto`, `containerd.types.transfer.${name}`);
    return { typeUrl: codec.typeName, value: codec.encode(value as never) };
  };
  return call('transfer/Transfer', {
    source: message('registry', 'OCIRegistry', { reference }),
    destination: message('imagestore', 'ImageStore', {
      name: reference,
      unpacks: [{ platform, snapshotter: 'overlayfs' }],
    }),
  });
}

/** A synchronous deletion of a lease ends with a collection. */
async function collect(): Promise<void> {
  const { lease } = await call('leases/Create', {});
  await call('leases/Delete', { id: lease.id, sync: true });
}

async function fsck(): Promise<string> {
  const root = join(daemon.directory, 'root');
  return (await run(join(binDirectory, 'tscontainerd'), ['fsck', '--root', root])).stdout;
}

it('loses nothing that is named and leaves nothing that is not', async () => {
  let isOver = false;
  const collecting = (async () => {
    while (!isOver) await collect();
  })();
  const lives = references.map(async (reference) => {
    for (let round = 0; round < rounds; round++) {
      await pull(reference);
      // whole: its topmost layer can be stood on at once
      const { image } = await call('images/Get', { name: reference });
      const { info } = await call('content/Info', { digest: image.target.digest });
      const config = info.labels['containerd.io/gc.ref.content.config'];
      const top = (await call('content/Info', { digest: config })).info.labels[
        'containerd.io/gc.ref.snapshot.overlayfs'
      ];
      const key = `${reference}-${round}`;
      await call('snapshots/Prepare', { snapshotter: 'overlayfs', key, parent: top });
      await call('snapshots/Remove', { snapshotter: 'overlayfs', key });
      if (round < rounds - 1) await call('images/Delete', { name: reference, sync: round % 2 === 0 });
    }
  });
  await Promise.all(lives).finally(() => {
    isOver = true;
  });
  await collecting;
  await daemon.kill();
  expect(await fsck()).toContain('nothing found');

  await daemon.start();
  for (const name of references) await call('images/Delete', { name, sync: true });
  await collect();
  const root = join(daemon.directory, 'root');
  expect(readdirSync(join(root, 'io.containerd.content.v1.content/blobs/sha256'))).toEqual([]);
  expect(readdirSync(join(root, 'io.containerd.content.v1.content/ingest'))).toEqual([]);
});
