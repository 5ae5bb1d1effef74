// Header blocks, against those that Node's own HTTP/2 writes and reads.
import { once } from 'node:events';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { decodeHuffman, encodeHeaders, HpackDecoder } from './hpack.ts';
import { FrameReader, frameType } from './http2-frame.ts';

/** Header blocks that a nghttp2 client sends for `requests`, as they stand on the wire. */
async function blocksOf(requests: Record<string, string>[]): Promise<Buffer[]> {
  const { createServer } = await import('node:net');
  const blocks: Buffer[] = [];
  const enough = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    let preface = 24;
    const reader = new FrameReader(({ type, payload }) => {
      if (type === frameType.headers) blocks.push(Buffer.from(payload));
      if (blocks.length === requests.length) enough.resolve();
    });
    socket.on('data', (chunk) => {
      const skipped = Math.min(preface, chunk.length);
      preface -= skipped;
      reader.push(chunk.subarray(skipped));
    });
    socket.on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  client.on('error', () => undefined);
  for (const request of requests) client.request(request).on('error', () => undefined);
  await enough.promise;
  client.destroy();
  server.close();
  return blocks;
}

describe('hpack', () => {
  it('reads what nghttp2 writes: Huffman texts of every letter, and the dynamic table', async () => {
    const letters = String.fromCharCode(...Array.from({ length: 94 }, (_, index) => 33 + index));
    const requests = [
      { ':path': '/a', letters },
      { ':path': '/a', letters, other: 'x'.repeat(3000) },
      { ':path': '/b', filling: 'y'.repeat(3000), more: 'z'.repeat(900) },
      { ':path': '/a', letters },
    ];
    const decoder = new HpackDecoder(65_536);
    for (const [index, block] of (await blocksOf(requests)).entries())
      expect(Object.fromEntries(decoder.decode(block))).toMatchObject(requests[index] ?? {});
  });

  it('writes what a decoder reads, of the static table and outside of it', () => {
    const fields: [string, string][] = [
      [':method', 'POST'],
      [':path', '/a/long/path'],
      ['te', 'trailers'],
      ['long', 'v'.repeat(300)],
    ];
    expect([...new HpackDecoder(65_536).decode(encodeHeaders(fields))]).toEqual(fields);
  });

  it('refuses a block that is cut, an entry that is not there and a text that is not filled up', () => {
    const block = encodeHeaders([['name', 'value']]);
    expect(() => new HpackDecoder(65_536).decode(block.subarray(0, -1))).toThrow('longer than its block');
    expect(() => new HpackDecoder(65_536).decode(Buffer.from([0xff, 0x80]))).toThrow('ends within a field');
    expect(() => new HpackDecoder(65_536).decode(Buffer.from([0xc0]))).toThrow('no entry 64');
    expect(() => new HpackDecoder(65_536).decode(Buffer.from([0x3f, 0xe2, 0x1f]))).toThrow('was not offered');
    expect(() => decodeHuffman(Buffer.from([0x00, 0x00, 0x06]))).toThrow('not filled up');
    expect(() => decodeHuffman(Buffer.from([0xff, 0xff, 0xff, 0xff]))).toThrow('none');
  });
});
