// Tests uploads against a server that keeps the specification's rules and breaks off where the test says.
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Descriptor } from '@tscontainer/core/oci-image';
import { parseReference } from '@tscontainer/core/reference';
import { afterEach, expect, it } from 'vitest';
import { type UploadOutcome, uploadBlob } from './blob-upload.ts';
import { digestOf } from './chain-id.ts';
import type { ContentSource } from './image-source.ts';
import { RegistrySession } from './registry-session.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

type Fault = (request: http.IncomingMessage, response: http.ServerResponse, server: UploadServer) => boolean;

/** One repository's uploads: what the distribution specification asks, with the range checked. */
class UploadServer {
  readonly requests: string[] = [];
  readonly blobs = new Map<string, Buffer>();
  readonly others = new Map<string, string>();
  upload: Buffer | undefined;
  /** True when it has answered by itself. */
  fault: Fault = () => false;
  host = '';

  async start(): Promise<void> {
    const server = http.createServer((request, response) => {
      this.requests.push(
        `${request.method} ${request.url?.replace(/[a-f0-9]{64}/, 'HEX')} ${request.headers['content-range'] ?? ''}`.trim(),
      );
      if (this.fault(request, response, this)) return;
      void this.#answer(request, response);
    });
    closing.push(() => {
      server.closeAllConnections();
      server.close();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://x');
    const location = { location: '/v2/a/b/blobs/uploads/one?state=x' };
    if (request.method === 'HEAD') {
      const blob = this.blobs.get(url.pathname.split('/').at(-1) ?? '');
      return void (
        blob === undefined ? response.writeHead(404) : response.writeHead(200, { 'content-length': blob.length })
      ).end();
    }
    if (request.method === 'POST') {
      const from = this.others.get(url.searchParams.get('mount') ?? '');
      if (from !== undefined && from === url.searchParams.get('from')) return void response.writeHead(201).end();
      this.upload = Buffer.alloc(0);
      return void response.writeHead(202, location).end();
    }
    if (this.upload === undefined)
      return void response.writeHead(404).end('{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}');
    if (request.method === 'GET') return void response.writeHead(204, { ...location, range: this.range }).end();
    const begin = Number(request.headers['content-range']?.split('-')[0] ?? this.upload.length);
    if (begin !== this.upload.length) return void response.writeHead(416).end();
    try {
      for await (const chunk of request) this.upload = Buffer.concat([this.upload, chunk as Buffer]);
    } catch {
      return; // the sender broke off; what came is kept
    }
    if (request.method === 'PATCH') return void response.writeHead(202, { ...location, range: this.range }).end();
    const digest = url.searchParams.get('digest') ?? '';
    if (digest !== digestOf(this.upload))
      return void response.writeHead(400).end('{"errors":[{"code":"DIGEST_INVALID"}]}');
    this.blobs.set(digest, this.upload);
    this.upload = undefined;
    response.writeHead(201).end();
  }

  get range(): string {
    return `0-${Math.max((this.upload?.length ?? 0) - 1, 0)}`;
  }
}

const large = Buffer.from('0123456789abcdef'.repeat(200_000));
const small = Buffer.from('small');

function sourceOf(bytes: Buffer): ContentSource {
  return {
    info: async () => ({ size: bytes.length, labels: {} }),
    read: async () => bytes,
    stream: async function* (_digest, offset) {
      for (let at = offset; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
    },
    addLabels: async () => undefined,
  };
}

async function upload(server: UploadServer, bytes: Buffer, mountFrom: string[] = []): Promise<UploadOutcome> {
  const session = new RegistrySession(parseReference(`${server.host}/a/b:c`), { defaultScheme: 'http' });
  closing.push(() => session.close());
  const [endpoint] = await session.endpoints('push');
  const blob: Descriptor = { mediaType: 'x', digest: digestOf(bytes), size: bytes.length };
  if (endpoint === undefined) throw new Error('no endpoint');
  return uploadBlob(session, endpoint, { blob, source: sourceOf(bytes), mountFrom });
}

async function started(fault?: Fault): Promise<UploadServer> {
  const server = new UploadServer();
  if (fault !== undefined) server.fault = fault;
  await server.start();
  return server;
}

it('sends a small blob in the request that ends its upload', async () => {
  const server = await started();
  expect(await upload(server, small)).toEqual({ kind: 'uploaded' });
  expect(server.requests).toEqual([
    'HEAD /v2/a/b/blobs/sha256:HEX',
    'POST /v2/a/b/blobs/uploads/',
    'PUT /v2/a/b/blobs/uploads/one?state=x&digest=sha256%3AHEX',
  ]);
});

it('sends a large one before, and an empty one too', async () => {
  const server = await started();
  await upload(server, large);
  expect(server.requests.slice(2)).toEqual([
    `PATCH /v2/a/b/blobs/uploads/one?state=x 0-${large.length - 1}`,
    'PUT /v2/a/b/blobs/uploads/one?state=x&digest=sha256%3AHEX',
  ]);
  await upload(server, Buffer.alloc(0));
  expect([...server.blobs.keys()]).toEqual([digestOf(large), digestOf(Buffer.alloc(0))]);
});

it('sends nothing that is there', async () => {
  const server = await started();
  server.blobs.set(digestOf(small), small);
  expect(await upload(server, small, ['c/d'])).toEqual({ kind: 'exists' });
  expect(server.requests).toHaveLength(1);
});

it('mounts from a repository that has it, and sends when none has', async () => {
  const server = await started();
  server.others.set(digestOf(small), 'e/f');
  expect(await upload(server, small, ['e/f'])).toEqual({ kind: 'mounted', from: 'e/f' });
  expect(await upload(server, large, ['c/d'])).toEqual({ kind: 'uploaded' });
  expect(server.requests.filter((line) => line.startsWith('POST'))).toHaveLength(2);
});

it('goes on where a cut connection stopped, by what the registry says', async () => {
  let cuts = 0;
  const server = await started((request) => {
    if (request.method !== 'PATCH' || cuts >= 3) return false;
    cuts++;
    let got = 0;
    request.on('data', (chunk: Buffer) => {
      got += chunk.length;
      if (got > 500_000) request.destroy();
    });
    return false;
  });
  await upload(server, large);
  const ranges = server.requests.filter((line) => line.startsWith('PATCH')).map((line) => line.split(' ')[2]);
  expect(ranges.length).toBe(4);
  const begins = ranges.map((range) => Number(range?.split('-')[0]));
  expect(begins[0]).toBe(0);
  expect(begins.every((begin, index) => index === 0 || begin > (begins[index - 1] ?? 0))).toBe(true);
  expect(server.blobs.get(digestOf(large))?.equals(large)).toBe(true);
});

it('begins anew when the registry has forgotten the upload', async () => {
  let isForgotten = false;
  const server = await started((request, _response, self) => {
    if (request.method === 'PATCH' && !isForgotten) {
      isForgotten = true;
      self.upload = undefined;
    }
    return false;
  });
  expect(await upload(server, large)).toEqual({ kind: 'uploaded' });
  expect(server.requests.filter((line) => line.startsWith('POST'))).toHaveLength(2);
});

it('sends chunks to a registry that refuses large bodies', async () => {
  const big = Buffer.alloc(10 * 1024 * 1024, 7);
  const server = await started((request, response) => {
    if (request.method !== 'PATCH' || Number(request.headers['content-length']) <= 8 * 1024 * 1024) return false;
    response.writeHead(413).end();
    return true;
  });
  await upload(server, big);
  expect(server.requests.filter((line) => line.startsWith('PATCH'))).toHaveLength(3);
});

it('waits as long as a busy registry asks', async () => {
  let refusals = 0;
  const server = await started((request, response) => {
    if (request.method !== 'POST' || refusals++ > 0) return false;
    response.writeHead(429, { 'retry-after': '1' }).end('{"errors":[{"code":"TOOMANYREQUESTS"}]}');
    return true;
  });
  const began = Date.now();
  await upload(server, small);
  expect(Date.now() - began).toBeGreaterThanOrEqual(990);
});

it('hands on a refusal that asks for too long, and one that does not end', async () => {
  const answer = (headers: Record<string, string>) =>
    started((request, response) => {
      if (request.method !== 'POST') return false;
      response.writeHead(429, headers).end('{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}');
      return true;
    });
  const long = await answer({ 'retry-after': '3600' });
  await expect(upload(long, small)).rejects.toMatchObject({ code: 'resource-exhausted', reason: 'toomanyrequests' });
  expect(long.requests.filter((line) => line.startsWith('POST'))).toHaveLength(1);
  const endless = await answer({});
  await expect(upload(endless, small)).rejects.toThrow('slow down');
  expect(endless.requests.filter((line) => line.startsWith('POST'))).toHaveLength(5);
});

it('leaves no half upload and names the refusal', async () => {
  const server = await started((request, response) => {
    if (request.method !== 'PUT') return false;
    request.resume();
    response.writeHead(403).end('{"errors":[{"code":"DENIED","message":"no"}]}');
    return true;
  });
  await expect(upload(server, small)).rejects.toMatchObject({ code: 'permission-denied', reason: 'denied' });
  expect(server.requests.at(-1)).toContain('DELETE /v2/a/b/blobs/uploads/one');
});
