// The publisher against a real ttrpc server on a real socket: order, and what happens while the daemon is away.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerError } from '@tscontainer/core/errors';
import { serveTtrpc, type TtrpcServer } from '@tscontainer/platform/ttrpc/ttrpc-server';
import { wireService } from '@tscontainer/platform/wire-codec';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EventPublisher } from './event-publisher.ts';
import { heldMs, maxQueuedEvents } from './event-queue.ts';
import { ShimLog } from './shim-log.ts';

const service = 'containerd.services.events.ttrpc.v1.Events';
const encode = () => ({ typeUrl: 'containerd.events.TaskOOM', value: Buffer.alloc(0) });

describe('EventPublisher', () => {
  let directory: string;
  let path: string;
  let publisher: EventPublisher;
  const servers: TtrpcServer[] = [];
  let taken: string[];
  let answer: () => Promise<void>;

  const serve = async () => {
    const Forward = async ({ envelope }: { envelope: { topic: string } }) => {
      await answer();
      taken.push(envelope.topic);
      return {};
    };
    const log = { debug: () => undefined };
    const server = await serveTtrpc(
      { path },
      [{ name: service, definition: wireService(service), handlers: { Forward } }],
      log,
    );
    servers.push(server);
    return server;
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'shim-events-'));
    path = join(directory, 's');
    taken = [];
    answer = () => Promise.resolve();
    publisher = new EventPublisher(path, new ShimLog('silent'));
  });
  afterEach(() => {
    publisher.close();
    for (const server of servers.splice(0)) server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const eventOf = (containerId: string, topic: string, execId = '') => ({
    namespace: 'test',
    containerId,
    execId,
    topic,
    encode,
  });
  const publish = (container: string, topic: string) => publisher.publish(eventOf(container, topic));

  it('keeps the order of a container although answers take different times', async () => {
    let delayMs = 20;
    answer = () => {
      delayMs -= 4;
      return new Promise((resolve) => setTimeout(resolve, delayMs));
    };
    await serve();
    for (const topic of ['/a', '/b', '/c', '/d']) publish('one', topic);
    await publisher.drained(30_000);
    expect(taken).toEqual(['/a', '/b', '/c', '/d']);
  });

  it('does not let one container wait for another', async () => {
    let release = () => {};
    const blocked = new Promise<void>((resolve) => {
      release = resolve;
    });
    let calls = 0;
    answer = () => (++calls === 1 ? blocked : Promise.resolve());
    await serve();
    publish('slow', '/slow');
    await new Promise((resolve) => setTimeout(resolve, 20));
    publish('quick', '/quick');
    await expect.poll(() => taken).toEqual(['/quick']);
    release();
    await publisher.drained(30_000);
    expect(taken).toEqual(['/quick', '/slow']);
  });

  it('keeps events until the daemon is back, then delivers them in order', async () => {
    publish('one', '/a');
    publish('one', '/b');
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(publisher.queuedCount).toBe(2);
    await serve();
    await publisher.drained(30_000);
    expect(taken).toEqual(['/a', '/b']);
  });

  it('connects again after the daemon went away', async () => {
    const first = await serve();
    publish('one', '/a');
    await publisher.drained(30_000);
    first.close();
    publish('one', '/b');
    await new Promise((resolve) => setTimeout(resolve, 30));
    await serve();
    await publisher.drained(30_000);
    expect(taken).toEqual(['/a', '/b']);
  });

  it('drops an event that the daemon refuses again and again, and goes on', async () => {
    let refusals = 0;
    answer = async () => {
      refusals += 1;
      if (refusals <= 5) throw new ContainerError('invalid-argument', 'no');
    };
    await serve();
    publish('one', '/refused');
    publish('one', '/b');
    await publisher.drained(30_000);
    expect(taken).toEqual(['/b']);
  });

  describe('of an event that the daemon tells of itself', () => {
    const hold = (teller: AbortSignal, topic: string, execId = '') =>
      publisher.publish(eventOf('one', topic, execId), teller);

    it('sends nothing as long as the connection stands', async () => {
      await serve();
      hold(new AbortController().signal, '/held');
      publish('one', '/oom');
      await publisher.drained(30_000);
      expect(taken).toEqual(['/oom']);
    });

    it('sends it at its place when the connection breaks before the daemon can have told of it', async () => {
      const daemon = new AbortController();
      hold(daemon.signal, '/create');
      hold(daemon.signal, '/start');
      publisher.publishAtOnce(eventOf('one', '/exit'));
      daemon.abort();
      expect(publisher.queuedCount).toBe(3);
      expect(publisher.heldCount).toBe(0);
      await serve();
      await publisher.drained(30_000);
      expect(taken).toEqual(['/create', '/start', '/exit']);
    });

    it('forgets it when a later one of the same process was taken', async () => {
      const daemon = new AbortController();
      await serve();
      hold(daemon.signal, '/start');
      hold(daemon.signal, '/exec-started', 'e');
      publisher.publishAtOnce(eventOf('one', '/exit', 'e'));
      await publisher.drained(30_000);
      daemon.abort();
      await publisher.drained(30_000);
      expect(taken).toEqual(['/exit', '/start']);
    });

    it('sends it at once when the connection is broken already', async () => {
      const daemon = new AbortController();
      daemon.abort();
      await serve();
      hold(daemon.signal, '/start');
      await publisher.drained(30_000);
      expect(taken).toEqual(['/start']);
    });

    it('forgets it after a while', async () => {
      vi.useFakeTimers();
      try {
        const daemon = new AbortController();
        hold(daemon.signal, '/start');
        vi.advanceTimersByTime(heldMs + 1);
        expect(publisher.heldCount).toBe(0);
        daemon.abort();
        expect(publisher.queuedCount).toBe(0);
      } finally {
        vi.useRealTimers();
      }
    });

    it('holds no more than its bound', () => {
      const { signal } = new AbortController();
      for (let index = 0; index < maxQueuedEvents + 5; index += 1) hold(signal, '/start');
      expect(publisher.heldCount).toBe(maxQueuedEvents);
    });
  });

  it('says when the daemon has all of a container', async () => {
    expect(publisher.taken('test', 'one', 1000)).toBeUndefined();
    await serve();
    publish('one', '/a');
    publish('one', '/b');
    await publisher.taken('test', 'one', 30_000);
    expect(taken).toEqual(['/a', '/b']);
    expect(publisher.taken('test', 'one', 1000)).toBeUndefined();
  });

  it('never keeps more than its bound', () => {
    for (let index = 0; index < maxQueuedEvents + 5; index += 1) publish('one', `/e${index}`);
    expect(publisher.queuedCount).toBe(maxQueuedEvents);
  });
});
