// The archive ends of the Transfer service: what it exports, Debian's ctr and skopeo read; what they write, it imports. Tags.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomHex } from '@tscontainer/core/ids';
import { loadMessage, loadService } from '@tscontainer/platform/contract-loader';
import { GrpcConnection } from '@tscontainer/platform/grpc-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOk } from '../harness/command.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import { makeImage } from '../harness/registry.ts';

const platform = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' };
const full = 'docker.io/library/box:one';
let daemon: LifecycleDaemon;
let connection: GrpcConnection;
let layout: string;
let namespace = 'archives';

const at = (name: string) => join(daemon.directory, name);
const ctr = (...args: string[]) => runOk('/usr/bin/ctr', ['--address', daemon.address, '-n', namespace, ...args]);
const codec = (file: string, name: string) =>
  loadMessage<any>(`containerd/types/transfer/${file}.proto`, `containerd.types.transfer.${name}`);
const any = (file: string, name: string, value: object) => {
  const message = codec(file, name);
  return { typeUrl: message.typeName, value: message.encode(value) };
};
const store = (value: object) => any('imagestore', 'ImageStore', value);

function transfer(source: object, destination: object): Promise<unknown> {
  const file = 'containerd/services/transfer/v1/transfer.proto';
  const service = loadService(file, 'containerd.services.transfer.v1.Transfer');
  return connection.unary(service, 'Transfer', { source, destination }, { namespace, timeoutMs: 60_000 });
}

/** A stream as containerd's client opens it: it says its id first, and the daemon says that it has it. */
async function openStream() {
  const file = 'containerd/services/streaming/v1/streaming.proto';
  const service = loadService(file, 'containerd.services.streaming.v1.Streaming');
  const id = randomHex(8);
  const duplex = connection.duplex<any, any>(service, 'Stream', { namespace });
  const init = loadMessage<any>(file, 'containerd.services.streaming.v1.StreamInit');
  await duplex.write({ typeUrl: init.typeName, value: init.encode({ id }) });
  const incoming = duplex[Symbol.asyncIterator]();
  await incoming.next();
  return { id, duplex, incoming };
}

/** Sends as much as is granted and no more, in pieces of `pieceBytes`. */
async function importBytes(bytes: Buffer, destination: object, pieceBytes = 32 * 1024): Promise<void> {
  const { id, duplex, incoming } = await openStream();
  const done = transfer(any('importexport', 'ImageImportStream', { stream: id }), store(destination));
  done.catch(() => undefined); // awaited below
  const window = codec('streaming', 'WindowUpdate');
  let granted = 0;
  for (let sent = 0; sent < bytes.length; ) {
    while (granted <= 0) {
      const next = await incoming.next();
      if (next.done) return void (await done);
      granted += window.decode(next.value.value).update;
    }
    const piece = bytes.subarray(sent, sent + Math.min(pieceBytes, granted));
    await duplex.write(any('streaming', 'Data', { data: piece }));
    granted -= piece.length;
    sent += piece.length;
  }
  duplex.end();
  await done;
}

async function exportBytes(source: object, more: object = {}, pauseMs = 0): Promise<Buffer> {
  const { id, duplex, incoming } = await openStream();
  const done = transfer(store(source), any('importexport', 'ImageExportStream', { stream: id, ...more }));
  done.catch(() => undefined); // awaited below
  const grant = (update: number) => duplex.write(any('streaming', 'WindowUpdate', { update }));
  const data = codec('streaming', 'Data');
  const pieces: Buffer[] = [];
  let left = 64 * 1024;
  await grant(left);
  for (let next = await incoming.next(); !next.done; next = await incoming.next()) {
    const piece = Buffer.from(data.decode(next.value.value).data);
    pieces.push(piece);
    left -= piece.length;
    expect(left).toBeGreaterThanOrEqual(0); // never more than granted
    if (left > 0) continue;
    if (pauseMs > 0) await sleep(pauseMs);
    left = 64 * 1024;
    await grant(left);
  }
  duplex.end();
  await done;
  return Buffer.concat(pieces);
}

const names = async () => (await ctr('images', 'ls', '-q')).split('\n').filter((line) => line !== '');

beforeAll(async () => {
  daemon = new LifecycleDaemon();
  await daemon.start();
  connection = new GrpcConnection(daemon.address);
  layout = (await makeImage(at('image'), 700_000)).replace(/^oci:/, '');
  await runOk('skopeo', [
    'copy',
    '-q',
    '--insecure-policy',
    `oci:${layout}`,
    `docker-archive:${at('docker.tar')}:box:one`,
  ]);
  await runOk('skopeo', ['copy', '-q', '--insecure-policy', `oci:${layout}`, `oci-archive:${at('oci.tar')}:one`]);
});
afterAll(async () => {
  connection?.close();
  await daemon?.stop();
});

describe('an archive', () => {
  it('of docker’s form is imported, unpacked and runs', async () => {
    namespace = 'docker-form';
    await importBytes(readFileSync(at('docker.tar')), { unpacks: [{ platform, snapshotter: 'overlayfs' }] });
    expect(await names()).toEqual([full]);
    expect(await ctr('images', 'check', '-q', `name==${full}`)).toContain(full);
    const run = ['run', '--rm', '--runtime', 'io.containerd.ts.v2', full, `c-${randomHex(4)}`];
    expect(await ctr(...run, 'ls', '/payload')).toBe('/payload\n');
  });

  it('of the OCI layout gets its names from the prefix that is asked for, or the digest', async () => {
    namespace = 'layout';
    const bytes = readFileSync(at('oci.tar'));
    await importBytes(bytes, { extraReferences: [{ name: 'example.com/box', isPrefix: true, addDigest: true }] });
    const found = await names();
    expect(found[0]).toBe('example.com/box:one');
    expect(found[1]).toMatch(/^example\.com\/box@sha256:[a-f0-9]{64}$/);
    await importBytes(bytes, { name: 'example.com/named:two', labels: { k: 'v' } }, 999);
    expect(await ctr('images', 'ls', 'name==example.com/named:two')).toContain('k=v');
    await importBytes(readFileSync(at('docker.tar')), {
      extraReferences: [{ name: 'example.com/other', isPrefix: true }],
    });
    expect(await names()).not.toContain(full); // no name of the archive begins so
  });

  it('that is cut or none is refused, and leaves nothing', async () => {
    namespace = 'refused';
    const bytes = readFileSync(at('docker.tar'));
    await expect(importBytes(bytes.subarray(0, 300_000), {})).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(importBytes(Buffer.from('no archive'), {})).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(importBytes(Buffer.alloc(0), {})).rejects.toMatchObject({ code: 'invalid-argument' });
    expect(await names()).toEqual([]);
    expect(await ctr('content', 'ls', '-q')).toBe('');
  });

  it('that is exported is read by ctr, skopeo and docker’s rules, however slowly it is taken', async () => {
    namespace = 'docker-form';
    const bytes = await exportBytes({ name: full }, {}, 5);
    writeFileSync(at('exported.tar'), bytes);
    const list = (await runOk('tar', ['tf', at('exported.tar')])).split('\n');
    for (const name of ['index.json', 'manifest.json', 'oci-layout']) expect(list).toContain(name);
    const inspected = await runOk('skopeo', ['inspect', '--config', `docker-archive:${at('exported.tar')}`]);
    expect(JSON.parse(inspected).config.Labels).toEqual({ made: 'here' });
    const digest = JSON.parse(await runOk('skopeo', ['inspect', `oci-archive:${at('exported.tar')}`])).Digest;
    namespace = 'again';
    await ctr('images', 'import', at('exported.tar'));
    expect(await ctr('images', 'ls')).toContain(`${full} `);
    expect(await ctr('images', 'ls')).toContain(digest);
    await importBytes(await exportBytes({ name: full }, { skipCompatibilityManifest: true }), { name: 'copy' });
    expect(await names()).toEqual([full]); // the archive's own name counts before the one given
  });

  it('of images that are not there is not found', async () => {
    namespace = 'docker-form';
    await expect(exportBytes({ name: 'none' })).rejects.toMatchObject({ code: 'not-found' });
    const nobody = any('importexport', 'ImageExportStream', { stream: 'nobody' });
    await expect(transfer(store({ name: full }), nobody)).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('a tag', () => {
  it('is a further name, made or moved', async () => {
    namespace = 'docker-form';
    await transfer(store({ name: full }), store({ name: 'example.com/tagged:one', labels: { a: 'b' } }));
    await transfer(store({ name: full }), store({ name: 'example.com/tagged:one' }));
    expect(await names()).toEqual([full, 'example.com/tagged:one']);
    expect(await ctr('images', 'ls', 'name==example.com/tagged:one')).toContain('a=b');
    const missing = transfer(store({ name: 'none' }), store({ name: 'x' }));
    await expect(missing).rejects.toMatchObject({ code: 'not-found' });
  });
});
