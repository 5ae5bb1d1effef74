// The event bus: order, filters, the end of a subscription, and what becomes of one that does not read.

import { loadMessage } from '@tscontainer/platform/contract-loader';
import { describe, expect, it } from 'vitest';
import { EventExchange, maxQueuedEvents } from './event-exchange.ts';

const event = { typeUrl: 'containerd.events.ContainerDelete', value: Buffer.alloc(0) };

async function take(events: AsyncIterable<{ topic: string }>, count: number): Promise<string[]> {
  const topics: string[] = [];
  for await (const { topic } of events) {
    topics.push(topic);
    if (topics.length === count) break;
  }
  return topics;
}

describe('the event exchange', () => {
  it('gives a subscriber everything since it subscribed, in order', async () => {
    const exchange = new EventExchange();
    exchange.publish('n', '/before', event);
    const events = exchange.subscribe([], new AbortController().signal);
    for (const topic of ['/a', '/b', '/c']) exchange.publish('n', topic, event);
    expect(await take(events, 3)).toEqual(['/a', '/b', '/c']);
  });

  it('filters by topic, namespace and a field of the event', async () => {
    const exchange = new EventExchange();
    const { signal } = new AbortController();
    const byTopic = exchange.subscribe(['topic~=^/tasks/'], signal);
    const byField = exchange.subscribe(['namespace==n,event.container_id==web'], signal);
    const exit = loadMessage<{ containerId: string }>('containerd/events/task.proto', 'containerd.events.TaskExit');
    const exitOf = (containerId: string) => ({ typeUrl: exit.typeName, value: exit.encode({ containerId }) });
    exchange.publish('n', '/containers/delete', event);
    exchange.publish('n', '/tasks/exit', exitOf('db'));
    exchange.publish('other', '/tasks/exit', exitOf('web'));
    exchange.publish('n', '/tasks/last', exitOf('web'));
    expect(await take(byTopic, 3)).toEqual(['/tasks/exit', '/tasks/exit', '/tasks/last']);
    expect(await take(byField, 1)).toEqual(['/tasks/last']);
  });

  it.each([
    ['of a type that is none', { typeUrl: 'containerd.events.TaskNonsense', value: Buffer.alloc(0) }],
    ['that are cut', { typeUrl: 'containerd.events.TaskExit', value: Buffer.from([0x0a, 0x7f]) }],
  ])('passes on events %s, to whom does not filter by their fields', async (_what, odd) => {
    const exchange = new EventExchange();
    const { signal } = new AbortController();
    const byField = exchange.subscribe(['event.container_id==web', 'topic=="/last"'], signal);
    const all = exchange.subscribe([], signal);
    exchange.publish('n', '/odd', odd);
    exchange.publish('n', '/last', event);
    expect(await take(all, 2)).toEqual(['/odd', '/last']);
    expect(await take(byField, 1)).toEqual(['/last']);
  });

  it('ends a subscription when it is aborted, also one that waits', async () => {
    const exchange = new EventExchange();
    const abort = new AbortController();
    const taken = take(exchange.subscribe([], abort.signal), 1);
    abort.abort();
    expect(await taken).toEqual([]);
  });

  it('tells its subscribers when it closes, after what they had', async () => {
    const exchange = new EventExchange();
    const { signal } = new AbortController();
    const [waiting, behind] = [exchange.subscribe([], signal), exchange.subscribe([], signal)];
    const topics = take(waiting, 2);
    exchange.publish('n', '/a', event);
    exchange.close();
    await expect(topics).rejects.toMatchObject({ code: 'unavailable' });
    expect(await take(behind, 1)).toEqual(['/a']);
  });

  it('ends a subscriber that fell behind with an error, after what it had', async () => {
    const exchange = new EventExchange();
    const events = exchange.subscribe([], new AbortController().signal);
    for (let index = 0; index <= maxQueuedEvents; index += 1) exchange.publish('n', '/x', event);
    let count = 0;
    const reading = async () => {
      for await (const _ of events) count += 1;
    };
    await expect(reading()).rejects.toThrow('fell 16384 events behind');
    expect(count).toBe(maxQueuedEvents);
  });

  it.each(['', 'tasks', '/', '/a//b', '/a b'])('refuses the topic "%s"', (topic) => {
    expect(() => new EventExchange().publish('n', topic, event)).toThrow();
  });
});
