// Measures the erofs snapshotter beside overlayfs, in one run, in turn: pull with unpacking to the first program that ran
// in the image, its processor time, what lies on the disk, and the removal of all of it.
//
// usage: snapshotters.ts [ROUNDS]. The images: Debian's minbase (one layer), small files (4 layers), 300 MB in 12 layers.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadMessage, loadService } from '@tscontainer/platform/contract-loader';
import { GrpcConnection } from '@tscontainer/platform/grpc-client';
import { run, runOk } from '../harness/command.ts';
import { debianArchive } from '../harness/images.ts';
import { makeLargeImage } from '../harness/large-image.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import { addNetworkNamespace } from '../harness/network-namespace.ts';
import { skopeoCopy, startRegistry } from '../harness/registry.ts';
import { median, timed } from './figures.ts';

const rounds = Number(process.argv[2] ?? 5);
const cache = '/var/cache/tscontainer-test';
const namespace = 'bench';
const snapshotters = ['overlayfs', 'erofs'];
const platform = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' };

/** ext4 passes over inodes that were freed a moment ago: what is unpacked right after a removal pays for looking further. */
const inodePauseMs = 6000;

type Figure = 'pull' | 'start' | 'processor' | 'remove' | 'KiB';
const figures: Figure[] = ['pull', 'start', 'processor', 'remove', 'KiB'];

const network = await addNetworkNamespace();
const daemon = new LifecycleDaemon({ wrapper: ['nsenter', `--net=${network.path}`], logLevel: 'warn' });
const registry = await startRegistry(network, daemon.directory, {
  port: 5000,
  storage: join(daemon.directory, 'registry'),
});
let connection: GrpcConnection | undefined;

function call(path: string, request: object): Promise<any> {
  const [service = '', method = ''] = path.split('/');
  const name = `${service[0]?.toUpperCase()}${service.slice(1)}`;
  const definition = loadService(
    `containerd/services/${service}/v1/${service}.proto`,
    `containerd.services.${service}.v1.${name}`,
  );
  if (connection === undefined) throw new Error('not connected');
  return connection.unary<object, any>(definition, method, request, { namespace, timeoutMs: 300_000 });
}

const message = (file: string, name: string, value: object) => {
  const codec = loadMessage(`containerd/types/transfer/${file}.proto`, `containerd.types.transfer.${name}`);
  return { typeUrl: codec.typeName, value: codec.encode(value as never) };
};

/** Milliseconds of processor of the daemon. */
function processorMs(): number {
  const fields = readFileSync(`/proc/${daemon.pid}/stat`, 'utf8').replace(/.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** The topmost committed snapshot, a container's root over it, and one program in it (none in an image without). */
async function firstStart(snapshotter: string, command: string[]): Promise<void> {
  const { infos } = await list(snapshotter);
  const parents = new Set(infos.map(({ parent }: { parent: string }) => parent));
  const top = infos.find(
    ({ name, kind }: { name: string; kind: string }) => kind === 'COMMITTED' && !parents.has(name),
  );
  const { mounts } = await call('snapshots/Prepare', { snapshotter, key: 'first', parent: top.name });
  const target = join(daemon.directory, 'first');
  mkdirSync(target, { recursive: true });
  for (const { type, source, options } of mounts)
    await runOk('mount', ['-t', type, '-o', options.join(','), source, target]);
  if (command.length > 0) await runOk('chroot', [target, ...command]);
  await runOk('umount', [target]);
}

async function list(snapshotter: string): Promise<{ infos: any[] }> {
  const definition = loadService(
    'containerd/services/snapshots/v1/snapshots.proto',
    'containerd.services.snapshots.v1.Snapshots',
  );
  const infos: any[] = [];
  if (connection === undefined) throw new Error('not connected');
  for await (const answer of connection.stream<object, any>(definition, 'List', { snapshotter }, { namespace }))
    infos.push(...answer.info);
  return { infos };
}

async function measure(reference: string, snapshotter: string, command: string[]): Promise<Record<Figure, number>> {
  await sleep(inodePauseMs);
  await run('sync', []);
  const before = processorMs();
  const pull = await timed(() =>
    call('transfer/Transfer', {
      source: message('registry', 'OCIRegistry', { reference }),
      destination: message('imagestore', 'ImageStore', { name: reference, unpacks: [{ platform, snapshotter }] }),
    }),
  );
  const processor = processorMs() - before;
  const start = await timed(() => firstStart(snapshotter, command));
  const root = join(daemon.directory, `root/io.containerd.snapshotter.v1.${snapshotter}`);
  const used = Number((await runOk('du', ['-skx', root])).split('\t')[0]);
  await call('snapshots/Remove', { snapshotter, key: 'first' });
  const remove = await timed(() => call('images/Delete', { name: reference, sync: true }));
  return { pull, start, processor, remove, KiB: used };
}

try {
  const host = '127.0.0.1:5000';
  const large = await makeLargeImage(join(cache, 'large'), 12, 25_000_000);
  const small = await makeLargeImage(join(cache, 'small'), 4, 15_000_000, 16_000);
  const images = [
    { name: 'debian', source: `docker-archive:${await debianArchive()}`, command: ['/bin/true'] },
    { name: 'small-files', source: small, command: [] },
    { name: 'large', source: large, command: [] },
  ];
  for (const { name, source } of images) await skopeoCopy(network, source, `docker://${host}/${name}:latest`);
  await daemon.start();
  connection = new GrpcConnection(daemon.address);
  for (const { name, command } of images) {
    const results = new Map(snapshotters.map((one) => [one, [] as Record<Figure, number>[]]));
    for (let round = 0; round < rounds; round++)
      for (const snapshotter of snapshotters)
        results.get(snapshotter)?.push(await measure(`${host}/${name}:latest`, snapshotter, command));
    const of = (snapshotter: string, figure: Figure) =>
      median((results.get(snapshotter) ?? []).map((result) => result[figure]));
    for (const figure of figures) {
      const [overlay, erofs] = snapshotters.map((one) => of(one, figure)) as [number, number];
      const ratio = (erofs / overlay).toFixed(2);
      console.log(`${name} ${figure}: overlayfs ${Math.round(overlay)}, erofs ${Math.round(erofs)}, ratio ${ratio}`);
    }
  }
} finally {
  connection?.close();
  await daemon.stop();
  await registry.stop();
  await network.remove();
}
