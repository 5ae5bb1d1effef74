// The overlay snapshotter over real mounts: layers, kinds, names, removal, and restarts after a kill.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mount } from '@tscontainer/linux/mounts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mounted as mountedBelow } from '../fixture/mounted.ts';
import { type OpenDaemon, openTemporaryDaemon } from '../fixture/temporary-daemon.ts';

const scope = { namespace: 'test' };
let open: OpenDaemon;
let snapshots: OpenDaemon['daemon']['snapshots'];
let root: string;

beforeEach(() => {
  open = openTemporaryDaemon();
  snapshots = open.daemon.snapshots;
  root = join(open.daemon.config.root, 'io.containerd.snapshotter.v1.overlayfs');
});
afterEach(() => open.close());

const mounted = <T>(mounts: Mount[], work: (directory: string) => T) =>
  mountedBelow(open.daemon.config.root, mounts, work);

/** A committed layer `name` with the file /name in it. */
async function layer(name: string, parent = ''): Promise<void> {
  await mounted(await snapshots.prepare(scope, `making-${name}`, parent), (directory) =>
    writeFileSync(join(directory, name), name),
  );
  await snapshots.commit(scope, name, `making-${name}`);
}

describe('the overlay snapshotter', () => {
  it('answers binds for one layer and an overlay above', async () => {
    const base = await snapshots.prepare(scope, 'base', '');
    expect(base).toMatchObject([{ type: 'bind', options: ['rw', 'rbind'] }]);
    await snapshots.commit(scope, 'one', 'base');
    expect(await snapshots.view(scope, 'view', 'one')).toMatchObject([
      { type: 'bind', source: base[0]?.source, options: ['ro', 'rbind'] },
    ]);
    const [overlay] = await snapshots.prepare(scope, 'active', 'one');
    expect(overlay?.type).toBe('overlay');
    expect(overlay?.options.find((option) => option.startsWith('lowerdir='))).toBe(`lowerdir=${base[0]?.source}`);
    expect(await snapshots.mounts('test', 'active')).toEqual([overlay]);
  });

  it('stacks layers, the nearest first, and writes to the uppermost only', async () => {
    await layer('one');
    await layer('two', 'one');
    await layer('three', 'two');
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
  });

  it('counts the inodes of a layer', async () => {
    await layer('one');
    expect((await snapshots.usage('test', 'one')).inodes).toBe(2);
  });

  it('makes a thousand snapshots side by side and answers each', async () => {
    await layer('one');
    const made = await Promise.all(
      Array.from({ length: 1000 }, (_, index) => snapshots.prepare(scope, `c${index}`, 'one')),
    );
    expect(new Set(made.map(([mount]) => mount?.options.join())).size).toBe(1000);
  });

  it('has everything again after a restart, drops what has no row, and never uses a number twice', async () => {
    await layer('one');
    await snapshots.prepare(scope, 'top', 'one');
    mkdirSync(join(root, 'snapshots/77/fs'), { recursive: true });
    mkdirSync(join(root, 'snapshots/lost+found'));
    mkdirSync(join(root, 'trash/old/deep'), { recursive: true });
    await open.shut();
    open = openTemporaryDaemon(open.daemon.config);
    snapshots = open.daemon.snapshots;
    await snapshots.cleanup();
    expect(existsSync(join(root, 'snapshots/77'))).toBe(false);
    expect(readdirSync(join(root, 'trash'))).toEqual([]);
    expect(snapshots.list('test').map((info) => info.name)).toEqual(['one', 'top']);
    expect((await snapshots.prepare(scope, 'next', 'one'))[0]?.options.join()).toMatch(/snapshots\/(7[89]|8\d)\/fs/);
  });

  it('gives the root of a container the owner and mode of its image', async () => {
    const [bind] = await snapshots.prepare(scope, 'base', '');
    const { chmodSync, chownSync, statSync } = await import('node:fs');
    chownSync(bind?.source ?? '', 7, 8);
    chmodSync(bind?.source ?? '', 0o1770);
    await snapshots.commit(scope, 'one', 'base');
    await mounted(await snapshots.prepare(scope, 'top', 'one'), (directory) => {
      expect(statSync(directory)).toMatchObject({ uid: 7, gid: 8 });
      expect(statSync(directory).mode & 0o7777).toBe(0o1770);
    });
  });
});
