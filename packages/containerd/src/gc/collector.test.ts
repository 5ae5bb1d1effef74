// The collector over a real store: what keeps content and snapshots, and that what nothing keeps leaves the disk.
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { listMountsBelow } from '@tscontainer/linux/mounts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OpenDaemon, openTemporaryDaemon } from '../fixture/temporary-daemon.ts';
import type { Labels } from '../metadata/labels.ts';
import type { DirectorySnapshotter } from '../snapshots/directory-snapshotter.ts';

const scope = { namespace: 'test' };
let open: OpenDaemon;
let daemon: OpenDaemon['daemon'];

beforeEach(() => {
  open = openTemporaryDaemon();
  daemon = open.daemon;
});
afterEach(() => open.close());

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

async function put(text: string, labels: Labels = {}, lease?: string): Promise<string> {
  const writer = await daemon.content.openWriter({ namespace: 'test', lease }, text);
  await writer.write(Buffer.from(text));
  return writer.commit(0, '', labels);
}

async function layer(name: string, parent: string, labels: Labels = {}): Promise<void> {
  await daemon.snapshots.prepare(scope, `making-${name}`, parent);
  await daemon.snapshots.commit(scope, name, `making-${name}`, labels);
}

/** An image as clients label it: manifest -> config and layer, config -> top snapshot. */
async function image(name: string): Promise<void> {
  await layer(`${name}-1`, '');
  await layer(`${name}-2`, `${name}-1`);
  const config = await put(`${name} config`, { 'containerd.io/gc.ref.snapshot.overlayfs': `${name}-2` });
  const blob = await put(`${name} layer`);
  const digest = await put(`${name} manifest`, {
    'containerd.io/gc.ref.content.config': config,
    'containerd.io/gc.ref.content.l.0': blob,
  });
  const target = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 1, annotations: {} };
  await daemon.images.create(scope, { name, labels: {}, target });
}

const blobs = () => readdirSync(join(daemon.config.root, 'io.containerd.content.v1.content/blobs/sha256')).length;
/** Layers on disk: the directories that are not merely made ahead are those whose `fs` a row names. */
const layers = () => {
  const ids = daemon.snapshots.list('test').length;
  const trash = readdirSync(join(daemon.config.root, 'io.containerd.snapshotter.v1.overlayfs/trash'));
  expect(trash).toEqual([]);
  return ids;
};

describe('garbage collection', () => {
  it('keeps an image whole, and leaves nothing of it on the disk once it is deleted', async () => {
    await image('a');
    await image('b');
    expect(await daemon.collector.run()).toEqual({ digests: [], snapshots: [], images: [] });
    await daemon.images.delete(scope, 'a');
    const { digests, snapshots } = await daemon.collector.run();
    expect([digests.length, snapshots.map(({ key }) => key)]).toEqual([3, ['a-2', 'a-1']]);
    expect([blobs(), layers()]).toEqual([3, 2]);
    await daemon.images.delete(scope, 'b');
    await daemon.collector.run();
    expect([blobs(), layers()]).toEqual([0, 0]);
  });

  it('runs at the earliest time that it was asked for', async () => {
    await put('loose');
    daemon.collector.schedule(3_600_000);
    daemon.collector.schedule(1);
    daemon.collector.schedule(3_600_000);
    await expect.poll(blobs).toBe(0);
  });

  it('keeps the snapshot of a container and the layers below, though the image is gone', async () => {
    await image('a');
    await daemon.snapshots.prepare(scope, 'c1', 'a-2');
    const container = {
      id: 'c1',
      labels: {},
      image: 'a',
      runtime: { name: 'r', options: null },
      spec: { typeUrl: 's', value: Buffer.from('{}') },
    };
    const record = {
      ...container,
      snapshotter: 'overlayfs',
      snapshotKey: 'c1',
      createdAt: null,
      updatedAt: null,
      extensions: {},
      sandbox: '',
    };
    await daemon.containers.create(scope, record);
    await daemon.images.delete(scope, 'a');
    await daemon.collector.run();
    expect([blobs(), layers()]).toEqual([0, 3]);
  });

  it('leaves alone what a lease holds, until the lease is deleted', async () => {
    await daemon.leases.create('test', 'l');
    await put('held', {}, 'l');
    await layer('base', '');
    await daemon.leases.addResource('test', 'l', { type: 'snapshots/overlayfs', id: 'base' });
    await put('loose');
    await daemon.collector.run();
    expect(daemon.content.blobsOnDisk()).toEqual([digestOf('held')]);
    expect(layers()).toBe(1);
    await daemon.leases.delete('test', 'l');
    await daemon.collector.run();
    expect([blobs(), layers()]).toEqual([0, 0]);
  });

  it('drops a lease that has expired, with what it held', async () => {
    await daemon.leases.create('test', 'old', { 'containerd.io/gc.expire': '2020-01-01T00:00:00Z' });
    await put('held', {}, 'old');
    await daemon.collector.run();
    expect(daemon.leases.list('test')).toEqual([]);
    expect(blobs()).toBe(0);
  });

  it('obeys root labels, back references, and references between blobs', async () => {
    const rooted = await put('rooted', { 'containerd.io/gc.root': 'now' });
    const leaf = await put('leaf');
    await daemon.content.update(scope, rooted, { 'containerd.io/gc.ref.content.x': leaf }, [
      'labels.containerd.io/gc.ref.content.x',
    ]);
    const follower = await put('follower', { 'containerd.io/gc.bref.content.x': rooted });
    await put('loose');
    await daemon.collector.run();
    expect(daemon.content.blobsOnDisk().sort()).toEqual([rooted, leaf, follower].sort());
  });

  it('does not take a snapshot that was prepared a moment ago, nor an upload under way', async () => {
    await daemon.snapshots.prepare(scope, 'new', '');
    const writer = await daemon.content.openWriter(scope, 'upload');
    await writer.write(Buffer.from('half'));
    await daemon.collector.run();
    expect(daemon.snapshots.stat('test', 'new').kind).toBe('ACTIVE');
    expect(await writer.commit(4, '')).toBe(digestOf('half'));
  });

  it('keeps a namespace from another: the blob stays while one has it', async () => {
    await put('both', { 'containerd.io/gc.root': 'now' });
    const other = daemon.content.openWriter({ namespace: 'other' }, 'r', { expected: digestOf('both') });
    await expect(other).rejects.toMatchObject({ code: 'already-exists' });
    await daemon.collector.run();
    expect(daemon.content.exists('other', digestOf('both'))).toBe(false);
    expect(blobs()).toBe(1);
  });

  it('keeps what the labels of a sandbox refer to, as long as its record is there', async () => {
    const referred = await put('referred');
    await layer('sandbox-root', '');
    const labels = {
      'containerd.io/gc.ref.content.x': referred,
      'containerd.io/gc.ref.snapshot.overlayfs': 'sandbox-root',
    };
    const sandbox = {
      sandboxId: 's1',
      runtime: null,
      spec: null,
      labels,
      createdAt: null,
      updatedAt: null,
      extensions: {},
      sandboxer: '',
    };
    await daemon.sandboxes.create('test', sandbox);
    await put('loose');
    await daemon.collector.run();
    expect(daemon.content.blobsOnDisk()).toEqual([referred]);
    expect(layers()).toBe(1);
    await daemon.sandboxes.delete('test', 's1');
    await daemon.collector.run();
    expect([blobs(), layers()]).toEqual([0, 0]);
  });

  it('keeps of a flat lease what the resource cannot be without, and no more', async () => {
    await daemon.leases.create('test', 'flat', { 'containerd.io/gc.flat': 'now' });
    const leaf = await put('leaf');
    const top = await put('top', { 'containerd.io/gc.ref.content.x': leaf }, 'flat');
    await layer('below', '');
    await layer('above', 'below', { 'containerd.io/gc.ref.content.x': leaf });
    await daemon.leases.addResource('test', 'flat', { type: 'snapshots/overlayfs', id: 'above' });
    await daemon.collector.run();
    expect(daemon.content.blobsOnDisk()).toEqual([top]);
    expect(layers()).toBe(2);
  });

  it('drops an image that has expired, and keeps one whose time is still to come', async () => {
    await image('old');
    await image('new');
    const expire = async (name: string, at: string) =>
      daemon.images.update(
        scope,
        { name, labels: { 'containerd.io/gc.expire': at }, target: daemon.images.get('test', name).target },
        ['labels.containerd.io/gc.expire'],
      );
    await expire('old', '2020-01-01T00:00:00Z');
    await expire('new', new Date(Date.now() + 3_600_000).toISOString());
    const { images } = await daemon.collector.run();
    expect(images).toEqual([{ namespace: 'test', name: 'old' }]);
    expect(daemon.images.list('test').map(({ name }) => name)).toEqual(['new']);
    expect([blobs(), layers()]).toEqual([3, 2]);
  });

  it.each(['native', 'erofs'])('collects the layers of %s with their files and mounts', async (name) => {
    const snapshots = daemon.snapshotters.get(name) as DirectorySnapshotter;
    await snapshots.prepare(scope, 'making-1', '');
    await snapshots.commit(scope, '1', 'making-1');
    await snapshots.prepare(scope, 'making-2', '1');
    await snapshots.commit(scope, '2', 'making-2');
    const config = await put('config', {
      [`containerd.io/gc.ref.snapshot.${name}`]: '2',
      'containerd.io/gc.root': 'x',
    });
    await daemon.collector.run();
    expect(snapshots.list('test').map((info) => info.name)).toEqual(['1', '2']);
    await daemon.content.update(scope, config, {}, ['labels.containerd.io/gc.root']);
    const { snapshots: gone } = await daemon.collector.run();
    expect(gone.map(({ key }) => key)).toEqual(['2', '1']);
    const root = join(daemon.config.root, `io.containerd.snapshotter.v1.${name}`);
    expect([readdirSync(join(root, 'trash')), await listMountsBelow(root)]).toEqual([[], []]);
  });
});
