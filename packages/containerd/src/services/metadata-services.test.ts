// Namespaces, leases, images, introspection, version and health over gRPC.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TemporaryDaemon } from '../fixture/temporary-daemon.ts';
import { isErofsSupported } from '../snapshots/erofs-snapshotter.ts';

let daemon: TemporaryDaemon;
beforeAll(async () => {
  daemon = await TemporaryDaemon.start();
});
afterAll(() => daemon.close());

const target = (text: string) => ({
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: `sha256:${createHash('sha256').update(text).digest('hex')}`,
  size: text.length,
});

describe('Namespaces', () => {
  it('are made, labelled, listed and deleted once they are empty', async () => {
    await daemon.call('namespaces.Namespaces/Create', { namespace: { name: 'ns', labels: { a: '1' } } });
    await expect(daemon.call('namespaces.Namespaces/Create', { namespace: { name: 'ns' } })).rejects.toMatchObject({
      code: 'already-exists',
    });
    const updateMask = { paths: ['labels.b'] };
    await daemon.call('namespaces.Namespaces/Update', { namespace: { name: 'ns', labels: { b: '2' } }, updateMask });
    expect((await daemon.call('namespaces.Namespaces/Get', { name: 'ns' })).namespace.labels).toEqual({
      a: '1',
      b: '2',
    });
    await daemon.call('snapshots.Snapshots/Prepare', { snapshotter: 'overlayfs', key: 'k' }, { namespace: 'ns' });
    const refused = daemon.call('namespaces.Namespaces/Delete', { name: 'ns' });
    await expect(refused).rejects.toMatchObject({
      code: 'failed-precondition',
      message: expect.stringContaining('snapshots on "overlayfs"'),
    });
    await daemon.call('snapshots.Snapshots/Remove', { snapshotter: 'overlayfs', key: 'k' }, { namespace: 'ns' });
    await daemon.call('namespaces.Namespaces/Delete', { name: 'ns' });
    await expect(daemon.call('namespaces.Namespaces/Delete', { name: 'ns' })).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  it('come into being with their first record', async () => {
    await daemon.call('images.Images/Create', { image: { name: 'i', target: target('x') } }, { namespace: 'implicit' });
    const { namespaces } = await daemon.call('namespaces.Namespaces/List', { filter: 'name==implicit' });
    expect(namespaces).toEqual([{ name: 'implicit', labels: {} }]);
  });
});

describe('Images', () => {
  const call = (method: string, request: object) =>
    daemon.call(`images.Images/${method}`, request, { namespace: 'images' });

  it('are records that an update changes by mask', async () => {
    await call('Create', { image: { name: 'a:1', labels: { x: '1' }, target: target('one') } });
    await expect(call('Create', { image: { name: 'a:1', target: target('one') } })).rejects.toMatchObject({
      code: 'already-exists',
    });
    await call('Update', { image: { name: 'a:1', target: target('two') }, updateMask: { paths: ['target'] } });
    const { image } = await call('Get', { name: 'a:1' });
    expect(image).toMatchObject({ labels: { x: '1' }, target: target('two') });
    const { images } = await call('List', { filters: [`target.digest==${target('two').digest}`] });
    expect(images.map((found: { name: string }) => found.name)).toEqual(['a:1']);
  });

  it.each([
    ['no name', { name: '', target: target('x') }],
    ['no target', { name: 'n' }],
    ['a digest that is none', { name: 'n', target: { ...target('x'), digest: 'sha256:12' } }],
    ['a size of 0', { name: 'n', target: target('') }],
    ['no media type', { name: 'n', target: { ...target('x'), mediaType: '' } }],
  ])('are refused with %s', async (_, image) => {
    await expect(call('Create', { image })).rejects.toMatchObject({ code: 'invalid-argument' });
  });

  it('delete waits for the collector when asked, so that no blob remains', async () => {
    const writer = await daemon.daemon.content.openWriter({ namespace: 'images' }, 'blob');
    await writer.write(Buffer.from('blob'));
    await call('Create', { image: { name: 'gone', target: target('blob') } });
    await writer.commit(4, '');
    await call('Delete', { name: 'gone', sync: true });
    expect(daemon.daemon.content.blobsOnDisk()).toEqual([]);
    await expect(call('Delete', { name: 'gone' })).rejects.toMatchObject({
      code: 'not-found',
      message: 'image "gone": not found',
    });
  });
});

describe('Leases', () => {
  it('hold what is made under them and what is added', async () => {
    const { lease } = await daemon.call('leases.Leases/Create', { id: 'l', labels: { k: 'v' } });
    expect(lease).toMatchObject({ id: 'l', labels: { k: 'v' } });
    await daemon.call('snapshots.Snapshots/Prepare', { snapshotter: 'overlayfs', key: 'held' }, { lease: 'l' });
    await daemon.call('leases.Leases/AddResource', { id: 'l', resource: { type: 'content', id: target('x').digest } });
    const { resources } = await daemon.call('leases.Leases/ListResources', { id: 'l' });
    expect(resources).toEqual([
      { type: 'content', id: target('x').digest },
      { type: 'snapshots/overlayfs', id: 'held' },
    ]);
    await daemon.call('leases.Leases/DeleteResource', {
      id: 'l',
      resource: { type: 'content', id: target('x').digest },
    });
    await daemon.call('leases.Leases/Delete', { id: 'l', sync: true });
    await expect(daemon.call('leases.Leases/ListResources', { id: 'l' })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('hold a snapshot that is there already when it is asked for as a target', async () => {
    const prepare = (key: string, labels: object, options: object) =>
      daemon.call('snapshots.Snapshots/Prepare', { snapshotter: 'overlayfs', key, labels }, options);
    await prepare('making', {}, {});
    const labels = { 'containerd.io/gc.root': 'until the lease holds it' };
    const made = { snapshotter: 'overlayfs', key: 'making', name: 'made', labels };
    await daemon.call('snapshots.Snapshots/Commit', made);
    await daemon.call('leases.Leases/Create', { id: 'target' });
    const again = prepare('again', { 'containerd.io/snapshot.ref': 'made' }, { lease: 'target' });
    await expect(again).rejects.toMatchObject({ code: 'already-exists' });
    const { resources } = await daemon.call('leases.Leases/ListResources', { id: 'target' });
    expect(resources).toEqual([{ type: 'snapshots/overlayfs', id: 'made' }]);
  });

  it('that do not exist refuse what is made under them', async () => {
    const made = daemon.call('snapshots.Snapshots/Prepare', { snapshotter: 'overlayfs', key: 'x' }, { lease: 'none' });
    await expect(made).rejects.toMatchObject({ code: 'not-found' });
    await expect(daemon.call('snapshots.Snapshots/Stat', { snapshotter: 'overlayfs', key: 'x' })).rejects.toMatchObject(
      { code: 'not-found' },
    );
  });

  it('get an id when none is given, and know their types', async () => {
    const { lease } = await daemon.call('leases.Leases/Create', {});
    expect(lease.id).toMatch(/^\d+-[0-9a-f]{8}$/);
    const random = '751502194-za1_'; // as Go's client makes them
    expect((await daemon.call('leases.Leases/Create', { id: random })).lease.id).toBe(random);
    const odd = daemon.call('leases.Leases/AddResource', { id: lease.id, resource: { type: 'odd', id: 'x' } });
    await expect(odd).rejects.toMatchObject({ code: 'unimplemented' });
  });
});

describe('the daemon about itself', () => {
  it('lists its plugins by filter', async () => {
    const { plugins } = await daemon.call('introspection.Introspection/Plugins', {
      filters: ['type==io.containerd.snapshotter.v1'],
    });
    expect(plugins).toMatchObject([
      { id: 'overlayfs', platforms: [{ os: 'linux' }], initErr: null },
      { id: 'native', platforms: [{ os: 'linux' }], initErr: null },
      ...(isErofsSupported() ? [{ id: 'erofs', platforms: [{ os: 'linux' }], initErr: null }] : []),
    ]);
  });

  it('has one uuid per root', async () => {
    const first = await daemon.call('introspection.Introspection/Server', {});
    const second = await daemon.call('introspection.Introspection/Server', {});
    expect(first).toMatchObject({ uuid: second.uuid, pid: process.pid });
    expect(first.uuid).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('tells its version and that it serves', async () => {
    expect((await daemon.call('version.Version/Version', {}, { namespace: undefined })).version).toMatch(/^v\d/);
    expect(await daemon.call('health.Health/Check', {}, { namespace: undefined })).toEqual({ status: 'SERVING' });
  });

  it('knows no other snapshotter', async () => {
    const stat = (snapshotter: string) => daemon.call('snapshots.Snapshots/Stat', { snapshotter, key: 'k' });
    await expect(stat('btrfs')).rejects.toThrow('snapshotter not loaded: btrfs: invalid argument');
    await expect(stat('')).rejects.toThrow('snapshotter argument missing: invalid argument');
  });
});
