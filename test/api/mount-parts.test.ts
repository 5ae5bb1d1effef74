// Parts of volumes and images as mounts: what is seen, what is refused, what links cannot do, and what is left after a crash.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ readyTimeoutMs: 60_000 });
  await stack.docker(['load', '-q', '-i', await busyboxArchive()]);
  await stack.docker(['volume', 'create', 'parts']);
  mkdirSync(join(volume(), 'deep/inner'), { recursive: true });
  writeFileSync(join(volume(), 'deep/inner/file'), 'inner');
  writeFileSync(join(volume(), 'secret'), 'not for all');
  symlinkSync('deep/inner', join(volume(), 'within'));
  symlinkSync('/etc', join(volume(), 'absolute'));
  symlinkSync('../../..', join(volume(), 'climbing'));
});
afterAll(() => stack?.stop());

const volume = () => join(stack.directory, 'data/volumes/parts/_data');
const held = () => join(stack.directory, 'exec/mounts');
const run = (mount: string, ...command: string[]) =>
  stack.tsctl(['run', '--rm', '--network=none', '--mount', mount, 'busybox', ...command]);
const part = (subpath: string, more = '') => `type=volume,src=parts,dst=/part,volume-subpath=${subpath}${more}`;

describe('a part of a volume', () => {
  it('is a directory or a file, and all that is seen', async () => {
    expect((await run(part('deep'), 'find', '/part')).stdout).toBe('/part\n/part/inner\n/part/inner/file\n');
    expect((await run(part('deep/inner/file'), 'cat', '/part')).stdout).toBe('inner');
    expect((await run(part('within'), 'cat', '/part/file')).stdout).toBe('inner');
    expect((await run(part('deep', ',readonly'), 'touch', '/part/x')).stderr).toContain('Read-only file system');
    await run(part('deep'), 'touch', '/part/made');
    expect(existsSync(join(volume(), 'deep/made'))).toBe(true);
  });

  it.each([
    ['absolute', 'cannot access path absolute'],
    ['climbing', 'cannot access path climbing'],
    ['nosuch', 'cannot access path nosuch'],
    ['../other', 'subpath must be a relative path within the volume'],
    ['/deep', 'subpath must be a relative path within the volume'],
  ])('%s is refused', async (subpath, words) => {
    const result = await run(part(subpath), 'true');
    expect(result.code).toBe(125);
    expect(result.stderr).toContain(words);
  });

  it('goes with the run, also when the engine is killed in between, and the volume stays', async () => {
    await stack.tsctl([
      'run',
      '-d',
      '--name',
      'holder',
      '--network=none',
      '--mount',
      part('deep'),
      'busybox',
      'sleep',
      '1000',
    ]);
    expect(readdirSync(held())).toHaveLength(1);
    await stack.kill('tsengined');
    await stack.startEngine(60_000);
    expect((await stack.docker(['exec', 'holder', 'cat', '/part/inner/file'])).stdout).toBe('inner');
    await stack.docker(['rm', '-f', 'holder']);
    await until('let go of', 5000, () => (readdirSync(held()).length === 0 ? true : undefined));
    expect(readFileSync(join(volume(), 'deep/inner/file'), 'utf8')).toBe('inner');
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(held());
  });

  it('is what cp sees of a container that does not run', async () => {
    await stack.tsctl(['create', '--name', 'copied', '--mount', part('deep'), 'busybox', 'true']);
    const target = join(stack.directory, 'copied');
    expect(await stack.docker(['cp', 'copied:/part/inner/file', target])).toMatchObject({ code: 0 });
    expect(readFileSync(target, 'utf8')).toBe('inner');
    rmSync(target);
    await stack.docker(['rm', 'copied']);
  });
});

describe('an image as a mount', () => {
  it('is read-only, whole or in part', async () => {
    const mount = 'type=image,src=busybox,dst=/image';
    expect((await run(mount, 'cat', '/image/etc/not-executable')).stdout).toBe('no\n');
    expect((await run(mount, 'touch', '/image/x')).stderr).toContain('Read-only file system');
    expect((await run(`${mount},image-subpath=etc`, 'ls', '/image')).stdout).toBe('group\nnot-executable\npasswd\n');
    expect((await run(`${mount},image-subpath=nosuch`, 'true')).stderr).toContain('cannot access path nosuch');
    await until('let go of', 5000, () => (readdirSync(held()).length === 0 ? true : undefined));
  });

  it('leaves nothing of a start that its part fails', async () => {
    const Mounts = [{ Type: 'image', Source: 'busybox', Target: '/i', ImageOptions: { Subpath: 'nosuch' } }];
    const { body } = await stack.api('POST', '/containers/create', { Image: 'busybox', HostConfig: { Mounts } });
    const start = () => stack.api('POST', `/containers/${body.Id}/start`);
    expect((await start()).body.message).toContain('cannot access path nosuch');
    expect((await start()).body.message).toContain('cannot access path nosuch');
    await stack.api('DELETE', `/containers/${body.Id}`);
  });

  it('must be there', async () => {
    const { status, body } = await stack.api('POST', '/containers/create', {
      Image: 'busybox',
      HostConfig: { Mounts: [{ Type: 'image', Source: 'nosuch:image', Target: '/i' }] },
    });
    expect([status, body.message]).toEqual([404, expect.stringContaining('nosuch:image')]);
  });
});
