// The erofs snapshotter under Debian's ctr and under our engine: containers run on images of layers, and all of it goes.
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomHex } from '@tscontainer/core/ids';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runOk, until } from '../harness/command.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import { addNetworkNamespace, type NetworkNamespace } from '../harness/network-namespace.ts';
import { isAlive } from '../harness/processes.ts';
import { makeImage, skopeoCopy, startRegistry } from '../harness/registry.ts';

const reference = '127.0.0.1:5000/box:one';
const flags = ['--snapshotter', 'erofs'];
let network: NetworkNamespace;
let daemon: LifecycleDaemon;
let stopRegistry: (() => Promise<void>) | undefined;

const ctr = async (...args: string[]): Promise<string> =>
  runOk(...network.enter('/usr/bin/ctr', ['--address', daemon.address, '--namespace', 'images', ...args]));
const root = () => join(daemon.directory, 'root/io.containerd.snapshotter.v1.erofs');
const images = () =>
  readdirSync(join(root(), 'snapshots')).filter((id) => existsSync(join(root(), 'snapshots', id, 'layer.erofs')));
const mounts = () =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(`${root()}/`));
const runBox = (...command: string[]) =>
  ctr('run', '--rm', '--runtime', 'io.containerd.ts.v2', ...flags, reference, `c-${randomHex(4)}`, ...command);

beforeAll(async () => {
  network = await addNetworkNamespace();
  daemon = new LifecycleDaemon({ wrapper: ['nsenter', `--net=${network.path}`] });
  const { directory } = daemon;
  stopRegistry = (await startRegistry(network, directory, { port: 5000, storage: join(directory, 'registry') })).stop;
  await skopeoCopy(network, await makeImage(directory, 200_000), `docker://${reference}`);
  chmodSync(directory, 0o711); // as /run/containerd: a user namespace has to come through
  await daemon.start();
});
afterAll(async () => {
  await stopRegistry?.();
  await daemon?.stop();
  await network?.remove();
});

it('unpacks layers as images for ctr, and runs containers on them, over a kill and an orderly restart', async () => {
  await ctr('images', 'pull', '--plain-http', ...flags, reference);
  expect(images().length).toBe(2);
  expect(await runBox('cat', '/proc/mounts')).toMatch(/^overlay \/ overlay rw/m);
  expect(await runBox('sh', '-c', 'rm -r /bin/ls && echo new > /bin/echo2 && ls /payload')).toContain('/payload');
  await daemon.kill();
  await daemon.start();
  expect(await runBox('ls', '/payload')).toBe('/payload\n');
  const { pid } = daemon;
  process.kill(pid, 'SIGTERM');
  await until('daemon ended', 20_000, () => (isAlive(pid) ? undefined : true));
  expect(mounts()).toEqual([]);
  await daemon.start();
  expect(await runBox('ls', '/payload')).toBe('/payload\n');
});

it.each(['overlayfs', 'erofs'])(
  'shows layers of %s to a user namespace that ctr asks for by label',
  async (snapshotter) => {
    await ctr('images', 'pull', '--plain-http', '--snapshotter', snapshotter, reference);
    const plugins = await ctr('plugins', 'ls', '-d', `id==${snapshotter}`);
    expect(plugins).toContain('remap-ids');
    const mapping = ['--uidmap', '0:100000:65536', '--gidmap', '0:200000:65536', '--remap-labels'];
    const own = ['--snapshotter', snapshotter, '--runtime', 'io.containerd.runc.v2']; // Debian's shim mounts it
    const script = 'id -u; cat /proc/self/uid_map; ls -ln /bin/busybox /payload; echo new > /new; ls -ln /new';
    const said = await ctr('run', '--rm', ...own, ...mapping, reference, `c-${randomHex(4)}`, 'sh', '-c', script);
    expect(said).toMatch(/^0\n\s+0\s+100000\s+65536\n/);
    expect(said.match(/ 0 {8}0 /g)).toHaveLength(3); // the image's files and the new one are root's
  },
);

it('says what layers take, commits what ctr changes, and leaves nothing of a removed image', async () => {
  const usage = await ctr('snapshots', ...flags, 'usage', '-b');
  const sizes = usage
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => Number(line.trim().split(/\s+/)[1]));
  expect(Math.max(...sizes)).toBeGreaterThan(200_000);
  const top = (await ctr('snapshots', ...flags, 'ls'))
    .split('\n')
    .map((line) => line.split(/\s+/))
    .find(([, parent]) => parent !== '' && parent?.startsWith('sha256:'))?.[0];
  await ctr('snapshots', ...flags, 'prepare', 'changed', top ?? '');
  await ctr('snapshots', ...flags, 'commit', 'again', 'changed');
  expect(images().length).toBe(3);
  await ctr('snapshots', ...flags, 'rm', 'again');
  await ctr('images', 'rm', '--sync', reference);
  await until('files gone', 10_000, () => (images().length === 0 && mounts().length === 0 ? true : undefined));
});
