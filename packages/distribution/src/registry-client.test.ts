// Tests the registry client against small servers: redirects, verification, refusals, tokens.
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseReference } from '@tscontainer/core/reference';
import { afterEach, expect, it } from 'vitest';
import { digestOf } from './chain-id.ts';
import { RegistryClient } from './registry-client.ts';
import { isLoopback } from './registry-hosts.ts';

const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function serve(listener: http.RequestListener): Promise<string> {
  const server = http.createServer(listener);
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function clientOf(host: string, credentials?: () => Promise<{ username: string; password: string }>): RegistryClient {
  const client = new RegistryClient(parseReference(`${host}/a/b:c`), { defaultScheme: 'http', credentials });
  closing.push(() => client.close());
  return client;
}

const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  config: {},
  layers: [],
});

it('keeps credentials from the host that a blob is redirected to', async () => {
  const seen: (string | undefined)[] = [];
  const storage = await serve((request, response) => {
    seen.push(request.headers.authorization);
    response.end('blob');
  });
  const registry = await serve((request, response) => {
    if (request.headers.authorization === undefined) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    } else {
      response.writeHead(307, { location: `http://${storage}/elsewhere` }).end();
    }
  });
  const { body } = await clientOf(registry, async () => ({ username: 'u', password: 'p' })).openBlob(
    digestOf('blob'),
    0,
  );
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toBe('blob');
  expect(seen).toEqual([undefined]);
});

it('asks again on a new connection when the kept one is closed as it is used', async () => {
  const used = new Set<unknown>();
  const host = await serve((request, response) => {
    if (used.has(request.socket)) return void request.socket.destroy();
    used.add(request.socket);
    response.end(manifest);
  });
  const client = clientOf(host);
  for (let count = 1; count <= 3; count++) {
    expect((await client.fetchManifest('c')).descriptor.digest).toBe(digestOf(manifest));
    expect(used.size).toBe(count);
  }
});

it('ends a circle of redirects', async () => {
  const host = await serve((request, response) => response.writeHead(302, { location: request.url ?? '/' }).end());
  await expect(clientOf(host).fetchManifest('c')).rejects.toThrow('more than 5 redirects');
});

it('verifies a manifest that was asked for by digest', async () => {
  const host = await serve((_request, response) => response.end(manifest));
  await expect(clientOf(host).fetchManifest(digestOf('another'))).rejects.toMatchObject({ reason: 'digest-mismatch' });
  expect((await clientOf(host).fetchManifest(digestOf(manifest))).descriptor).toEqual({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: digestOf(manifest),
    size: manifest.length,
  });
});

it('refuses a manifest of the first schema, and one without an end', async () => {
  const old = await serve((_request, response) => response.end('{"schemaVersion":1}'));
  await expect(clientOf(old).fetchManifest('c')).rejects.toThrow('only schema version 2');
  const endless = await serve((_request, response) => response.end(Buffer.alloc(5 * 1024 * 1024, 32)));
  await expect(clientOf(endless).fetchManifest('c')).rejects.toThrow('more than 4194304 bytes');
});

it('says in docker’s words that a manifest is not there', async () => {
  const host = await serve((_request, response) =>
    response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'),
  );
  await expect(clientOf(host).fetchManifest('c')).rejects.toThrow(
    `manifest for ${host}/a/b:c not found: manifest unknown: manifest unknown`,
  );
});

it('does not ask for a token twice when it is refused', async () => {
  let tokens = 0;
  const host = await serve((request, response) => {
    if (request.url?.startsWith('/token')) {
      tokens++;
      response.end('{"token":"t"}');
    } else {
      response
        .writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token",service="s"` })
        .end();
    }
  });
  await expect(clientOf(host).fetchManifest('c')).rejects.toMatchObject({
    code: 'unauthenticated',
    reason: 'registry-auth',
  });
  expect(tokens).toBe(1);
});

it('knows loopback', () => {
  for (const host of ['localhost', 'localhost:5000', '127.0.0.1:5000', '127.8.8.8', '[::1]:5000'])
    expect(isLoopback(host)).toBe(true);
  for (const host of ['example.com', '128.0.0.1', 'localhost.example.com', '127.0.0.1.example.com'])
    expect(isLoopback(host)).toBe(false);
});
