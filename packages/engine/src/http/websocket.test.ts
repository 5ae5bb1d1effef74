// Frames of a WebSocket, and the stream over them.
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { acceptKey, decodeFrame, encodeFrame, WebSocketStream } from './websocket.ts';

/** As a client sends it. */
function masked(opcode: number, text: string): Buffer {
  const payload = Buffer.from(text);
  const mask = Buffer.from([1, 2, 3, 4]);
  const frame = encodeFrame(opcode, payload);
  const head = frame.subarray(0, frame.length - payload.length);
  head[1] = (head[1] ?? 0) | 0x80;
  return Buffer.concat([head, mask, payload.map((byte, index) => byte ^ (mask[index & 3] ?? 0))]);
}

describe('frames', () => {
  it('have the handshake’s answer of the specification', () => {
    expect(acceptKey('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  });

  it.each([5, 125, 126, 65_535, 65_536])('of %s bytes are read as written', (length) => {
    const text = 'x'.repeat(length);
    expect(decodeFrame(masked(2, text))).toMatchObject({ opcode: 2, payload: Buffer.from(text) });
    expect(decodeFrame(masked(2, text).subarray(0, -1))).toBeUndefined();
  });

  it('that are not masked or too large break the protocol', () => {
    expect(decodeFrame(encodeFrame(2, Buffer.from('x')))).toBe(1002);
    expect(decodeFrame(Buffer.from([0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0]))).toBe(1009);
  });
});

describe('WebSocketStream', () => {
  it('carries bytes both ways and answers a close', async () => {
    const socket = new PassThrough();
    const written: Buffer[] = [];
    socket.write = ((chunk: Buffer, done?: () => void) => {
      written.push(chunk);
      if (typeof done === 'function') done();
      return true;
    }) as never;
    socket.end = ((chunk: Buffer) => {
      written.push(chunk);
      return socket;
    }) as never;
    const stream = new WebSocketStream(socket);
    const received: string[] = [];
    stream.on('data', (chunk: Buffer) => received.push(chunk.toString()));
    const ended = new Promise((resolve) => stream.once('end', resolve));
    socket.emit('data', Buffer.concat([masked(1, 'one'), masked(2, 'two').subarray(0, 4)]));
    socket.emit('data', masked(2, 'two').subarray(4));
    socket.emit('data', masked(9, 'ping'));
    stream.write('out');
    socket.emit('data', masked(8, ''));
    await ended;
    expect(received).toEqual(['one', 'two']);
    expect(written).toEqual([
      encodeFrame(10, Buffer.from('ping')),
      encodeFrame(2, Buffer.from('out')),
      encodeFrame(8, Buffer.from([0x03, 0xe8])),
    ]);
  });
});
