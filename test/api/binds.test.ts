// Binds and tmpfs mounts over REST: how deep read-only goes, and what a tmpfs is told.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
const source = () => join(stack.directory, 'source');
const below = () => join(source(), 'below');

beforeAll(async () => {
  stack = await startStack();
  await stack.docker(['load', '-q', '-i', await busyboxArchive()]);
  mkdirSync(below(), { recursive: true });
  expect((await run('mount', ['-t', 'tmpfs', 'below', below()])).code).toBe(0);
});
afterAll(async () => {
  if (stack !== undefined && existsSync(below())) await run('umount', [below()]);
  await stack?.stop();
});

const touch = (...flags: string[]) =>
  stack.tsctl(['run', '--rm', '--network=none', ...flags, 'busybox', 'touch', '/bound/below/file']);
const mount = (more: string) => `type=bind,src=${source()},dst=/bound${more}`;

async function refusal(Mounts: object[]): Promise<string> {
  const body = { Image: 'busybox', HostConfig: { Mounts } };
  const answer = await stack.api('POST', '/containers/create', body);
  expect(answer.status).toBe(400);
  return answer.body.message;
}

describe('a read-only bind', () => {
  it('is so in what is mounted below it, unless that is to be written to', async () => {
    expect((await touch('-v', `${source()}:/bound`)).code).toBe(0);
    for (const flags of [
      ['-v', `${source()}:/bound:ro`],
      ['--mount', mount(',ro')],
      ['--mount', mount(',ro,bind-recursive=readonly,bind-propagation=rprivate')],
    ])
      expect((await touch(...flags)).stderr, flags.join(' ')).toContain('Read-only file system');
    expect(await touch('--mount', mount(',ro,bind-recursive=writable'))).toMatchObject({ code: 0, stderr: '' });
  });

  it('is asked for in one way', async () => {
    const bind = { Type: 'bind', Source: source(), Target: '/bound' };
    const options = { ReadOnlyNonRecursive: true };
    expect(await refusal([{ ...bind, BindOptions: options }])).toContain('!ReadOnly && ReadOnlyNonRecursive');
    const both = { ...options, ReadOnlyForceRecursive: true };
    expect(await refusal([{ ...bind, ReadOnly: true, BindOptions: both }])).toContain('mount options conflict');
  });
});

describe('a tmpfs mount', () => {
  it('has the options that it is given', async () => {
    const Mounts = [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { Options: [['exec'], ['nr_inodes', '77']] } }];
    const { body } = await stack.api('POST', '/containers/create', {
      Image: 'busybox',
      Cmd: ['grep', ' /t ', '/proc/mounts'],
      HostConfig: { NetworkMode: 'none', Mounts },
    });
    const { stdout } = await stack.docker(['start', '-a', body.Id]);
    expect(stdout).toContain('nr_inodes=77');
    expect(stdout).not.toContain('noexec');
    const wrong = [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { Options: [['a', 'b', 'c']] } }];
    expect(await refusal(wrong)).toContain('Options');
  });
});
