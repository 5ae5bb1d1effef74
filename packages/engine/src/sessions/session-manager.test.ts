// Sessions with a client on node:http2, which has nothing of ours: found by id, watched, and gone with their connection.
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import type { Logger } from '@tscontainer/platform/logger';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SessionIntroduction } from './session.ts';
import { SessionManager } from './session-manager.ts';

const log = { debug: () => undefined } as unknown as Logger;
const quick = { intervalMs: 10, retryMs: 10, timeoutMs: 60_000, maxFailures: 2 };
const unimplemented = 12;

/** Whoever opened the session, and what it was asked. */
interface Client {
  socket: net.Socket;
  paths: string[];
  /** Of its answers; undefined: none is given. */
  status: number | undefined;
}

let server: net.Server;
let sockets: net.Socket[];

beforeEach(async () => {
  sockets = [];
  server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

/** Both ends of a connection. */
async function connection(): Promise<{ near: net.Socket; far: net.Socket }> {
  const accepted = once(server, 'connection') as Promise<[net.Socket]>;
  const near = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  const [far] = await accepted;
  sockets.push(near, far);
  return { near, far };
}

async function open(manager: SessionManager, introduction: Partial<SessionIntroduction> = {}) {
  const { near, far } = await connection();
  const client: Client = { socket: far, paths: [], status: 0 };
  const peer = http2.performServerHandshake(far);
  peer.on('error', () => undefined);
  peer.on('stream', (stream, headers) => {
    client.paths.push(String(headers[':path']));
    stream.on('error', () => undefined);
    stream.resume();
    if (client.status === undefined) return;
    const answer = { ':status': 200, 'content-type': 'application/grpc' };
    const trailers = { 'grpc-status': String(client.status), 'grpc-message': 'as the test wants' };
    if (client.status !== 0) return stream.respond({ ...answer, ...trailers }, { endStream: true });
    stream.respond(answer, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
  });
  const session = manager.open({ id: 'one', name: 'ctx', sharedKey: 'k', methods: [], ...introduction }, near);
  return { session, client };
}

function over(signal: AbortSignal): Promise<unknown> {
  return signal.aborted ? Promise.resolve() : once(signal, 'abort');
}

describe('a session', () => {
  it('is asked for its health, and called', async () => {
    const manager = new SessionManager(log, quick);
    const { session, client } = await open(manager, { methods: ['/a.B/C'] });
    const answer = await session.call('/a.B/C', Buffer.from('x'), { timeoutMs: 60_000 });
    expect([...answer]).toEqual([8, 1]);
    expect(client.paths).toContain('/a.B/C');
    while (client.paths.filter((path) => path === '/grpc.health.v1.Health/Check').length < 3)
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect([session.supports('/A.b/c'), session.supports('/a.B/D')]).toEqual([true, false]);
    expect(session.signal.aborted).toBe(false);
    manager.close();
  });

  it('is known by its id while its connection lasts', async () => {
    const manager = new SessionManager(log, quick);
    const { session, client } = await open(manager);
    expect(await manager.find('one', 0)).toBe(session);
    expect(() => manager.checkFree('one')).toThrow('session one already exists');
    client.socket.destroy();
    await over(session.signal);
    expect(manager.size).toBe(0);
    manager.checkFree('one');
    await expect(session.call('/a.B/C', Buffer.alloc(0), { timeoutMs: 60_000 })).rejects.toThrow();
  });

  it('is over when the client says that it sends no more', async () => {
    const { session, client } = await open(new SessionManager(log, quick));
    client.socket.end();
    await over(session.signal);
  });

  it('is waited for, and not for ever', async () => {
    const manager = new SessionManager(log, quick);
    const found = [manager.find('late', 60_000), manager.find('late', 60_000)];
    const { session } = await open(manager, { id: 'late' });
    expect(await Promise.all(found)).toEqual([session, session]);
    await expect(manager.find('never', 20)).rejects.toThrow('no active session for never');
    manager.close();
    expect(manager.size).toBe(0);
  });

  it('is given up when its client refuses to say how it is', async () => {
    const { session, client } = await open(new SessionManager(log, quick));
    client.status = unimplemented;
    await over(session.signal);
    expect(String(session.signal.reason)).toContain('as the test wants');
  });

  it('is given up when its client says nothing any more', async () => {
    const { session, client } = await open(new SessionManager(log, { ...quick, timeoutMs: 50 }));
    client.status = undefined;
    await over(session.signal);
    expect(String(session.signal.reason)).toContain('no answer in 50 ms');
  });
});
