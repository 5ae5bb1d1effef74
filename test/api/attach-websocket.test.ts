// Attach by WebSocket over REST: raw output, input to its end, errors before the handshake, and the exit as a close.
import { createHash } from 'node:crypto';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
  await stack.docker(['load', '-q', '-i', await busyboxArchive()]);
});
afterAll(() => stack?.stop());

const key = 'dGhlIHNhbXBsZSBub25jZQ==';

interface Session {
  head: string;
  socket: net.Socket;
  /** Payload of the data frames until now. */
  text(): string;
  /** The server's close frame has come, or its end. */
  closed: Promise<void>;
}

function open(path: string): Promise<Session> {
  const socket = net.connect(stack.socket);
  const closed = Promise.withResolvers<void>();
  let received = Buffer.alloc(0);
  let start = -1;
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  const text = () => {
    let result = '';
    for (let at = start; at >= 0 && at + 2 <= received.length; ) {
      const opcode = (received[at] ?? 0) & 15;
      const short = received[at + 1] ?? 0;
      const [head, length] =
        short === 126
          ? [4, received.readUInt16BE(at + 2)]
          : short === 127
            ? [10, Number(received.readBigUInt64BE(at + 2))]
            : [2, short];
      if (opcode === 2) result += received.toString('utf8', at + head, at + head + length);
      if (opcode === 8) closed.resolve();
      at += head + length;
    }
    return result;
  };
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('end', () => closed.resolve());
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf('\r\n\r\n');
      if (start < 0 && end >= 0) {
        start = end + 4;
        resolve({ head: received.toString('latin1', 0, end), socket, text, closed: closed.promise });
      }
      text();
    });
  });
}

function frame(text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

describe('attach by WebSocket', () => {
  it('carries input and raw output, and closes with the container', async () => {
    const body = {
      Image: 'busybox',
      Cmd: ['sh', '-c', 'read line; echo got $line; echo err >&2'],
      OpenStdin: true,
      StdinOnce: true,
      HostConfig: { NetworkMode: 'none' },
    };
    const { Id } = (await stack.api('POST', '/containers/create', body)).body;
    const session = await open(`/v1.44/containers/${Id}/attach/ws?stream=1&stdin=1&stdout=1&stderr=1`);
    expect(session.head).toMatch(/^HTTP\/1.1 101 /);
    const answer = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    expect(session.head).toContain(`Sec-WebSocket-Accept: ${answer}`);
    await stack.api('POST', `/containers/${Id}/start`);
    session.socket.write(frame('hello\n'));
    await until('output', 5000, () => (session.text().includes('got hello') ? true : undefined));
    await session.closed;
    expect(session.text().split('\n').sort().join('|')).toBe('|err|got hello');
    session.socket.destroy();
  });

  it('is refused before the handshake', async () => {
    const session = await open('/containers/nosuch/attach/ws?stream=1');
    expect(session.head).toMatch(/^HTTP\/1.1 404 /);
    session.socket.destroy();
    await stack.docker(['create', '--name', 'plain', '--network', 'none', 'busybox', 'true']);
    expect((await stack.api('GET', '/containers/plain/attach/ws')).status).toBe(400);
  });
});
