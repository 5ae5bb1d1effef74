// Pushes to Debian's docker-registry: by ctr against our socket, by the Transfer service, mounted, cut, refused, many platforms.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomHex } from '@tscontainer/core/ids';
import { type Descriptor, mediaTypes } from '@tscontainer/core/oci-image';
import { loadMessage, loadService } from '@tscontainer/platform/contract-loader';
import type { ImageStore } from '@tscontainer/platform/contracts/containerd/types/transfer/imagestore';
import type { OCIRegistry } from '@tscontainer/platform/contracts/containerd/types/transfer/registry';
import { GrpcConnection } from '@tscontainer/platform/grpc-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificates } from '../harness/certificates.ts';
import { type CommandResult, run, runOk } from '../harness/command.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import { addNetworkNamespace, type NetworkNamespace } from '../harness/network-namespace.ts';
import { isListening, makeImage, skopeoCopy, startInside, startRegistry } from '../harness/registry.ts';
import { repositoryRoot } from '../harness/repository.ts';

const ports = { plain: 5000, secure: 5001, cutUpload: 5002, busy: 5003, shred: 5004 };
const plain = `127.0.0.1:${ports.plain}`;
const secure = `127.0.0.1:${ports.secure}`;
const namespace = 'push';

let network: NetworkNamespace;
let daemon: LifecycleDaemon;
let connection: GrpcConnection;
let ca: string;
let config: string;
const stops: (() => Promise<void>)[] = [];

const inside = (file: string, args: string[]): Promise<CommandResult> => run(...network.enter(file, args));
const ctr = async (...args: string[]): Promise<string> => {
  const [file, all] = network.enter('/usr/bin/ctr', ['--address', daemon.address, '--namespace', namespace, ...args]);
  return runOk(file, all);
};
const digestOf = (bytes: string | Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function manifestOf(name: string): Promise<{ text: string; body: any }> {
  const { stdout, code, stderr } = await inside('skopeo', [
    'inspect',
    '--raw',
    '--tls-verify=false',
    `docker://${name}`,
  ]);
  if (code !== 0) throw new Error(stderr);
  return { text: stdout, body: JSON.parse(stdout) };
}

async function startProxy(mode: string, port: number): Promise<string> {
  const log = join(daemon.directory, `${mode}.requests`);
  const file = join(repositoryRoot, 'test/harness/registry-fault-proxy.ts');
  const args = [file, String(port), String(ports.plain), mode, log];
  const ready = () => isListening(network, port);
  stops.push(await startInside(network, `${log}.log`, process.execPath, args, ready));
  return log;
}

const registryMessage = () =>
  loadMessage<OCIRegistry>('containerd/types/transfer/registry.proto', 'containerd.types.transfer.OCIRegistry');
const storeMessage = () =>
  loadMessage<ImageStore>('containerd/types/transfer/imagestore.proto', 'containerd.types.transfer.ImageStore');

function transfer(source: object, destination: object): Promise<unknown> {
  const service = loadService(
    'containerd/services/transfer/v1/transfer.proto',
    'containerd.services.transfer.v1.Transfer',
  );
  const any = (message: object) => {
    const codec = 'reference' in message ? registryMessage() : storeMessage();
    return { typeUrl: codec.typeName, value: codec.encode(message as never) };
  };
  return connection.unary(service, 'Transfer', { source: any(source), destination: any(destination) }, { namespace });
}

const push = (name: string, reference: string, fields: object = {}) => transfer({ name, ...fields }, { reference });
const pull = (reference: string, fields: object = {}) => transfer({ reference }, { name: reference, ...fields });

async function putBlob(bytes: Buffer, labels: Record<string, string>): Promise<Descriptor> {
  const content = loadService('containerd/services/content/v1/content.proto', 'containerd.services.content.v1.Content');
  const duplex = connection.duplex<object, any>(content, 'Write', { namespace });
  const digest = digestOf(bytes);
  const total = bytes.length;
  await duplex.write({ action: 'COMMIT', ref: randomHex(8), total, expected: digest, data: bytes, labels });
  duplex.end();
  for await (const answer of duplex) if (answer.action === 'COMMIT') break;
  return { mediaType: 'application/octet-stream', digest, size: total };
}

async function createImage(name: string, target: Descriptor): Promise<void> {
  const images = loadService('containerd/services/images/v1/images.proto', 'containerd.services.images.v1.Images');
  await connection.unary(images, 'Create', { image: { name, target } }, { namespace });
}

const keep = { 'containerd.io/gc.root': 'test' };

beforeAll(async () => {
  network = await addNetworkNamespace();
  config = join('/tmp', `tsc-push-${randomHex(4)}`);
  mkdirSync(join(config, secure), { recursive: true });
  stops.push(async () => void (await runOk('rm', ['-r', config])));
  writeFileSync(join(config, 'config.json'), JSON.stringify({ auths: { [secure]: { auth: btoa('alice:wonder') } } }));
  const registries = `[registry]\nconfig_path = "${config}"\ndocker_config = "${join(config, 'config.json')}"\n`;
  daemon = new LifecycleDaemon({ wrapper: ['nsenter', `--net=${network.path}`], config: registries });
  await daemon.start();
  connection = new GrpcConnection(daemon.address);
  const { directory } = daemon;
  const storage = join(directory, 'registry');
  const tls = await makeCertificates(directory);
  ca = tls.ca;
  writeFileSync(
    join(config, secure, 'hosts.toml'),
    `server = "https://${secure}"\n[host."https://${secure}"]\n  capabilities = ["pull", "resolve", "push"]\n  ca = "${ca}"\n`,
  );
  const passwords = join(directory, 'htpasswd');
  writeFileSync(passwords, await runOk('htpasswd', ['-nbB', 'alice', 'wonder']));
  const auth = { htpasswd: { realm: 'test', path: passwords } };
  stops.push((await startRegistry(network, directory, { port: ports.plain, storage })).stop);
  stops.push(
    (await startRegistry(network, directory, { port: ports.secure, tls, auth, storage: `${storage}-2` })).stop,
  );
  await skopeoCopy(network, await makeImage(directory), `docker://${plain}/box:one`, ['--preserve-digests']);
  await pull(`${plain}/box:one`);
});

afterAll(async () => {
  connection?.close();
  for (const stop of stops.reverse()) await stop();
  await daemon?.stop();
  await network?.remove();
});

describe('ctr against our socket', () => {
  it('pushes to and pulls from a registry with TLS and a password', async () => {
    const name = `${secure}/ctr/box:one`;
    // the same hosts.toml as our own: without it ctr speaks plain HTTP to loopback
    const login = ['--user', 'alice:wonder', '--hosts-dir', config];
    await ctr('images', 'push', ...login, name, `${plain}/box:one`);
    const args = ['inspect', '--raw', '--tls-verify=false', '--creds', 'alice:wonder', `docker://${name}`];
    expect((await inside('skopeo', args)).stdout).toBe((await manifestOf(`${plain}/box:one`)).text);
    await ctr('images', 'pull', ...login, name);
    expect(await ctr('images', 'ls', '-q')).toContain(name);
  });
});

describe('Transfer', () => {
  it('pushes with hosts.toml and the credentials of config.json, digests kept', async () => {
    const name = `${secure}/transfer/box:one`;
    await push(`${plain}/box:one`, name);
    const args = ['inspect', '--raw', '--tls-verify=false', '--creds', 'alice:wonder', `docker://${name}`];
    const { stdout } = await inside('skopeo', args);
    expect(digestOf(stdout)).toBe(digestOf((await manifestOf(`${plain}/box:one`)).text));
  });

  it('is refused with wrong credentials, by name', async () => {
    const file = join(config, 'config.json');
    const right = readFileSync(file);
    writeFileSync(file, JSON.stringify({ auths: { [secure]: { auth: btoa('alice:wrong') } } }));
    try {
      const refused = push(`${plain}/box:one`, `${secure}/transfer/box:two`);
      await expect(refused).rejects.toMatchObject({ code: 'unauthenticated', message: /push .*\/box: unauthorized/ });
    } finally {
      writeFileSync(file, right);
    }
  });

  it('mounts layers across repositories instead of sending them', async () => {
    const log = await startProxy('count', 5010);
    const name = '127.0.0.1:5010/mounted/box:one';
    await pull('127.0.0.1:5010/box:one'); // now the blobs are known to be in box there
    await push('127.0.0.1:5010/box:one', name);
    const requests = readFileSync(log, 'utf8').split('\n');
    const sent = requests.filter((line) => /^(PATCH|PUT) .*\/uploads\//.test(line));
    const mounts = requests.filter((line) => /^POST .*mount=.*from=box/.test(line));
    expect([sent, mounts.length]).toEqual([[], 3]);
    expect((await manifestOf(`${plain}/mounted/box:one`)).text).toBe((await manifestOf(`${plain}/box:one`)).text);
  });

  it('pushes through a connection that is cut, and past a busy registry', async () => {
    const log = await startProxy('cut-upload', ports.cutUpload);
    await push(`${plain}/box:one`, `127.0.0.1:${ports.cutUpload}/cut/box:one`);
    const patches = readFileSync(log, 'utf8').match(/^PATCH/gm) ?? [];
    expect(patches.length).toBeGreaterThan(2);
    await startProxy('busy', ports.busy);
    await push(`${plain}/box:one`, `127.0.0.1:${ports.busy}/busy/box:one`);
    const wanted = (await manifestOf(`${plain}/box:one`)).text;
    expect((await manifestOf(`${plain}/cut/box:one`)).text).toBe(wanted);
    expect((await manifestOf(`${plain}/busy/box:one`)).text).toBe(wanted);
  });

  it('pulls through a connection that is cut at any byte', async () => {
    const log = await startProxy('shred', ports.shred);
    await skopeoCopy(network, await makeImage(join(daemon.directory, 'shredded')), `docker://${plain}/box:shredded`);
    const reference = `127.0.0.1:${ports.shred}/box:shredded`;
    await pull(reference, {
      unpacks: [{ platform: { os: 'linux', architecture: 'amd64' }, snapshotter: 'overlayfs' }],
    });
    expect((readFileSync(log, 'utf8').match(/bytes=\d+-/g) ?? []).length).toBeGreaterThan(0);
    expect(await ctr('images', 'ls', '-q')).toContain(reference);
  });
});

describe('an index', () => {
  const index = `${plain}/all:many`;
  let own: any;

  beforeAll(async () => {
    own = (await manifestOf(`${plain}/box:one`)).body;
    const text = (await manifestOf(`${plain}/box:one`)).text;
    const first: Descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(text), size: text.length };
    const foreignBytes = Buffer.from(JSON.stringify({ ...own, annotations: { for: 's390x' } }));
    const foreign = await putBlob(foreignBytes, keep);
    const whole = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [
        { ...first, platform: { os: 'linux', architecture: 'amd64' } },
        { ...foreign, mediaType: mediaTypes.ociManifest, platform: { os: 'linux', architecture: 's390x' } },
      ],
    };
    const target = await putBlob(Buffer.from(JSON.stringify(whole)), keep);
    await createImage(index, { ...target, mediaType: mediaTypes.ociIndex });
    const holed = { ...whole, manifests: [whole.manifests[0], { ...whole.manifests[1], digest: digestOf('none') }] };
    const part = await putBlob(Buffer.from(JSON.stringify(holed)), keep);
    await createImage(`${plain}/all:holed`, { ...part, mediaType: mediaTypes.ociIndex });
  });

  it('goes with all of its platforms', async () => {
    await push(index, index);
    const { body } = await manifestOf(index);
    expect(body.manifests).toHaveLength(2);
    for (const { digest } of body.manifests)
      expect((await manifestOf(`${plain}/all@${digest}`)).body.config).toEqual(own.config);
  });

  it('of which one platform is asked for, or there, goes as that manifest', async () => {
    const platforms = [{ os: 'linux', architecture: 's390x' }];
    await push(index, `${plain}/all:s390x`, { platforms });
    expect((await manifestOf(`${plain}/all:s390x`)).body.annotations).toEqual({ for: 's390x' });
    await push(`${plain}/all:holed`, `${plain}/all:holed`);
    expect((await manifestOf(`${plain}/all:holed`)).body.config).toEqual(own.config);
  });
});

describe('what is no image', () => {
  it('goes as it is, and is found from its subject', async () => {
    const subject = (await manifestOf(`${plain}/box:one`)).text;
    const config = await putBlob(Buffer.from('{}'), keep);
    const note = await putBlob(Buffer.from('a signature'), keep);
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      artifactType: 'application/vnd.test.signature',
      config: { ...config, mediaType: 'application/vnd.oci.empty.v1+json' },
      layers: [{ ...note, mediaType: 'application/vnd.test.note' }],
      subject: { mediaType: mediaTypes.ociManifest, digest: digestOf(subject), size: subject.length },
    };
    const target = await putBlob(Buffer.from(JSON.stringify(manifest)), keep);
    await createImage(`${plain}/box:signature`, { ...target, mediaType: mediaTypes.ociManifest });
    await push(`${plain}/box:signature`, `${plain}/box:signature`);
    // docker-registry 2.8 has no referrers API: the list is kept under the subject's tag
    const { body } = await manifestOf(`${plain}/box:${digestOf(subject).replace(':', '-')}`);
    expect(body.manifests).toMatchObject([
      { digest: target.digest, artifactType: 'application/vnd.test.signature', mediaType: mediaTypes.ociManifest },
    ]);
    await pull(`${plain}/box:signature`);
    expect(await ctr('content', 'get', note.digest)).toBe('a signature');
  });
});
