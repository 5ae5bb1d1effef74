// Loads and pulls onto a disk that has no room: a clear error, nothing left, and the next image that fits is taken.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runOk, until } from '../harness/command.ts';
import { makeImage, type Registry, skopeoCopy, startRegistry } from '../harness/registry.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const directory = mkdtempSync('/tmp/tsc-full-');
const disk = join(directory, 'disk');
let stack: Stack;
let registry: Registry;

async function usedKib(): Promise<number> {
  return Number((await runOk('df', ['--output=used', '-k', disk])).split('\n')[1]);
}

async function load(path: string): Promise<string> {
  const args = ['-sS', '--unix-socket', stack.socket, '-H', 'content-type: application/x-tar', '--data-binary', '@-'];
  return runOk('curl', [...args, 'http://engine/images/load'], { input: readFileSync(path) });
}

async function makeArchive(name: string, payloadBytes: number): Promise<{ layout: string; archive: string }> {
  const work = join(directory, name);
  mkdirSync(work);
  const layout = await makeImage(work, payloadBytes);
  const archive = join(work, 'image.tar');
  await skopeoCopy(stack.network, layout, `docker-archive:${archive}:${name}:latest`);
  return { layout, archive };
}

beforeAll(async () => {
  mkdirSync(disk);
  await runOk('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', disk]);
  stack = await startStack({ engineFlags: ['--data-root', disk] });
  registry = await startRegistry(stack.network, stack.directory, { port: 5000, storage: join(directory, 'registry') });
  await until('the embedded image', 10_000, async () =>
    (await stack.api('GET', '/images/tscontainer/whoami/json')).status === 200 ? true : undefined,
  );
});

afterAll(async () => {
  await registry?.stop();
  await stack?.stop();
  await runOk('umount', [disk]);
  rmSync(directory, { recursive: true, force: true });
});

it('refuses what does not fit, wherever it ends, and takes what fits afterwards', async () => {
  const before = await usedKib();
  // the first does not fit as a blob; the second does, but not unpacked beside it
  const [huge, large] = [await makeArchive('huge', 60_000_000), await makeArchive('large', 18_000_000)];
  for (const { archive } of [huge, large]) {
    expect(await load(archive)).toMatch(/no space left on device|disk is full/i);
    await until('the space is free again', 5_000, async () => ((await usedKib()) <= before + 1024 ? true : undefined));
  }
  await skopeoCopy(stack.network, large.layout, `docker://${registry.host}/large:latest`);
  const { body } = await stack.api(
    'POST',
    `/images/create?fromImage=${encodeURIComponent(`${registry.host}/large`)}&tag=latest`,
  );
  expect(JSON.stringify(body)).toMatch(/no space left on device|disk is full/i);
  await until('the space is free again', 5_000, async () => ((await usedKib()) <= before + 1024 ? true : undefined));
  expect((await stack.api('GET', '/images/json')).body).toHaveLength(1);
  const small = await makeArchive('small', 1_000_000);
  expect(await load(small.archive)).toContain('Loaded image: small:latest');
});
