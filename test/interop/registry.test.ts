// Pulls from Debian's docker-registry: compressions, manifest lists, TLS, authentication, and what networks do to blobs.
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificates } from '../harness/certificates.ts';
import { runOk } from '../harness/command.ts';
import { isListening, makeImage, type Registry, skopeoCopy, startInside, startRegistry } from '../harness/registry.ts';
import { repositoryRoot } from '../harness/repository.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const ports = {
  plain: 5000,
  basic: 5001,
  token: 5002,
  tokenServer: 5003,
  corrupt: 5004,
  cut: 5005,
  untrusted: 5006,
  slow: 5007,
};

let stack: Stack;
let directory: string;
let layout: string;
let plain: Registry;
const stops: (() => Promise<void>)[] = [];

interface Pull {
  status: number;
  lines: any[];
  message: string | undefined;
}

/** One POST /images/create, its lines parsed. `message`: the error, by status or in-band. */
function pull(image: string, tag: string, auth?: object, signal?: AbortSignal): Promise<Pull> {
  const path = `/v1.41/images/create?fromImage=${encodeURIComponent(image)}&tag=${encodeURIComponent(tag)}`;
  const headers =
    auth === undefined ? {} : { 'X-Registry-Auth': Buffer.from(JSON.stringify(auth)).toString('base64url') };
  return new Promise((resolve, reject) => {
    const request = http.request(
      { socketPath: stack.socket, path, method: 'POST', agent: false, headers, ...(signal ? { signal } : {}) },
      (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('error', reject);
        response.on('end', () => {
          const lines = text
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => JSON.parse(line));
          const message =
            response.statusCode === 200
              ? lines.find((line) => line.error !== undefined)?.errorDetail.message
              : lines[0]?.message;
          resolve({ status: response.statusCode ?? 0, lines, message });
        });
      },
    );
    request.on('error', reject);
    request.end();
  });
}

async function inspect(name: string): Promise<any> {
  const { status, body } = await stack.api('GET', `/images/${name}/json`);
  expect(status).toBe(200);
  return body;
}

/** Blobs and uploads that tscontainerd has on disk. */
async function storedFiles(): Promise<string[]> {
  const found = await runOk('find', [directory, '-path', '*io.containerd.content.v1.content/*', '-type', 'f']);
  return found
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

async function removeImages(): Promise<void> {
  const { body } = await stack.api('GET', '/images/json?all=1');
  for (const { Id } of body as { Id: string }[]) await stack.api('DELETE', `/images/${Id}?force=1`);
}

async function startProgram(name: string, port: number, args: string[]): Promise<void> {
  const file = join(repositoryRoot, 'test/harness', `${name}.ts`);
  stops.push(
    await startInside(
      stack.network,
      join(directory, `${name}-${port}.log`),
      process.execPath,
      [file, String(port), ...args],
      () => isListening(stack.network, port),
    ),
  );
}

async function startProxy(mode: 'corrupt' | 'cut' | 'slow'): Promise<void> {
  await startProgram('registry-fault-proxy', ports[mode], [
    String(ports.plain),
    mode,
    join(directory, `${mode}.requests`),
  ]);
}

beforeAll(async () => {
  stack = await startStack();
  directory = stack.directory;
  layout = await makeImage(directory);
  const storage = join(directory, 'registry');
  plain = await startRegistry(stack.network, directory, { port: ports.plain, storage });
  stops.push(plain.stop);
  await skopeoCopy(stack.network, layout, `docker://${plain.host}/box:gzip`, ['--preserve-digests']);
  // zstd: from a docker-archive, whose layers are plain, so that skopeo has to compress them; and by way of a layout,
  // since a registry that has the layer as gzip already would be sent that one
  const archive = join(directory, 'plain.tar');
  await skopeoCopy(stack.network, layout, `docker-archive:${archive}:box:plain`);
  const compressed = `oci:${join(directory, 'zstd')}:base`;
  await skopeoCopy(stack.network, `docker-archive:${archive}`, compressed, ['--dest-compress-format', 'zstd']);
  await skopeoCopy(stack.network, compressed, `docker://${plain.host}/box:zstd`, ['--preserve-digests']);
  await makeCertificates(directory);
});

afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
  await stack?.stop();
});

describe('a plain registry on loopback', () => {
  it('pulls gzip layers and says so line by line as docker does', async () => {
    const { status, lines } = await pull(`${plain.host}/box`, 'gzip');
    expect(status).toBe(200);
    expect(lines[0]).toEqual({ status: 'Pulling from box', id: 'gzip' });
    const ids = new Set(lines.filter((line) => line.status === 'Pulling fs layer').map((line) => line.id));
    expect(ids.size).toBe(2);
    for (const id of ids) {
      const seen = lines.filter((line) => line.id === id).map((line) => line.status);
      expect(seen[0]).toBe('Pulling fs layer');
      expect(seen.indexOf('Download complete')).toBeLessThan(seen.indexOf('Pull complete'));
      expect(seen.at(-1)).toBe('Pull complete');
    }
    expect(lines.at(-2).status).toMatch(/^Digest: sha256:[a-f0-9]{64}$/);
    expect(lines.at(-1).status).toBe(`Status: Downloaded newer image for ${plain.host}/box:gzip`);
    const image = await inspect(`${plain.host}/box:gzip`);
    expect(image.RepoDigests).toEqual([`${plain.host}/box@${lines.at(-2).status.slice('Digest: '.length)}`]);
    expect(image.Config.Labels).toEqual({ made: 'here' });
    expect(image.RootFS.Layers).toHaveLength(2);
  });

  it('says that an image is up to date', async () => {
    const { lines } = await pull(`${plain.host}/box`, 'gzip');
    expect(lines.at(-1).status).toBe(`Status: Image is up to date for ${plain.host}/box:gzip`);
  });

  it('pulls zstd layers: the same image under another digest', async () => {
    const gzip = await inspect(`${plain.host}/box:gzip`);
    await removeImages();
    const { lines, message } = await pull(`${plain.host}/box`, 'zstd');
    expect(message).toBeUndefined();
    const digest = lines.at(-2).status.slice('Digest: '.length);
    const manifest = JSON.parse(await fromRegistry(`/v2/box/manifests/${digest}`));
    expect(manifest.layers.map((layer: any) => layer.mediaType)).toEqual(
      Array(2).fill('application/vnd.oci.image.layer.v1.tar+zstd'),
    );
    expect((await inspect(`${plain.host}/box:zstd`)).RootFS).toEqual(gzip.RootFS);
  });

  it('pulls by digest', async () => {
    const { lines } = await pull(`${plain.host}/box`, 'gzip');
    const digest = lines.at(-2).status.slice('Digest: '.length);
    await removeImages();
    const again = await pull(`${plain.host}/box`, digest);
    expect(again.message).toBeUndefined();
    expect((await inspect(`${plain.host}/box@${digest}`)).RepoTags).toEqual([]);
  });

  it('takes the manifest of this platform from a manifest list', async () => {
    const own = JSON.parse(await fromRegistry('/v2/box/manifests/gzip'));
    const ownBytes = await fromRegistry('/v2/box/manifests/gzip');
    const foreign = { ...own, annotations: { for: 'another machine' } };
    const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
    const list = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [
        { ...(await putManifest('foreign', foreign)), platform: { os: 'linux', architecture: 's390x' } },
        {
          mediaType: own.mediaType ?? 'application/vnd.oci.image.manifest.v1+json',
          digest: digestOf(ownBytes),
          size: ownBytes.length,
          platform: { os: 'linux', architecture },
        },
      ],
    };
    const { digest } = await putManifest('list', list);
    await removeImages();
    const { lines, message } = await pull(`${plain.host}/box`, 'list');
    expect(message).toBeUndefined();
    expect(lines.at(-2).status).toBe(`Digest: ${digest}`);
    expect((await inspect(`${plain.host}/box:list`)).Id).toBe(own.config.digest);
  });

  it('serves two pulls of one image at once', async () => {
    await removeImages();
    const both = await Promise.all([pull(`${plain.host}/box`, 'gzip'), pull(`${plain.host}/box`, 'gzip')]);
    expect(both.map(({ message }) => message)).toEqual([undefined, undefined]);
    expect((await inspect(`${plain.host}/box:gzip`)).RootFS.Layers).toHaveLength(2);
  });

  it('serves docker’s client and ours', async () => {
    await removeImages();
    const byDocker = await stack.docker(['pull', `${plain.host}/box:gzip`]);
    expect([byDocker.code, byDocker.stderr]).toEqual([0, '']);
    expect(byDocker.stdout).toContain(`Status: Downloaded newer image for ${plain.host}/box:gzip`);
    await removeImages();
    const byTsctl = await stack.tsctl(['pull', `${plain.host}/box:gzip`]);
    expect([byTsctl.code, byTsctl.stderr]).toEqual([0, '']);
    const missing = await stack.tsctl(['pull', `${plain.host}/box:nope`]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain(
      `manifest for ${plain.host}/box:nope not found: manifest unknown: manifest unknown`,
    );
  });

  it('names what is missing, with a status, and leaves nothing', async () => {
    const before = await storedFiles();
    const { status, message } = await pull(`${plain.host}/box`, 'nope');
    expect(status).toBe(404);
    expect(message).toBe(`manifest for ${plain.host}/box:nope not found: manifest unknown: manifest unknown`);
    const unknown = await pull('127.0.0.1:5999/box', 'latest');
    expect(unknown.status).toBeGreaterThanOrEqual(500);
    expect(unknown.message).toContain('ECONNREFUSED');
    expect(await storedFiles()).toEqual(before);
  });

  it('names the platforms that a list does not have', async () => {
    const own = JSON.parse(await fromRegistry('/v2/box/manifests/gzip'));
    const only = {
      ...(await putManifest('foreign', { ...own, annotations: { for: 'another machine' } })),
      platform: { os: 'linux', architecture: 's390x' },
    };
    await putManifest('elsewhere', {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [only],
    });
    const { message } = await pull(`${plain.host}/box`, 'elsewhere');
    expect(message).toMatch(/^no matching manifest for linux\/(amd64|arm64\/v8) in the manifest list entries$/);
  });
});

describe('broken transfers', () => {
  it('refuses a blob that does not have its digest, and leaves nothing', async () => {
    await startProxy('corrupt');
    await removeImages();
    const before = await storedFiles();
    const { message } = await pull(`127.0.0.1:${ports.corrupt}/box`, 'gzip');
    expect(message).toMatch(/verification failed for digest sha256:[a-f0-9]{64}: .*sha256:/);
    expect(await storedFiles()).toEqual(before);
  });

  it('goes on where a cut connection stopped', async () => {
    await startProxy('cut');
    await removeImages();
    const { message } = await pull(`127.0.0.1:${ports.cut}/box`, 'gzip');
    expect(message).toBeUndefined();
    const ranges = readFileSync(join(directory, 'cut.requests'), 'utf8').match(/bytes=\d+-/g) ?? [];
    expect(ranges).toHaveLength(2);
    expect(Number(ranges[0]?.slice('bytes='.length, -1))).toBeGreaterThan(0);
    expect((await inspect(`127.0.0.1:${ports.cut}/box:gzip`)).RootFS.Layers).toHaveLength(2);
  });

  it('makes no image when the client goes away', async () => {
    await startProxy('slow');
    await removeImages();
    const gone = new AbortController();
    setTimeout(() => gone.abort(), 700);
    await expect(pull(`127.0.0.1:${ports.slow}/box`, 'gzip', undefined, gone.signal)).rejects.toThrow();
    expect((await stack.api('GET', `/images/127.0.0.1:${ports.slow}/box:gzip/json`)).status).toBe(404);
    const again = await pull(`${plain.host}/box`, 'gzip'); // the half blob does not stand in the way
    expect(again.message).toBeUndefined();
  });
});

describe('TLS and basic authentication', () => {
  const host = `127.0.0.1:${ports.basic}`;

  beforeAll(async () => {
    const tls = { certificate: join(directory, 'tls.crt'), key: join(directory, 'tls.key') };
    const passwords = join(directory, 'htpasswd');
    writeFileSync(passwords, await runOk('htpasswd', ['-nbB', 'alice', 'wonder']));
    const storage = join(directory, 'registry');
    const auth = { htpasswd: { realm: 'test', path: passwords } };
    stops.push((await startRegistry(stack.network, directory, { port: ports.basic, tls, auth, storage })).stop);
    stops.push((await startRegistry(stack.network, directory, { port: ports.untrusted, tls, storage })).stop);
    const certificates = join(directory, 'data/certs.d', host);
    mkdirSync(certificates, { recursive: true });
    copyFileSync(join(directory, 'ca.crt'), join(certificates, 'ca.crt'));
  });

  it('pulls with credentials', async () => {
    await removeImages();
    const { message } = await pull(`${host}/box`, 'gzip', {
      username: 'alice',
      password: 'wonder',
      serveraddress: host,
    });
    expect(message).toBeUndefined();
    expect((await inspect(`${host}/box:gzip`)).RootFS.Layers).toHaveLength(2);
  });

  it('is refused without credentials and with wrong ones', async () => {
    const anonymous = await pull(`${host}/box`, 'gzip');
    expect(anonymous.status).toBeGreaterThanOrEqual(400);
    expect(anonymous.message).toContain('no basic auth credentials');
    const wrong = await pull(`${host}/box`, 'gzip', { username: 'alice', password: 'wrong' });
    expect(wrong.status).toBeGreaterThanOrEqual(400);
    expect(wrong.message).toContain('unauthorized');
  });

  it('does not trust a CA that nobody configured', async () => {
    const { status, message } = await pull(`127.0.0.1:${ports.untrusted}/box`, 'gzip');
    expect(status).toBeGreaterThanOrEqual(500);
    expect(message).toMatch(/certificate/i);
  });

  it('refuses a malformed header', async () => {
    const path = `/images/create?fromImage=${encodeURIComponent(`${host}/box`)}&tag=gzip`;
    const { status, body } = await stack.api('POST', path, undefined, { 'X-Registry-Auth': 'not base64 json' });
    expect(status).toBe(400);
    expect(body.message).toContain('X-Registry-Auth');
  });
});

describe('token authentication', () => {
  const host = `127.0.0.1:${ports.token}`;
  const log = () => join(directory, 'token.requests');

  beforeAll(async () => {
    const [key, certificate] = [join(directory, 'token.key'), join(directory, 'token.crt')];
    await runOk('openssl', [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      key,
      '-out',
      certificate,
      '-days',
      '2',
      '-subj',
      '/CN=test token signer',
    ]);
    await startProgram('token-server', ports.tokenServer, [key, certificate, 'bob:builder', log()]);
    const token = {
      realm: `http://127.0.0.1:${ports.tokenServer}/token`,
      service: 'test-registry',
      issuer: 'test-issuer',
      rootcertbundle: certificate,
    };
    stops.push(
      (
        await startRegistry(stack.network, directory, {
          port: ports.token,
          auth: { token },
          storage: join(directory, 'registry'),
        })
      ).stop,
    );
  });

  it('fetches a token for the repository, with credentials', async () => {
    await removeImages();
    const { message } = await pull(`${host}/box`, 'gzip', { username: 'bob', password: 'builder' });
    expect(message).toBeUndefined();
    expect(readFileSync(log(), 'utf8')).toContain('bob repository:box:pull');
    expect((await inspect(`${host}/box:gzip`)).RootFS.Layers).toHaveLength(2);
  });

  it('is denied to others', async () => {
    const anonymous = await pull(`${host}/box`, 'gzip');
    expect(anonymous.message).toMatch(
      /^pull access denied for 127\.0\.0\.1:\d+\/box, repository does not exist or may require 'docker login'/,
    );
    const wrong = await pull(`${host}/box`, 'gzip', { username: 'bob', password: 'wrong' });
    expect(wrong.message).toContain('incorrect username or password');
  });
});

function digestOf(bytes: string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

const manifestTypes =
  'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json';

async function fromRegistry(path: string): Promise<string> {
  const [file, args] = stack.network.enter('curl', [
    '-fsS',
    '-H',
    `Accept: ${manifestTypes}`,
    `http://${plain.host}${path}`,
  ]);
  return runOk(file, args);
}

async function putManifest(
  tag: string,
  manifest: { mediaType?: string; [field: string]: unknown },
): Promise<{ mediaType: string; digest: string; size: number }> {
  const bytes = JSON.stringify(manifest);
  const mediaType = manifest.mediaType ?? 'application/vnd.oci.image.manifest.v1+json';
  const args = [
    '-fsS',
    '-X',
    'PUT',
    '-H',
    `Content-Type: ${mediaType}`,
    '--data-binary',
    bytes,
    `http://${plain.host}/v2/box/manifests/${tag}`,
  ];
  const [file, all] = stack.network.enter('curl', args);
  await runOk(file, all);
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}
