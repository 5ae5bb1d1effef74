// Snapshots whose layers are shown with other owners: by containerd's labels, over real id-mapped mounts.
import { execFileSync } from 'node:child_process';
import { chownSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { listMountsBelow, type Mount } from '@tscontainer/linux/mounts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mounted as mountedBelow } from '../fixture/mounted.ts';
import { type OpenDaemon, openTemporaryDaemon } from '../fixture/temporary-daemon.ts';
import type { DirectorySnapshotter } from './directory-snapshotter.ts';
import { gidLabel, idsOf, shownId, supportsIdMapping, uidLabel } from './id-mapping.ts';

const scope = { namespace: 'test' };
const labels = { [uidLabel]: '0:100000:1000,5000:300000:10', [gidLabel]: '0:200000:65536' };
let open: OpenDaemon;
let snapshots: DirectorySnapshotter;

function use(name: string, config?: OpenDaemon['daemon']['config']): void {
  open = openTemporaryDaemon(config);
  snapshots = open.daemon.snapshotters.get(name) as DirectorySnapshotter;
}

const mounted = <T>(mounts: Mount[], work: (directory: string) => T) =>
  mountedBelow(open.daemon.config.root, mounts, work);

const owner = (path: string) => {
  const { uid, gid } = lstatSync(path);
  return `${uid}:${gid}`;
};

describe('labels', () => {
  it('are read as containerd writes them, or refused', () => {
    expect(idsOf({})).toBeUndefined();
    const ids = idsOf(labels);
    expect([0, 999, 5009].map((id) => shownId(ids?.uids ?? [], id))).toEqual([100_000, 100_999, 300_009]);
    expect(() => shownId(ids?.uids ?? [], 1000)).toThrow('no place');
    expect(() => idsOf({ [uidLabel]: '0:1:1' })).toThrow('belong together');
    for (const text of ['', '0:1', '0:1:0', 'a:b:c', '0:4294967295:1', '0:1:1,', '-1:1:1'])
      expect(() => idsOf({ [uidLabel]: text, [gidLabel]: '0:1:1' })).toThrow('no mapping');
  });
});

const isAble = supportsIdMapping('/tmp');

// a kernel before 5.19, or a /tmp on a file system that cannot: clients then change a copy's owners, as with containerd
describe.runIf(isAble).each(['overlayfs', 'erofs'])('mapped layers of %s', (name) => {
  beforeEach(async () => {
    use(name);
    for (const [parent, layer] of [
      ['', 'one'],
      ['one', 'two'],
    ] as const) {
      await mounted(await snapshots.prepare(scope, 'making', parent), (directory) => {
        mkdirSync(join(directory, layer));
        writeFileSync(join(directory, layer, 'file'), layer);
        chownSync(join(directory, layer, 'file'), 5001, 7);
        execFileSync('chmod', ['4755', join(directory, layer, 'file')]);
      });
      await snapshots.commit(scope, layer, 'making');
    }
  });
  afterEach(() => open.close());

  it('show the image to the container’s ids, and keep the image as it is', async () => {
    const mounts = await snapshots.prepare(scope, 'c', 'two', labels);
    await mounted(mounts, (directory) => {
      expect(owner(directory)).toBe('100000:200000');
      expect(owner(join(directory, 'one'))).toBe('100000:200000');
      expect(owner(join(directory, 'one/file'))).toBe('300001:200007');
      expect(lstatSync(join(directory, 'two/file')).mode & 0o7777).toBe(0o4755);
      const as = ['--reuid', '100000', '--regid', '200000', '--clear-groups'];
      // from the directory itself: nobody else may pass those above it
      execFileSync('setpriv', [...as, 'sh', '-c', 'echo new >two/new && cp one/file copy'], { cwd: directory });
      chownSync(join(directory, 'one/file'), 300_002, 200_000);
      expect(owner(join(directory, 'two/new'))).toBe('100000:200000');
    });
    const view = await snapshots.view(scope, 'v', 'two');
    await mounted(view, (directory) => {
      expect(owner(join(directory, 'one/file'))).toBe('5001:7');
      expect(() => lstatSync(join(directory, 'two/new'))).toThrow('ENOENT');
    });
    await mounted(await snapshots.mounts('test', 'c'), (directory) =>
      expect(owner(join(directory, 'one/file'))).toBe('300002:200000'),
    );
  });

  it('serve views, stand again after a restart, and go with their snapshot', async () => {
    const promised = await snapshots.view(scope, 'v', 'one', labels);
    await snapshots.prepare(scope, 'c', 'two', labels);
    for (const isOrderly of [true, false]) {
      if (isOrderly) await open.shut();
      else open.daemon.store.close(); // its mounts stay, as after kill -9
      use(name, open.daemon.config);
      await snapshots.recover();
      await mounted(promised, (directory) => {
        expect(owner(join(directory, 'one/file'))).toBe('300001:200007');
        expect(() => writeFileSync(join(directory, 'x'), '')).toThrow('EROFS');
      });
    }
    for (const key of ['v', 'c']) await snapshots.remove(scope, key);
    await snapshots.cleanup();
    const left = await listMountsBelow(join(open.daemon.config.root, `io.containerd.snapshotter.v1.${name}`));
    expect(left.filter((path) => path.includes('mapped'))).toEqual([]);
  });

  it('are refused for a mapping without a place for the root’s owner, and nothing is left', async () => {
    const narrow = { [uidLabel]: '5:100000:10', [gidLabel]: '0:100000:10' };
    await expect(snapshots.prepare(scope, 'c', 'two', narrow)).rejects.toMatchObject({ code: 'invalid-argument' });
    const overlapping = { [uidLabel]: '0:100000:10,5:200000:10', [gidLabel]: '0:100000:10' }; // the kernel refuses it
    await expect(snapshots.prepare(scope, 'c', 'two', overlapping)).rejects.toMatchObject({ code: 'invalid-argument' });
    expect(snapshots.list('test').map((info) => info.name)).toEqual(['one', 'two']);
    expect(await snapshots.prepare(scope, 'c', 'two')).toHaveLength(1);
  });
});
