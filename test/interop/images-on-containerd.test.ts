// The engine's images on Debian's containerd, which has no Transfer service: the engine pulls over Content, Diff and
// Snapshots by itself, and containerd's own client understands what it made.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { contextArchive } from '../harness/build-context.ts';
import { runOk, until } from '../harness/command.ts';
import { makeImage, type Registry, skopeoCopy, startRegistry } from '../harness/registry.ts';
import { type Stack, startStack } from '../harness/stack.ts';
import { type ForeignContainerd, startForeignContainerd } from './foreign-containerd.ts';

let foreign: ForeignContainerd;
let stack: Stack;
let registry: Registry;
let archive: string;

const ctr = (...args: string[]) =>
  runOk('/usr/bin/ctr', ['--address', join(foreign.directory, 'containerd.sock'), '--namespace', 'moby', ...args]);

async function pull(name: string, tag: string): Promise<any[]> {
  const { body } = await stack.api('POST', `/images/create?fromImage=${encodeURIComponent(name)}&tag=${tag}`);
  return typeof body === 'string'
    ? body
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
    : [body];
}

/** Blobs, unfinished uploads, and what snapshots hold on disk. */
async function storedFiles(): Promise<string[]> {
  const root = join(foreign.directory, 'root');
  const content = await runOk('find', [join(root, 'io.containerd.content.v1.content'), '-type', 'f']);
  const snapshots = await runOk('find', [root, '-path', '*/snapshots/*/fs/*']);
  return `${content}${snapshots}`
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

beforeAll(async () => {
  foreign = await startForeignContainerd();
  const runc = ['--default-runtime', 'io.containerd.runc.v2'];
  stack = await startStack({ engineFlags: ['--containerd', join(foreign.directory, 'containerd.sock'), ...runc] });
  const layout = await makeImage(stack.directory);
  archive = join(stack.directory, 'box.tar');
  await skopeoCopy(stack.network, layout, `docker-archive:${archive}:box:loaded`);
  registry = await startRegistry(stack.network, stack.directory, {
    port: 5000,
    storage: join(stack.directory, 'registry'),
  });
  await skopeoCopy(stack.network, layout, `docker://${registry.host}/box:gzip`);
  await until('the embedded image', 10_000, async () =>
    (await stack.api('GET', '/images/tscontainer/whoami/json')).status === 200 ? true : undefined,
  );
  await stack.api('DELETE', '/images/tscontainer/whoami');
});

afterAll(async () => {
  await registry?.stop();
  await stack?.stop();
  await foreign?.stop();
});

it('pulls, and leaves nothing when it removes again', async () => {
  const before = await storedFiles();
  const lines = await pull(`${registry.host}/box`, 'gzip');
  expect(lines[0]).toEqual({ status: 'Pulling from box', id: 'gzip' });
  expect(lines.at(-1).status).toBe(`Status: Downloaded newer image for ${registry.host}/box:gzip`);
  expect(lines.filter((line) => line.status === 'Pull complete')).toHaveLength(2);
  expect(await ctr('images', 'check')).toMatch(/box:gzip .* complete \(3\/3\) .* true/);
  const removed = await stack.api('DELETE', `/images/${registry.host}/box:gzip`);
  expect(removed.status).toBe(200);
  expect(await storedFiles()).toEqual(before);
});

it('leaves nothing of a refused archive', async () => {
  const before = await storedFiles();
  const answer = await post('/images/load', readFileSync(archive).subarray(0, 1_500_000));
  expect(answer).toContain('load image archive: unexpected end');
  expect(await storedFiles()).toEqual(before);
});

it('loads what ctr exports, and ctr imports what it saves', async () => {
  expect(await post('/images/load', readFileSync(archive))).toContain('Loaded image: box:loaded');
  const exported = join(stack.directory, 'exported.tar');
  await ctr('images', 'export', exported, 'docker.io/library/box:loaded');
  const saved = join(stack.directory, 'saved.tar');
  await runOk('curl', ['-fsS', '--unix-socket', stack.socket, '-o', saved, 'http://engine/images/box:loaded/get']);
  const { body } = await stack.api('GET', '/images/box:loaded/json');
  await stack.api('DELETE', '/images/box:loaded');
  expect(await post('/images/load', readFileSync(exported))).toContain('Loaded image: box:loaded');
  expect((await stack.api('GET', '/images/box:loaded/json')).body.Id).toBe(body.Id);
  await stack.api('DELETE', '/images/box:loaded');
  await ctr('images', 'import', saved);
  await until('the import is seen', 5_000, async () =>
    (await stack.api('GET', '/images/box:loaded/json')).body.Id === body.Id ? true : undefined,
  );
});

it('sees at once what ctr changes', async () => {
  await ctr('images', 'tag', 'docker.io/library/box:loaded', 'docker.io/library/box:by-ctr');
  await until('the tag', 5_000, async () =>
    (await stack.api('GET', '/images/box:by-ctr/json')).status === 200 ? true : undefined,
  );
  await ctr('images', 'rm', '--sync', 'docker.io/library/box:by-ctr');
  await until('its removal', 5_000, async () =>
    (await stack.api('GET', '/images/box:by-ctr/json')).status === 404 ? true : undefined,
  );
});

it('builds: snapshots become layers, steps are found again, and nothing is left when the image goes', async () => {
  const before = await storedFiles();
  const context = await contextArchive({
    Dockerfile:
      'FROM box:loaded\nCOPY f /d/f\nRUN ["busybox", "sh", "-c", "echo made > /made; busybox rm -r /d; busybox mkdir /d; ls /d /made"]\nFROM scratch\nCOPY --from=0 /made /\n',
    f: 'f',
  });
  const body = readFileSync(context);
  rmSync(context);
  const answer = await post('/build?t=box:built&networkmode=none', body);
  expect(answer).toContain('Successfully tagged box:built');
  expect(await post('/build?t=box:built&networkmode=none', body)).toMatch(/(Using cache.*){3}/s);
  expect(await ctr('images', 'check')).toMatch(/box:built .* complete .* true/);
  expect(await ctr('leases', 'ls', '-q')).not.toContain('build');
  expect(await ctr('snapshots', 'ls')).not.toContain('build-');
  await stack.api('DELETE', '/images/box:built');
  await stack.api('POST', '/images/prune');
  expect(await storedFiles()).toEqual(before);
});

/** Sends a tar, gives back the answer's text. */
async function post(path: string, body: Buffer): Promise<string> {
  const args = ['-sS', '--unix-socket', stack.socket, '-H', 'content-type: application/x-tar', '--data-binary', '@-'];
  return runOk('curl', [...args, `http://engine${path}`], { input: body });
}
