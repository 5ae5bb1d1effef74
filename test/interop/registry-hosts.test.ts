// How registries are reached, with Debian's docker-registry: mirrors that are tried in turn, client certificates, docker's
// credential helpers, and layers that lie elsewhere. By the Transfer service, and by ctr where it has the same.
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { randomHex } from '@tscontainer/core/ids';
import { loadMessage, loadService } from '@tscontainer/platform/contract-loader';
import { GrpcConnection } from '@tscontainer/platform/grpc-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificates, makeClientCertificate } from '../harness/certificates.ts';
import { run, runOk } from '../harness/command.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import { addNetworkNamespace, type NetworkNamespace } from '../harness/network-namespace.ts';
import { isListening, makeImage, skopeoCopy, startInside, startRegistry } from '../harness/registry.ts';

const ports = { whole: 5000, empty: 5001, clients: 5002, password: 5003, files: 5004, nobody: 5999 };
const at = (port: number) => `127.0.0.1:${port}`;
const namespace = 'hosts';
const platform = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' };

let network: NetworkNamespace;
let daemon: LifecycleDaemon;
let connection: GrpcConnection;
let config: string;
let helpers: string;
const path = process.env['PATH'];
const stops: (() => Promise<void>)[] = [];

const digestOf = (bytes: string | Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const inside = (file: string, args: string[]) => runOk(...network.enter(file, args));
const ctr = (...args: string[]) => inside('/usr/bin/ctr', ['--address', daemon.address, '-n', namespace, ...args]);

function transfer(source: object, destination: object): Promise<unknown> {
  const any = (message: object) => {
    const [file, name] = 'reference' in message ? ['registry', 'OCIRegistry'] : ['imagestore', 'ImageStore'];
    const codec = loadMessage(`containerd/types/transfer/${file}.proto`, `containerd.types.transfer.${name}`);
    return { typeUrl: codec.typeName, value: codec.encode(message as never) };
  };
  const file = 'containerd/services/transfer/v1/transfer.proto';
  const service = loadService(file, 'containerd.services.transfer.v1.Transfer');
  return connection.unary(service, 'Transfer', { source: any(source), destination: any(destination) }, { namespace });
}
const pull = (reference: string) =>
  transfer({ reference }, { name: reference, unpacks: [{ platform, snapshotter: 'overlayfs' }] });

async function targetOf(name: string): Promise<string> {
  const file = 'containerd/services/images/v1/images.proto';
  const images = loadService(file, 'containerd.services.images.v1.Images');
  const { image } = await connection.unary<object, any>(images, 'Get', { name }, { namespace });
  return image.target.digest;
}

function hosts(domain: string, text: string): void {
  mkdirSync(join(config, domain), { recursive: true });
  writeFileSync(join(config, domain, 'hosts.toml'), text);
}

const mirror = (host: string, capabilities: string) => `[host."http://${host}"]\n  capabilities = [${capabilities}]\n`;

beforeAll(async () => {
  network = await addNetworkNamespace();
  config = join('/tmp', `tsc-hosts-${randomHex(4)}`);
  helpers = join(config, 'helpers');
  mkdirSync(helpers, { recursive: true });
  stops.push(async () => void (await runOk('rm', ['-r', config])));
  process.env['PATH'] = `${helpers}:${path}`; // helpers are found as any program
  const text = `[registry]\nconfig_path = "${config}"\ndocker_config = "${join(config, 'config.json')}"\n`;
  daemon = new LifecycleDaemon({ wrapper: ['nsenter', `--net=${network.path}`], config: text });
  await daemon.start();
  connection = new GrpcConnection(daemon.address);
  const { directory } = daemon;
  const start = async (port: number, options: object) =>
    stops.push((await startRegistry(network, directory, { port, ...options } as never)).stop);
  const storage = join(directory, 'whole');
  await start(ports.whole, { storage, allowsForeignLayers: true });
  await start(ports.empty, { storage: join(directory, 'empty') });
  await skopeoCopy(network, await makeImage(directory, 100_000), `docker://${at(ports.whole)}/box:one`);
  const other = join(directory, 'other');
  await skopeoCopy(network, await makeImage(other, 90_000), `docker://${at(ports.empty)}/box:two`);
});

afterAll(async () => {
  process.env['PATH'] = path;
  connection?.close();
  for (const stop of stops.reverse()) await stop();
  await daemon?.stop();
  await network?.remove();
});

describe('mirrors of hosts.toml', () => {
  it('are asked in turn: one that is down, one that has nothing, one that has it', async () => {
    const all = '"pull", "resolve"';
    const mirrors = [ports.nobody, ports.empty, ports.whole].map((port) => mirror(at(port), all));
    hosts('mirrored.test', `server = "https://mirrored.test"\n${mirrors.join('')}`);
    await pull('mirrored.test/box:one');
    const digest = await targetOf('mirrored.test/box:one');
    await ctr('images', 'pull', '--hosts-dir', config, 'mirrored.test/box:one'); // Debian's own resolver takes the same way
    expect(await targetOf('mirrored.test/box:one')).toBe(digest);
  });

  it('that may only pull are not asked what a tag is', async () => {
    // the first has another image under this tag
    const { directory } = daemon;
    await skopeoCopy(network, `oci:${join(directory, 'other/layout')}:base`, `docker://${at(ports.empty)}/box:one`);
    hosts(
      'asked.test',
      `server = "http://${at(ports.whole)}"\n${mirror(at(ports.empty), '"pull"')}${mirror(at(ports.whole), '"pull", "resolve"')}`,
    );
    await pull('asked.test/box:one');
    expect(await targetOf('asked.test/box:one')).toBe(await targetOf('mirrored.test/box:one'));
  });

  it('that have nothing, and a server that has not, are named', async () => {
    hosts('nothing.test', `server = "http://${at(ports.empty)}"\n${mirror(at(ports.nobody), '"pull", "resolve"')}`);
    await expect(pull('nothing.test/none:one')).rejects.toMatchObject({ code: 'not-found' });
    hosts('down.test', `server = "http://${at(ports.nobody)}"\n`);
    await expect(pull('down.test/box:one')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(at(ports.nobody)),
    });
  });
});

describe('client certificates', () => {
  beforeAll(async () => {
    const { directory } = daemon;
    const tls = await makeCertificates(directory);
    const client = await makeClientCertificate(config, tls);
    const storage = join(directory, 'whole');
    const options = { port: ports.clients, storage, tls, clientAuthority: tls.ca };
    stops.push((await startRegistry(network, directory, options)).stop);
    hosts(
      'ours.test',
      `[host."https://${at(ports.clients)}"]\n  ca = "${tls.ca}"\n  client = [["${client.certificate}", "${client.key}"]]\n`,
    );
    hosts('nobody.test', `[host."https://${at(ports.clients)}"]\n  ca = "${tls.ca}"\n`);
    mkdirSync(join(config, at(ports.clients)));
    for (const [file, name] of [
      [tls.ca, 'ca.crt'],
      [client.certificate, 'client.cert'],
      [client.key, 'client.key'],
    ] as const)
      writeFileSync(join(config, at(ports.clients), name), readFileSync(file));
  });

  it('of hosts.toml open a registry that serves none else, for ctr too', async () => {
    await pull('ours.test/box:one');
    expect(await targetOf('ours.test/box:one')).toBe(await targetOf('mirrored.test/box:one'));
    await ctr('images', 'pull', '--hosts-dir', config, 'ours.test/box:one');
  });

  it('of a directory as docker has it do so, too', async () => {
    await pull(`${at(ports.clients)}/box:one`);
    expect(await targetOf(`${at(ports.clients)}/box:one`)).toBe(await targetOf('mirrored.test/box:one'));
  });

  it('are missed by name', async () => {
    await expect(pull('nobody.test/box:one')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/nobody\.test|certificate|alert|socket/i),
    });
  });
});

describe('credential helpers of docker', () => {
  const host = at(ports.password);

  function helper(name: string, script: string): void {
    const file = join(helpers, `docker-credential-${name}`);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
  }
  const configure = (value: object) => writeFileSync(join(config, 'config.json'), JSON.stringify(value));

  beforeAll(async () => {
    const { directory } = daemon;
    const passwords = join(directory, 'htpasswd');
    writeFileSync(passwords, await runOk('htpasswd', ['-nbB', 'alice', 'wonder']));
    const auth = { htpasswd: { realm: 'test', path: passwords } };
    const storage = join(directory, 'whole');
    stops.push((await startRegistry(network, directory, { port: ports.password, storage, auth })).stop);
    const asked = `read host; echo "$1 $host" >>${join(helpers, 'asked')}`;
    helper('ours', `${asked}; echo '{"ServerURL":"x","Username":"alice","Secret":"wonder"}'`);
    helper('empty', `${asked}; echo 'credentials not found in native keychain'; exit 1`);
    helper('broken', 'echo "the keychain is locked"; exit 1');
  });

  it('are asked for the host they are configured for', async () => {
    configure({ credHelpers: { [host]: 'ours' } });
    await pull(`${host}/box:one`);
    expect(readFileSync(join(helpers, 'asked'), 'utf8')).toBe(`get ${host}\n`);
  });

  it('are asked for every host as credsStore', async () => {
    configure({ credsStore: 'ours' });
    await pull(`${host}/box:one`);
  });

  it('that know nothing leave the word to auths', async () => {
    configure({ credsStore: 'empty', auths: { [host]: { auth: btoa('alice:wonder') } } });
    await pull(`${host}/box:one`);
    configure({ credsStore: 'empty' });
    await expect(pull(`${host}/box:one`)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('that fail are heard', async () => {
    configure({ credHelpers: { [host]: 'broken' } });
    await expect(pull(`${host}/box:one`)).rejects.toThrow('the keychain is locked');
    configure({ credHelpers: { [host]: 'missing' } });
    await expect(pull(`${host}/box:one`)).rejects.toThrow('docker-credential-missing');
    configure({});
  });
});

describe('a foreign layer', () => {
  const repository = `${at(ports.whole)}/foreign`;
  let manifest: string;
  let layer: Buffer;

  beforeAll(async () => {
    const { directory } = daemon;
    const files = join(directory, 'files');
    mkdirSync(files);
    writeFileSync(join(files, 'hello'), 'from elsewhere');
    await runOk('tar', ['-C', files, '-cf', join(directory, 'layer.tar'), 'hello']);
    const tar = readFileSync(join(directory, 'layer.tar'));
    layer = gzipSync(tar);
    writeFileSync(join(files, 'layer'), layer);
    const server = ['-m', 'http.server', '--bind', '127.0.0.1', '--directory', files, String(ports.files)];
    const log = join(directory, 'files.log');
    stops.push(await startInside(network, log, '/usr/bin/python3', server, () => isListening(network, ports.files)));
    const image = { ...platform, config: {}, rootfs: { type: 'layers', diff_ids: [digestOf(tar)] } };
    const bytes = JSON.stringify(image);
    const upload = join(directory, 'config.json');
    writeFileSync(upload, bytes);
    manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
      config: {
        mediaType: 'application/vnd.docker.container.image.v1+json',
        size: bytes.length,
        digest: digestOf(bytes),
      },
      layers: [
        {
          mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
          size: layer.length,
          digest: digestOf(layer),
          urls: [`http://${at(ports.files)}/not-there`, `http://${at(ports.files)}/layer`],
        },
      ],
    });
    writeFileSync(join(directory, 'manifest.json'), manifest);
    const base = `http://${at(ports.whole)}/v2/foreign`;
    const program = `set -e
      location=$(curl -sf -i -X POST ${base}/blobs/uploads/ | sed -n 's/\\r$//; s/^[Ll]ocation: //p')
      curl -sf -X PUT -H 'Content-Type: application/octet-stream' --data-binary @${upload} "$location&digest=${digestOf(bytes)}"
      curl -sf -X PUT -H 'Content-Type: application/vnd.docker.distribution.manifest.v2+json' --data-binary @${join(directory, 'manifest.json')} ${base}/manifests/one`;
    await inside('sh', ['-c', program]);
  });

  it('is fetched from where the manifest says, and verified', async () => {
    await pull(`${repository}:one`);
    expect(await targetOf(`${repository}:one`)).toBe(digestOf(manifest));
    const content = await ctr('content', 'get', digestOf(layer)).then((text) => text.length);
    expect(content).toBeGreaterThan(0);
    expect(await ctr('snapshots', 'ls')).toContain('Committed');
  });

  it('is not pushed: the manifest goes with its urls', async () => {
    await transfer({ name: `${repository}:one` }, { reference: `${at(ports.whole)}/copied:one` });
    const base = `http://${at(ports.whole)}/v2/copied`;
    expect(
      await inside('curl', [
        '-sf',
        `${base}/manifests/one`,
        '-H',
        'Accept: application/vnd.docker.distribution.manifest.v2+json',
      ]),
    ).toContain('/layer');
    const blob = await run(...network.enter('curl', ['-sfI', `${base}/blobs/${digestOf(layer)}`]));
    expect(blob.code).not.toBe(0);
  });
});
