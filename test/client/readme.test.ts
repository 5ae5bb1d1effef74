// The examples of the client's README: each is run as it stands, and prints what the README says.
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '@tsctl/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { startRegistry } from '../harness/registry.ts';
import { binDirectory, repositoryRoot } from '../harness/repository.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const readme = readFileSync(join(repositoryRoot, 'packages/client/README.md'), 'utf8');
const examples = [...readme.matchAll(/^## ([^\n]+)\n(?:(?!^## )[\s\S])*?^```ts\n([\s\S]*?)^```$/gm)].map(
  ([, title = '', code = '']) => ({ title, code }),
);

let stack: Stack;
let directory: string;

beforeAll(async () => {
  stack = await startStack();
  directory = join(stack.directory, 'program');
  mkdirSync(join(directory, 'node_modules/@tsctl'), { recursive: true });
  symlinkSync(join(repositoryRoot, 'packages/client'), join(directory, 'node_modules/@tsctl/client'));
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  copyFileSync(await busyboxArchive(), join(directory, 'busybox.tar'));
  await startRegistry(stack.network, stack.directory, { port: 5000, storage: join(stack.directory, 'registry') });
  await using engine = connect({ host: `unix://${stack.socket}` });
  await engine.images.load(readFileSync(join(directory, 'busybox.tar')));
  await engine.images.tag('busybox', { repo: '127.0.0.1:5000/team/box', tag: '1' });
  await engine.images.push('127.0.0.1:5000/team/box', { tag: '1' });
  await engine.images.remove('127.0.0.1:5000/team/box:1');
});
afterAll(() => stack?.stop());

describe('the README of @tsctl/client', () => {
  it('has its examples', () => {
    expect(examples.map(({ title }) => title)).toEqual([
      'Connect',
      'Run a container',
      'Talk with it',
      'Execute, copy, read logs',
      'Pull, push, build',
      'Follow events',
      'An engine for a test',
    ]);
  });

  it.each(examples)('is right about: $title', { timeout: 120_000 }, async ({ title, code }) => {
    const file = join(directory, `${title.replaceAll(/\W+/g, '-').toLowerCase()}.ts`);
    writeFileSync(file, code);
    const env = { DOCKER_HOST: `unix://${stack.socket}`, TSENGINED: join(binDirectory, 'tsengined') };
    const {
      code: exitCode,
      stdout,
      stderr,
    } = await run(process.execPath, [file], { cwd: directory, env, timeoutMs: 110_000 });
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: promised(code), stderr: '' });
  });
});

/** What stands behind `// prints:`, in order. */
function promised(code: string): string {
  return [...code.matchAll(/\/\/ prints: (.*)$/gm)].map(([, line]) => `${line}\n`).join('');
}
