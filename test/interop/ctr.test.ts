// Debian's ctr (containerd 1.6) as a client of tscontainerd: every kind of record, images in and out, a container's life.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, runOk } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';

const daemon = new LifecycleDaemon();
const work = mkdtempSync('/tmp/tsc-ctr-');
const image = 'docker.io/library/busybox:latest';

const ctr = (...args: string[]) => runOk('/usr/bin/ctr', ['--address', daemon.address, '--namespace', 'ctr', ...args]);
const fails = async (...args: string[]) => {
  const { code, stderr } = await run('/usr/bin/ctr', ['--address', daemon.address, '--namespace', 'ctr', ...args]);
  expect(code).toBe(1);
  return stderr;
};
const lines = (text: string) => text.split('\n').filter((line) => line !== '');

beforeAll(async () => {
  await daemon.start();
  const archive = join(work, 'busybox-oci.tar');
  await runOk('skopeo', ['copy', `docker-archive:${await busyboxArchive()}`, `oci-archive:${archive}:${image}`]);
  await ctr('images', 'import', archive);
});
afterAll(async () => {
  await daemon.stop();
  rmSync(work, { recursive: true, force: true });
  // ctr asks for the cgroup /<namespace>/<id>; a runtime removes the last part only
  const parents = readdirSync('/sys/fs/cgroup').map((controller) => join('/sys/fs/cgroup', controller, 'ctr'));
  for (const parent of parents.filter((path) => existsSync(path))) rmdirSync(parent);
});

describe('ctr', () => {
  it('asks for the version', async () => {
    const text = await ctr('version');
    expect(text).toMatch(/Server:\n +Version: +v0\.\d+\.\d+/);
    expect(text).toMatch(/UUID: [0-9a-f-]{36}/);
  });

  it('lists plugins, all of them well', async () => {
    const rows = lines(await ctr('plugins', 'ls')).slice(1);
    expect(rows.some((row) => /io\.containerd\.snapshotter\.v1 +overlayfs +linux\/\w+ +ok/.test(row))).toBe(true);
    expect(rows.filter((row) => !/ ok *$/.test(row))).toEqual([]);
  });

  it('makes, labels, lists and removes a namespace', async () => {
    await ctr('namespaces', 'create', 'mine', 'a=1');
    await ctr('namespaces', 'label', 'mine', 'b=2');
    expect(await ctr('namespaces', 'ls')).toMatch(/^mine +a=1,b=2/m);
    expect(await fails('namespaces', 'create', 'mine')).toContain('namespace "mine": already exists');
    await ctr('namespaces', 'remove', 'mine');
    expect(await ctr('namespaces', 'ls')).not.toMatch(/^mine/m);
    expect(await fails('namespaces', 'remove', 'ctr')).toContain('must be empty');
  });

  it('puts content in, reads it, labels it and takes it out', async () => {
    const digest = 'sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03';
    const lease = (await ctr('leases', 'create')).trim();
    const env = { ...process.env, CONTAINERD_LEASE: lease } as Record<string, string>;
    const ingest = [
      '--address',
      daemon.address,
      '--namespace',
      'ctr',
      'content',
      'ingest',
      '--expected-size',
      '6',
      '--expected-digest',
      digest,
      'hello',
    ];
    await runOk('/usr/bin/ctr', ingest, { input: 'hello\n', env });
    await ctr('content', 'label', digest, 'containerd.io/gc.root=now');
    expect(await ctr('content', 'get', digest)).toBe('hello\n');
    expect(await ctr('content', 'ls', '-q')).toContain(digest);
    const wrong = await run('/usr/bin/ctr', [...ingest.slice(0, -2), `sha256:${'0'.repeat(64)}`, 'wrong'], {
      input: 'hello\n',
    });
    expect(wrong.stderr).toContain('unexpected commit digest');
    expect(await ctr('content', 'active')).toContain('wrong');
    await ctr('content', 'rm', digest);
    expect(await fails('content', 'get', digest)).toContain('not found');
    await ctr('leases', 'rm', lease);
  });

  it('prepares, mounts, commits and removes snapshots', async () => {
    await ctr('snapshots', 'prepare', 'k1');
    expect(await ctr('snapshots', 'mounts', '/mnt', 'k1')).toMatch(/^mount -t bind .*\/fs \/mnt -o rw,rbind/);
    await ctr('snapshots', 'commit', 'layer1', 'k1');
    await ctr('snapshots', 'prepare', 'k2', 'layer1');
    expect(await ctr('snapshots', 'mounts', '/mnt', 'k2')).toMatch(/^mount -t overlay overlay \/mnt -o .*lowerdir=/);
    expect(await ctr('snapshots', 'ls')).toMatch(/^k2 +layer1 +Active/m);
    expect(await ctr('snapshots', 'usage', 'layer1')).toMatch(/layer1 +4\.0 KiB +1/);
    expect(await fails('snapshots', 'rm', 'layer1')).toContain('cannot remove snapshot with child');
    await ctr('snapshots', 'rm', 'k2');
    await ctr('snapshots', 'rm', 'layer1');
  });

  it('has the imported image whole and unpacked, and exports it', async () => {
    expect(await ctr('images', 'ls', '-q')).toBe(`${image}\n`);
    expect(await ctr('images', 'check')).toMatch(/complete \(2\/2\).* true/);
    await ctr('images', 'tag', image, 'docker.io/library/again:1');
    await ctr('images', 'label', 'docker.io/library/again:1', 'k=v');
    expect(await ctr('images', 'ls', 'name==docker.io/library/again:1')).toMatch(/k=v/);
    await ctr('images', 'export', join(work, 'out.tar'), image);
    expect(await runOk('tar', ['tf', join(work, 'out.tar')])).toMatch(/blobs\/sha256\/[0-9a-f]{64}/);
    await ctr('images', 'rm', 'docker.io/library/again:1');
  });

  it('creates, shows, labels and removes a container, with its snapshot', async () => {
    await ctr('containers', 'create', image, 'c1', 'true');
    expect(await ctr('containers', 'ls')).toMatch(
      /^c1 +docker\.io\/library\/busybox:latest +io\.containerd\.runc\.v2/m,
    );
    const info = JSON.parse(await ctr('containers', 'info', 'c1'));
    expect(info).toMatchObject({
      ID: 'c1',
      Snapshotter: 'overlayfs',
      SnapshotKey: 'c1',
      Spec: { process: { args: ['true'] } },
    });
    await ctr('containers', 'label', 'c1', 'tier=front');
    expect(await ctr('containers', 'ls', '-q', 'labels.tier==front')).toBe('c1\n');
    expect(await fails('containers', 'create', image, 'c1', 'true')).toContain('already exists');
    await ctr('containers', 'rm', 'c1');
    expect(await ctr('snapshots', 'ls')).not.toMatch(/^c1 /m);
  });

  it('runs a container by our shim and gets its output and exit code', async () => {
    const args = [
      '--address',
      daemon.address,
      '--namespace',
      'ctr',
      'run',
      '--rm',
      '--runtime',
      'io.containerd.ts.v2',
      image,
      'run1',
    ];
    const { stdout, code } = await run('/usr/bin/ctr', [...args, 'sh', '-c', 'echo hello from $$; exit 7']);
    expect(stdout).toBe('hello from 1\n');
    expect(code).toBe(7);
    expect(await ctr('containers', 'ls', '-q')).toBe('');
    expect(await ctr('tasks', 'ls', '-q')).toBe('');
  });

  it('sees events as they happen', async () => {
    const child = run('/usr/bin/timeout', ['3', '/usr/bin/ctr', '--address', daemon.address, 'events']);
    for (let round = 0; round < 20; round += 1) {
      // the watcher does not tell when it is there: some of these fall into its time
      await ctr('snapshots', 'prepare', 'ev');
      await ctr('snapshots', 'rm', 'ev');
    }
    const { stdout } = await child;
    expect(stdout).toMatch(/ctr \/snapshot\/prepare \{"key":"ev"/);
    expect(stdout).toMatch(/ctr \/snapshot\/remove \{"key":"ev"/);
  });

  it('makes a diff of a snapshot', async () => {
    const target = join(work, 'diff');
    mkdirSync(target);
    await ctr('containers', 'create', image, 'd1', 'true');
    const [top = ''] = lines(await ctr('snapshots', 'ls')).filter((line) => line.startsWith('d1'));
    expect(top).toContain('Active');
    const mount = (await ctr('snapshots', 'mounts', target, 'd1')).trim().split(' ');
    await runOk('mount', mount.slice(1));
    await runOk('touch', [join(target, 'added')]);
    await runOk('umount', [target]);
    const { stdout, stderr } = await run('sh', [
      '-c',
      `ctr --address ${daemon.address} --namespace ctr snapshots diff d1 | tar tz`,
    ]);
    expect({ stdout: lines(stdout), stderr }).toMatchObject({ stdout: expect.arrayContaining(['added']) });
    await ctr('containers', 'rm', 'd1');
  });

  it('removes the image, and no blob and no layer remains', async () => {
    await ctr('images', 'rm', '--sync', image);
    const root = join(daemon.directory, 'root');
    expect(lines(await ctr('content', 'ls', '-q')).filter((digest) => digest !== '')).toEqual([]);
    expect(readdirSync(join(root, 'io.containerd.content.v1.content/blobs/sha256'))).toEqual([]);
    const directories = join(root, 'io.containerd.snapshotter.v1.overlayfs/snapshots');
    // what remains are empty directories made ahead of the next snapshots
    expect(readdirSync(directories).flatMap((id) => readdirSync(join(directories, id, 'fs')))).toEqual([]);
    expect(readdirSync(directories).length).toBeLessThanOrEqual(8);
  });
});
