// A connection that breaks: tried again as often as was said, then not until there is more to send.
import { once } from 'node:events';
import net from 'node:net';
import type { Logger } from '@tscontainer/platform/logger';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LogForwarder } from './log-forwarder.ts';

let server: net.Server;
let port: number;
let sockets: net.Socket[];
let received: string;
/** Connections that were refused. */
let refusals: number;

const log = {
  warn: ({ err }: { err: string }) => {
    if (err.startsWith('dial ')) refusals++;
  },
} as unknown as Logger;

async function listen(at: number): Promise<void> {
  server = net.createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      received += chunk;
    });
  });
  server.listen(at, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as net.AddressInfo).port;
}

async function close(): Promise<void> {
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
}

beforeEach(async () => {
  sockets = [];
  received = '';
  refusals = 0;
  await listen(0);
});
afterEach(close);

function forwarder(maxReconnects?: number): LogForwarder {
  return new LogForwarder({
    target: { kind: 'tcp', host: '127.0.0.1', port },
    encode: ({ text }) => [Buffer.from(text)],
    reconnectMs: 5,
    ...(maxReconnects === undefined ? {} : { maxReconnects }),
    log,
  });
}

const entry = (text: string) => ({ stream: 'stdout', text, time: '2026-01-02T03:04:05Z' }) as const;

it('is made again for what waits', async () => {
  const lasting = forwarder();
  await lasting.open();
  await close();
  await expect.poll(() => refusals).toBeGreaterThan(3);
  lasting.send(entry('waited'));
  await listen(port);
  await expect.poll(() => received).toBe('waited');
  lasting.close();
});

it('is given up after as many failures as were said, until there is more to send', async () => {
  const bounded = forwarder(2);
  await bounded.open();
  await close();
  bounded.send(entry('lost'));
  await expect.poll(() => refusals).toBe(2);
  await listen(port);
  bounded.send(entry('next'));
  await expect.poll(() => received).toBe('next');
  expect(refusals).toBe(2);
  bounded.close();
});
