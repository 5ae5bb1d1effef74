// What every snapshotter promises, over real mounts: one suite for all of them.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { listMountsBelow, type Mount } from '@tscontainer/linux/mounts';
import { tar } from '@tscontainer/linux/tar-fixture';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mounted as mountedBelow } from '../fixture/mounted.ts';
import { type OpenDaemon, openTemporaryDaemon } from '../fixture/temporary-daemon.ts';
import type { DirectorySnapshotter } from './directory-snapshotter.ts';

const scope = { namespace: 'test' };
let open: OpenDaemon;
let snapshots: DirectorySnapshotter;
let root: string;

function use(name: string, config?: OpenDaemon['daemon']['config']): void {
  open = openTemporaryDaemon(config);
  snapshots = open.daemon.snapshotters.get(name) as DirectorySnapshotter;
  root = join(open.daemon.config.root, `io.containerd.snapshotter.v1.${name}`);
}

const mounted = <T>(mounts: Mount[], work: (directory: string) => T) =>
  mountedBelow(open.daemon.config.root, mounts, work);

async function layer(name: string, parent: string, work: (directory: string) => void): Promise<void> {
  await mounted(await snapshots.prepare(scope, `making-${name}`, parent), work);
  await snapshots.commit(scope, name, `making-${name}`);
}

const names = (directory: string) => readdirSync(directory);
const named = (name: string) => (directory: string) => writeFileSync(join(directory, name), name);

async function blob(bytes: Buffer) {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const writer = await open.daemon.content.openWriter(scope, digest);
  await writer.write(bytes);
  await writer.commit(0, digest, { 'containerd.io/gc.root': 'test' });
  return { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size: bytes.length, annotations: {} };
}

describe.each(['overlayfs', 'native', 'erofs'])('the snapshotter %s', (name) => {
  beforeEach(() => use(name));
  afterEach(() => open.close());

  it('stacks layers, and a write goes to the uppermost only', async () => {
    await layer('one', '', named('one'));
    await layer('two', 'one', named('two'));
    await layer('three', 'two', named('three'));
    await mounted(await snapshots.prepare(scope, 'top', 'three'), (directory) => {
      expect(readdirSync(directory).sort()).toEqual(['one', 'three', 'two']);
      rmSync(join(directory, 'one'));
      writeFileSync(join(directory, 'two'), 'changed');
    });
    await mounted(await snapshots.view(scope, 'look', 'three'), (directory) => {
      expect(readFileSync(join(directory, 'one'), 'utf8')).toBe('one');
      expect(readFileSync(join(directory, 'two'), 'utf8')).toBe('two');
      expect(() => writeFileSync(join(directory, 'x'), '')).toThrow('EROFS');
    });
    expect(await mounted(await snapshots.mounts('test', 'top'), names)).toEqual(['three', 'two']);
  });

  it('keeps what was removed, replaced and renamed, over a commit', async () => {
    await layer('one', '', (directory) => {
      for (const path of ['d/deep', 'e', 'f']) mkdirSync(join(directory, path), { recursive: true });
      for (const path of ['d/deep/file', 'e/file', 'f/file', 'gone']) writeFileSync(join(directory, path), path);
    });
    await layer('two', 'one', (directory) => {
      rmSync(join(directory, 'gone'));
      rmSync(join(directory, 'e'), { recursive: true });
      mkdirSync(join(directory, 'e')); // opaque: nothing of the old one
      rmSync(join(directory, 'f'), { recursive: true });
      writeFileSync(join(directory, 'f'), 'a file now');
      renameSync(join(directory, 'd/deep/file'), join(directory, 'd/moved'));
    });
    await mounted(await snapshots.view(scope, 'look', 'two'), (directory) => {
      const list = execFileSync('find', ['.', '-printf', '%P %y,'], { cwd: directory, encoding: 'utf8' });
      expect(list.split(',').sort()).toEqual(['', ' d', 'd d', 'd/deep d', 'd/moved f', 'e d', 'f f']);
    });
  });

  it('keeps owners, modes, times, links, devices, attributes and holes, over a commit', async () => {
    const long = 'n'.repeat(255);
    await layer('one', '', (directory) => {
      const at = (path: string) => join(directory, path);
      chownSync(directory, 7, 8);
      chmodSync(directory, 0o1770);
      writeFileSync(at('file'), 'x'.repeat(10_000));
      chownSync(at('file'), 1000, 70_000);
      chmodSync(at('file'), 0o6755);
      execFileSync('python3', ['-c', 'import os,sys;os.setxattr(sys.argv[1],"user.k",b"v"*3000)', at('file')]);
      utimesSync(at('file'), 1_500_000_000, 1_400_000_000.25);
      linkSync(at('file'), at('second'));
      symlinkSync('t'.repeat(4000), at('link'));
      execFileSync('mknod', [at('null'), 'c', '1', '300']);
      execFileSync('mkfifo', [at('pipe')]);
      execFileSync('truncate', ['-s', '8M', at('sparse')]);
      mkdirSync(at('many'));
      for (let index = 0; index < 200; index++) writeFileSync(at(`many/${index}-${'x'.repeat(index % 200)}`), '');
      writeFileSync(at(long), 'long');
    });
    await mounted(await snapshots.prepare(scope, 'top', 'one'), (directory) => {
      const at = (path: string) => join(directory, path);
      expect(statSync(directory)).toMatchObject({ uid: 7, gid: 8 });
      expect(statSync(directory).mode & 0o7777).toBe(0o1770);
      expect(lstatSync(at('file'))).toMatchObject({ uid: 1000, gid: 70_000, mode: 0o106755, nlink: 2, size: 10_000 });
      expect(lstatSync(at('file')).mtimeMs).toBe(1_400_000_000_250);
      expect(lstatSync(at('second')).ino).toBe(lstatSync(at('file')).ino);
      expect(readFileSync(at('second'), 'utf8')).toBe('x'.repeat(10_000));
      const attribute = 'import os,sys;print(len(os.getxattr(sys.argv[1],"user.k")))';
      expect(execFileSync('python3', ['-c', attribute, at('file')], { encoding: 'utf8' })).toBe('3000\n');
      expect(lstatSync(at('link')).size).toBe(4000);
      expect(lstatSync(at('null'))).toMatchObject({ rdev: 0x10012c });
      expect(lstatSync(at('pipe')).isFIFO()).toBe(true);
      expect(lstatSync(at('sparse')).size).toBe(2 ** 23);
      expect(readdirSync(at('many')).length).toBe(200);
      expect(readFileSync(at(long), 'utf8')).toBe('long');
    });
    expect((await snapshots.usage('test', 'one')).size).toBeLessThan(2 ** 22);
  });

  it('knows what a snapshot is', async () => {
    await layer('one', '', named('one'));
    await snapshots.prepare(scope, 'top', 'one', { k: 'v' });
    expect(snapshots.stat('test', 'one')).toMatchObject({ name: 'one', kind: 'COMMITTED', parent: '' });
    expect(snapshots.stat('test', 'top')).toMatchObject({
      name: 'top',
      kind: 'ACTIVE',
      parent: 'one',
      labels: { k: 'v' },
    });
    expect(snapshots.list('test', ['kind==active']).map((info) => info.name)).toEqual(['top']);
    expect((await snapshots.update(scope, 'top', { a: 'b' }, ['labels.a'])).labels).toEqual({ k: 'v', a: 'b' });
  });

  it('refuses wrong uses with containerd codes, and leaves nothing of them', async () => {
    await layer('one', '', named('one'));
    await snapshots.prepare(scope, 'top', 'one');
    const codes = (promise: Promise<unknown>, code: string) => expect(promise).rejects.toMatchObject({ code });
    await codes(snapshots.prepare(scope, 'top', ''), 'already-exists');
    await codes(snapshots.prepare(scope, 'x', 'none'), 'not-found');
    await codes(snapshots.prepare(scope, 'x', 'top'), 'failed-precondition');
    await codes(snapshots.prepare(scope, 'x', '', { 'containerd.io/snapshot.ref': 'one' }), 'already-exists');
    await codes(snapshots.commit(scope, 'one', 'top'), 'already-exists');
    await codes(snapshots.commit(scope, 'y', 'one'), 'failed-precondition');
    await codes(snapshots.remove(scope, 'one'), 'failed-precondition');
    await codes(snapshots.remove(scope, 'none'), 'not-found');
    await codes(snapshots.mounts('test', 'one'), 'failed-precondition');
    await expect(snapshots.mounts('test', 'one')).rejects.toThrow('committed');
    await codes(snapshots.remove({ namespace: 'other' }, 'top'), 'not-found');
    await snapshots.close();
    expect(readdirSync(join(root, 'snapshots')).length).toBe(2);
  });

  it('removes files and mounts after the row', async () => {
    await layer('one', '', named('one'));
    await snapshots.prepare(scope, 'top', 'one');
    await snapshots.remove(scope, 'top');
    await snapshots.remove(scope, 'one');
    expect(snapshots.list('test')).toEqual([]);
    await snapshots.cleanup();
    expect(await listMountsBelow(root)).toEqual([]);
    await snapshots.close();
    expect([...readdirSync(join(root, 'snapshots')), ...readdirSync(join(root, 'trash'))]).toEqual([]);
  });

  it('has what it promised again after a restart, and after an end that was none', async () => {
    await layer('one', '', named('one'));
    await layer('two', 'one', named('two'));
    const promised = await snapshots.prepare(scope, 'top', 'two');
    mkdirSync(join(root, 'snapshots/77/fs'), { recursive: true });
    mkdirSync(join(root, 'trash/old/deep'), { recursive: true });
    await open.shut();
    expect(await listMountsBelow(root)).toEqual([]);
    for (const isOrderly of [true, false]) {
      use(name, open.daemon.config);
      await snapshots.recover();
      await snapshots.cleanup();
      expect(await mounted(promised, names)).toEqual(['one', 'two']);
      expect(await snapshots.mounts('test', 'top')).toEqual(promised);
      if (isOrderly) await open.shut();
      else open.daemon.store.close(); // its mounts stay, as after kill -9
    }
    use(name, open.daemon.config);
    await snapshots.recover();
    expect(await mounted(promised, names)).toEqual(['one', 'two']);
    expect(existsSync(join(root, 'snapshots/77'))).toBe(false);
    expect(readdirSync(join(root, 'trash'))).toEqual([]);
    expect(snapshots.list('test').map((info) => info.name)).toEqual(['one', 'top', 'two']);
  });

  it('shows a layer that was applied before and after its commit, and diffs it again', async () => {
    const { applier, differ, content } = open.daemon;
    const first = await blob(tar({ name: 'd/', type: '5' }, { name: 'd/old', data: '1' }, { name: 'gone', data: '1' }));
    const second = await blob(tar({ name: 'd/new', data: '2' }, { name: '.wh.gone' }, { name: 'd/.wh.old' }));
    await applier.apply('test', first, await snapshots.prepare(scope, 'extract-1 one', ''));
    const before = await mounted(await snapshots.mounts('test', 'extract-1 one'), names);
    expect(before).toEqual(['d', 'gone']);
    await snapshots.commit(scope, 'one', 'extract-1 one');
    const mounts = await snapshots.prepare(scope, 'extract-2 two', 'one');
    await applier.apply('test', second, mounts);
    expect(await mounted(await snapshots.mounts('test', 'extract-2 two'), names)).toEqual(['d']);
    await snapshots.commit(scope, 'two', 'extract-2 two');
    const [lower, upper] = [await snapshots.view(scope, 'v1', 'one'), await snapshots.view(scope, 'v2', 'two')];
    expect(await mounted(upper, (directory) => readdirSync(join(directory, 'd')))).toEqual(['new']);
    if (name === 'native') return; // differ compares layers, and a copy is none
    const mediaType = 'application/vnd.oci.image.layer.v1.tar';
    const labels = { 'containerd.io/gc.root': 'test' };
    const { digest } = await differ.diff(scope, lower, upper, { mediaType, labels });
    const listed = execFileSync('tar', ['tf', content.readerPath('test', digest)], { encoding: 'utf8' });
    expect(listed.split('\n').sort()).toEqual(['', '.wh.gone', 'd/', 'd/.wh.old', 'd/new']);
  });
});
