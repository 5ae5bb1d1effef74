// The publisher against a real ttrpc server on a real socket: order, and what happens while the daemon is away.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerError } from '@tscontainer/core/errors';
import { serveTtrpc, type TtrpcServer } from '@tscontainer/platform/ttrpc/ttrpc-server';
import { wireService } from '@tscontainer/platform/wire-codec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventPublisher, maxQueuedEvents } from './event-publisher.ts';
import { ShimLog } from './shim-log.ts';

const service = 'containerd.services.events.ttrpc.v1.Events';
const event = { typeUrl: 'containerd.events.TaskOOM', value: Buffer.alloc(0) };

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

  const publish = (container: string, topic: string) => publisher.publish('test', container, topic, event);

  it('keeps the order of a container although answers take different times', async () => {
    let delayMs = 20;
    answer = () => {
      delayMs -= 4;
      return new Promise((resolve) => setTimeout(resolve, delayMs));
    };
    await serve();
    for (const topic of ['/a', '/b', '/c', '/d']) publish('one', topic);
    await publisher.drained(5000);
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
    await publisher.drained(5000);
    expect(taken).toEqual(['/quick', '/slow']);
  });

  it('keeps events until the daemon is back, then delivers them in order', async () => {
    publish('one', '/a');
    publish('one', '/b');
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(publisher.queuedCount).toBe(2);
    await serve();
    await publisher.drained(5000);
    expect(taken).toEqual(['/a', '/b']);
  });

  it('connects again after the daemon went away', async () => {
    const first = await serve();
    publish('one', '/a');
    await publisher.drained(5000);
    first.close();
    publish('one', '/b');
    await new Promise((resolve) => setTimeout(resolve, 30));
    await serve();
    await publisher.drained(5000);
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
    await publisher.drained(5000);
    expect(taken).toEqual(['/b']);
  });

  it('never keeps more than its bound', () => {
    for (let index = 0; index < maxQueuedEvents + 5; index += 1) publish('one', `/e${index}`);
    expect(publisher.queuedCount).toBe(maxQueuedEvents);
  });
});
