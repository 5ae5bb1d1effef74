// The Containers service over gRPC: records as they were given, masks, filters, messages, events.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TemporaryDaemon } from '../fixture/temporary-daemon.ts';

let daemon: TemporaryDaemon;
beforeAll(async () => {
  daemon = await TemporaryDaemon.start();
});
afterAll(() => daemon.close());

const spec = {
  typeUrl: 'types.containerd.io/opencontainers/runtime-spec/1/Spec',
  value: Buffer.from('{"ociVersion":"1.0.2"}'),
};
const container = (id: string, more: object = {}) => ({
  id,
  labels: { app: id },
  image: 'i',
  runtime: { name: 'io.containerd.ts.v2' },
  spec,
  ...more,
});
const create = (id: string, more: object = {}, options = {}) =>
  daemon.call('containers.Containers/Create', { container: container(id, more) }, options);

describe('Containers', () => {
  it('gives back what was created, with times', async () => {
    const extensions = { x: { typeUrl: 't', value: Buffer.from([1, 2]) } };
    await create('full', { snapshotter: 'overlayfs', snapshotKey: 'k', extensions, sandbox: 's' });
    const { container: got } = await daemon.call('containers.Containers/Get', { id: 'full' });
    expect(got).toMatchObject({
      ...container('full'),
      snapshotter: 'overlayfs',
      snapshotKey: 'k',
      extensions,
      sandbox: 's',
    });
    expect(Math.abs(got.createdAt.seconds - Date.now() / 1000)).toBeLessThan(5);
  });

  it('needs a namespace and keeps each to itself', async () => {
    await expect(create('n', {}, { namespace: undefined })).rejects.toMatchObject({
      code: 'failed-precondition',
      message: 'namespace is required: failed precondition',
    });
    await create('n', {}, { namespace: 'one' });
    await expect(daemon.call('containers.Containers/Get', { id: 'n' }, { namespace: 'two' })).rejects.toMatchObject({
      code: 'not-found',
      message: 'container "n" in namespace "two": not found',
    });
  });

  it.each([
    ['an id with a slash', 'a/b', {}],
    ['an empty id', '', {}],
    ['an id of 77 characters', 'a'.repeat(77), {}],
    ['no runtime', 'x', { runtime: null }],
    ['no spec', 'x', { spec: null }],
    ['a snapshot key without snapshotter', 'x', { snapshotKey: 'k' }],
    ['labels that are too long', 'x', { labels: { k: 'v'.repeat(4097) } }],
  ])('refuses %s', async (_, id, more) => {
    await expect(create(id, more)).rejects.toMatchObject({ code: 'invalid-argument' });
  });

  it('refuses a second of the same id', async () => {
    await create('twice');
    await expect(create('twice')).rejects.toMatchObject({ code: 'already-exists' });
  });

  it('updates by mask, and refuses what is fixed', async () => {
    await create('u', { snapshotter: 'overlayfs', snapshotKey: 'k' });
    const update = (given: object, paths: string[]) =>
      daemon.call('containers.Containers/Update', { container: container('u', given), updateMask: { paths } });
    const { container: labelled } = await update({ labels: { extra: '1' } }, ['labels.extra']);
    expect(labelled.labels).toEqual({ app: 'u', extra: '1' });
    expect(labelled.snapshotKey).toBe('k');
    await update({ image: 'other' }, ['image']);
    expect((await daemon.call('containers.Containers/Get', { id: 'u' })).container).toMatchObject({
      image: 'other',
      labels: labelled.labels,
    });
    await expect(update({ runtime: { name: 'else' } }, ['runtime'])).rejects.toThrow('immutable');
    await expect(update({}, ['nonsense'])).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(daemon.call('containers.Containers/Update', { container: container('none') })).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  it('lists by filter, in one answer or as a stream', async () => {
    await create('l1', {}, { namespace: 'list' });
    await create('l2', {}, { namespace: 'list' });
    const options = { namespace: 'list' };
    const { containers } = await daemon.call(
      'containers.Containers/List',
      { filters: ['id==l1', 'labels.app==none'] },
      options,
    );
    expect(containers.map((found: { id: string }) => found.id)).toEqual(['l1']);
    const streamed = await daemon.collect('containers.Containers/ListStream', {}, options);
    expect(streamed.map((message) => message.container.id)).toEqual(['l1', 'l2']);
    await expect(daemon.call('containers.Containers/List', { filters: ['id=='] }, options)).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });

  it('deletes once', async () => {
    await create('d');
    await daemon.call('containers.Containers/Delete', { id: 'd' });
    await expect(daemon.call('containers.Containers/Delete', { id: 'd' })).rejects.toMatchObject({ code: 'not-found' });
  });
});
