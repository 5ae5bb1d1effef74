// Layers applied side by side, without parents, give what layers applied one over another give, to the last owner.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { mountAll, unmountAll } from '@tscontainer/linux/mounts';
import { type FixtureEntry, tar } from '@tscontainer/linux/tar-fixture';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OpenDaemon, openTemporaryDaemon } from '../fixture/temporary-daemon.ts';
import type { DetachedSnapshots, Snapshotter } from './snapshotter.ts';

const scope = { namespace: 'test' };
let open: OpenDaemon;
let daemon: OpenDaemon['daemon'];
let snapshots: Snapshotter;
let detached: DetachedSnapshots;

function use(name: string): void {
  open = openTemporaryDaemon();
  daemon = open.daemon;
  snapshots = daemon.snapshotters.get(name) as Snapshotter;
  detached = snapshots.detached as DetachedSnapshots;
}
afterEach(() => open.close());

const layers: FixtureEntry[][] = [
  [
    { name: './', type: '5', mode: 0o751, uid: 5 },
    { name: 'home/', type: '5', mode: 0o700, uid: 10, gid: 11 },
    { name: 'home/deep/', type: '5', mode: 0o1777, uid: 12, gid: 13 },
    { name: 'home/deep/below', data: 'one' },
    { name: 'gone/', type: '5' },
    { name: 'gone/file', data: 'one' },
    { name: 'hidden/', type: '5', mode: 0o711 },
    { name: 'hidden/file', data: 'one' },
    { name: 'replaced', data: 'a file' },
  ],
  [
    { name: 'home/deep/second', data: 'two' },
    { name: '.wh.gone' },
    { name: 'hidden/.wh..wh..opq' },
    { name: 'hidden/new', data: 'two' },
    { name: 'replaced/inside', data: 'two' },
  ],
  [
    { name: 'home/deep/third', data: 'three', mode: 0o4755 },
    { name: 'replaced/', type: '5', mode: 0o2750, uid: 3 },
    { name: 'home/deep/.wh.below' },
    { name: 'nowhere/at/all', data: 'three' },
  ],
];

async function store(bytes: Buffer) {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (!daemon.content.exists('test', digest)) {
    const writer = await daemon.content.openWriter(scope, digest);
    await writer.write(bytes);
    await writer.commit(0, digest, { 'containerd.io/gc.root': 'test' });
  }
  return { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size: bytes.length, annotations: {} };
}

/** Everything that is to be seen of a snapshot, a line each. */
async function seen(key: string): Promise<string> {
  const directory = mkdtempSync(join(daemon.config.root, 'mnt-'));
  const view = `view of ${key}, ${directory}`;
  await mountAll(await snapshots.view(scope, view, key), directory);
  try {
    return execFileSync('find', [directory, '-printf', '%P %y %m %U %G %s %l\n'], { encoding: 'utf8' })
      .split('\n')
      .map((line) => line.replace(/^(.*) d (\d+) (\d+) (\d+) \d+ /, '$1 d $2 $3 $4')) // a directory's size is its disk's
      .sort()
      .join('\n');
  } finally {
    await unmountAll(directory);
    rmSync(directory, { recursive: true });
  }
}

async function applyInOrder(): Promise<void> {
  let parent = '';
  for (const [index, entries] of layers.entries()) {
    const mounts = await snapshots.prepare(scope, `extract-${index}`, parent);
    await daemon.applier.apply('test', await store(tar(...entries)), mounts);
    parent = `ordered-${index}`;
    await snapshots.commit(scope, parent, `extract-${index}`);
  }
}

async function applyBeside(): Promise<void> {
  const implied = new Map<number, Uint8Array>();
  for (const [index, entries] of [...layers.entries()].reverse()) {
    const mounts = await detached.prepare(scope, `extract-${index}`);
    implied.set(index, (await daemon.applier.apply('test', await store(tar(...entries)), mounts)).implied);
  }
  for (const index of layers.keys())
    await detached.commit(
      scope,
      `beside-${index}`,
      `extract-${index}`,
      index === 0 ? '' : `beside-${index - 1}`,
      implied.get(index) as Uint8Array,
    );
}

describe.each(['overlayfs', 'erofs'])('detached snapshots of %s', (name) => {
  beforeEach(() => use(name));

  it('give the same tree, whichever layer was applied first', async () => {
    await applyInOrder();
    await applyBeside();
    for (const index of layers.keys()) expect(await seen(`beside-${index}`)).toBe(await seen(`ordered-${index}`));
    const tree = await seen('beside-2');
    expect(tree).toContain('\nhome d 700 10 11');
    expect(tree).toContain('\nhome/deep d 1777 12 13');
    expect(tree).toContain('\nreplaced d 2750 3 0');
    expect(tree).toContain('\nhidden/new ');
    for (const gone of ['gone', 'hidden/file', 'home/deep/below']) expect(tree).not.toContain(`\n${gone} `);
    expect(snapshots.stat('test', 'beside-2')).toMatchObject({ kind: 'COMMITTED', parent: 'beside-1' });
  });

  it('refuse a parent that is not there or not committed, and stay as they are', async () => {
    await detached.prepare(scope, 'loose');
    await snapshots.prepare(scope, 'active', '');
    const commit = (parent: string) => detached.commit(scope, 'name', 'loose', parent, new Uint8Array());
    await expect(commit('none')).rejects.toMatchObject({ code: 'not-found' });
    await expect(commit('active')).rejects.toMatchObject({ code: 'failed-precondition' });
    expect(snapshots.stat('test', 'loose').kind).toBe('ACTIVE');
    await commit('');
    expect(snapshots.stat('test', 'name')).toMatchObject({ kind: 'COMMITTED', parent: '' });
    await expect(detached.prepare(scope, 'active')).rejects.toMatchObject({ code: 'already-exists' });
  });
});
