// The Events service over gRPC: what the other services announce, Publish, Forward, and filters.
import { loadMessage } from '@tscontainer/platform/contract-loader';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TemporaryDaemon } from '../fixture/temporary-daemon.ts';

let daemon: TemporaryDaemon;
beforeAll(async () => {
  daemon = await TemporaryDaemon.start();
});
afterAll(() => daemon.close());

/** Publishes `/ready` until it arrives: from then on the subscription is known to stand. */
async function subscribe(filters: string[]): Promise<{ next: () => Promise<any>; end: () => void }> {
  const abort = new AbortController();
  const marker = { topic: '/ready', event: { typeUrl: 'containerd.events.ContainerDelete', value: Buffer.alloc(0) } };
  const stream = daemon.stream(
    'events.Events/Subscribe',
    { filters: [...filters, 'topic=="/ready"'] },
    { signal: abort.signal },
  );
  const timer = setInterval(() => daemon.call('events.Events/Publish', marker), 20);
  await stream.next();
  clearInterval(timer);
  const next = async () => {
    for (;;) {
      const { value } = await stream.next();
      if (value.topic !== '/ready') return value;
    }
  };
  return { next, end: () => abort.abort() };
}

describe('Events', () => {
  it('announces what becomes of namespaces, images, snapshots and containers', async () => {
    const events = await subscribe(['namespace==announce']);
    const options = { namespace: 'announce' };
    const target = { mediaType: 'm', digest: `sha256:${'0'.repeat(64)}`, size: 1 };
    const spec = { typeUrl: 's', value: Buffer.from('{}') };
    await daemon.call('namespaces.Namespaces/Create', { namespace: { name: 'announce', labels: { a: 'b' } } }, options);
    await daemon.call('images.Images/Create', { image: { name: 'i', target } }, options);
    await daemon.call('images.Images/Delete', { name: 'i' }, options);
    await daemon.call('snapshots.Snapshots/Prepare', { snapshotter: 'overlayfs', key: 'k' }, options);
    // the collector runs soon after an image was deleted, and nothing else would keep it
    const labels = { 'containerd.io/gc.root': 'test' };
    await daemon.call('snapshots.Snapshots/Commit', { snapshotter: 'overlayfs', key: 'k', name: 'n', labels }, options);
    await daemon.call('snapshots.Snapshots/Remove', { snapshotter: 'overlayfs', key: 'n' }, options);
    await daemon.call(
      'containers.Containers/Create',
      { container: { id: 'c', runtime: { name: 'r' }, spec } },
      options,
    );
    await daemon.call('containers.Containers/Delete', { id: 'c' }, options);
    const topics: string[] = [];
    const seen: any[] = [];
    for (let index = 0; index < 8; index += 1) seen.push(await events.next());
    for (const { topic } of seen) topics.push(topic);
    events.end();
    expect(topics).toEqual([
      '/namespaces/create',
      '/images/create',
      '/images/delete',
      '/snapshot/prepare',
      '/snapshot/commit',
      '/snapshot/remove',
      '/containers/create',
      '/containers/delete',
    ]);
    const { typeUrl, value } = seen[4].event;
    expect(loadMessage('containerd/events/snapshot.proto', typeUrl).decode(value)).toMatchObject({
      key: 'k',
      name: 'n',
      snapshotter: 'overlayfs',
    });
  });

  it('forwards an envelope as it is, with its namespace and time', async () => {
    const events = await subscribe(['topic=="/tasks/exit"']);
    const exit = loadMessage<{ containerId: string; exitStatus: number }>(
      'containerd/events/task.proto',
      'containerd.events.TaskExit',
    );
    const event = { typeUrl: exit.typeName, value: exit.encode({ containerId: 'c', exitStatus: 7 }) };
    const envelope = { timestamp: { seconds: 5, nanos: 6 }, namespace: 'moby', topic: '/tasks/exit', event };
    await daemon.call('events.Events/Forward', { envelope }, { namespace: undefined });
    const got = await events.next();
    events.end();
    expect(got).toMatchObject({ timestamp: { seconds: 5, nanos: 6 }, namespace: 'moby', topic: '/tasks/exit' });
    expect(exit.decode(got.event.value).exitStatus).toBe(7);
  });

  it('forgets a subscriber that went away', async () => {
    await expect.poll(() => daemon.daemon.events.subscriberCount).toBe(0);
    const events = await subscribe([]);
    expect(daemon.daemon.events.subscriberCount).toBe(1);
    events.end();
    await expect.poll(() => daemon.daemon.events.subscriberCount).toBe(0);
  });

  it('refuses a topic without a slash and a filter that does not parse', async () => {
    const event = { typeUrl: 't', value: Buffer.alloc(0) };
    await expect(daemon.call('events.Events/Publish', { topic: 'x', event })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
    await expect(daemon.collect('events.Events/Subscribe', { filters: ['topic=='] })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });
});
