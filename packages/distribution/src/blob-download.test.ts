// Tests blob downloads against a server that cuts, ignores ranges, and lies.
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Descriptor } from '@tscontainer/core/oci-image';
import { afterEach, expect, it } from 'vitest';
import { type BlobSource, downloadBlob, fetchBlob } from './blob-download.ts';
import { digestOf } from './chain-id.ts';

const content = Buffer.from('0123456789'.repeat(1000));
const descriptor: Descriptor = { mediaType: 'layer', digest: digestOf(content), size: content.length };
const servers: http.Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A server that answers each request as the test says, and a source that asks it. */
async function serve(
  answer: (offset: number, response: http.ServerResponse, count: number) => void,
): Promise<{ source: BlobSource; offsets: number[] }> {
  const offsets: number[] = [];
  const server = http.createServer((request, response) => {
    const offset = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    offsets.push(offset);
    answer(offset, response, offsets.length);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const source: BlobSource = {
    openBlob: (_digest, offset) =>
      new Promise((resolve, reject) => {
        const headers = offset === 0 ? {} : { range: `bytes=${offset}-` };
        const request = http.get({ port, host: '127.0.0.1', headers }, (body) =>
          resolve({ body, offset: body.statusCode === 206 ? offset : 0 }),
        );
        request.on('error', reject);
      }),
  };
  return { source, offsets };
}

function send(response: http.ServerResponse, status: number, bytes: Buffer, cutAfter?: number): void {
  response.writeHead(status, { 'content-length': bytes.length });
  if (cutAfter === undefined) {
    response.end(bytes);
    return;
  }
  response.write(bytes.subarray(0, cutAfter));
  setTimeout(() => response.destroy(), 20);
}

async function collect(source: BlobSource, offset = 0, signal?: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of downloadBlob(source, descriptor, offset, signal)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

it('goes on by Range where a connection was cut', async () => {
  const { source, offsets } = await serve((offset, response, count) =>
    send(response, offset === 0 ? 200 : 206, content.subarray(offset), count <= 2 ? 1000 : undefined),
  );
  expect(await collect(source)).toEqual(content);
  expect(offsets).toEqual([0, 1000, 2000]);
});

it('drops what a server without ranges sends again', async () => {
  const { source } = await serve((_offset, response, count) =>
    send(response, 200, content, count === 1 ? 1000 : undefined),
  );
  expect(await collect(source)).toEqual(content);
});

it('begins where an earlier download ended', async () => {
  const { source, offsets } = await serve((offset, response) => send(response, 206, content.subarray(offset)));
  expect(await collect(source, 4000)).toEqual(content.subarray(4000));
  expect(offsets).toEqual([4000]);
});

it('refuses other bytes, and does not ask again', async () => {
  const { source, offsets } = await serve((_offset, response) => send(response, 200, Buffer.alloc(content.length)));
  await expect(fetchBlob(source, descriptor)).rejects.toMatchObject({
    code: 'failed-precondition',
    reason: 'digest-mismatch',
  });
  expect(offsets).toHaveLength(1);
});

it('refuses more bytes than the descriptor says', async () => {
  const { source } = await serve((_offset, response) => send(response, 200, Buffer.concat([content, content])));
  await expect(collect(source)).rejects.toThrow(`more than ${content.length} bytes`);
});

it('gives up after five attempts', async () => {
  const { source, offsets } = await serve((_offset, response) => response.destroy());
  await expect(collect(source)).rejects.toThrow();
  expect(offsets).toHaveLength(5);
});

it('ends at once when cancelled', async () => {
  const { source, offsets } = await serve((_offset, response) => response.destroy());
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 50);
  await expect(collect(source, 0, abort.signal)).rejects.toMatchObject({ code: 'cancelled' });
  expect(offsets.length).toBeLessThan(5);
});
