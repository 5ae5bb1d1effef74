// @tsctl/client as it is published: packed, unpacked as npm would, run by the machine's own Node, and type-checked from outside.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run, runOk } from '../harness/command.ts';
import { repositoryRoot } from '../harness/repository.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let directory: string;
let stack: Stack;

/** The Node that Debian or the machine's owner has installed, if it is one that we promise to work on. */
async function installedNode(): Promise<string> {
  for (const path of ['/usr/bin/node', '/usr/local/bin/node']) {
    const version = existsSync(path) ? (await run(path, ['--version'])).stdout : '';
    const [major = 0, minor = 0] = version.slice(1).split('.').map(Number);
    if (major > 20 || (major === 20 && minor >= 16)) return path;
  }
  return process.execPath;
}

beforeAll(async () => {
  stack = await startStack();
  directory = mkdtempSync('/tmp/tsc-published-');
  await runOk(process.execPath, [join(repositoryRoot, 'scripts/build-client.ts')], { timeoutMs: 120_000 });
  const destination = join(directory, 'node_modules/@tsctl/client');
  mkdirSync(destination, { recursive: true });
  const npx = ['-y', 'pnpm@12', '--filter', '@tsctl/client', 'pack', '--pack-destination', directory];
  await runOk('npx', npx, { cwd: repositoryRoot, timeoutMs: 120_000 });
  await runOk('tar', ['-C', destination, '--strip-components=1', '-xf', join(directory, 'tsctl-client-0.1.0.tgz')]);
  mkdirSync(join(directory, 'node_modules/@types'), { recursive: true });
  symlinkSync(join(repositoryRoot, 'node_modules/@types/node'), join(directory, 'node_modules/@types/node'));
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
}, 300_000);
afterAll(async () => {
  await stack?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const program = `
import { connect, EngineError, type LogLine } from '@tsctl/client';
import { startEngine } from '@tsctl/client/testing';

const engine = connect();
const Image = 'tscontainer/whoami';
const run = await engine.containers.run({ Image, Cmd: ['echo', 'hello'] });
const { exitCode, stdout } = await run.output();
const lines: LogLine[] = [];
for await (const line of run.container.logs()) lines.push(line);
await run.container.remove();
const refused: unknown = await engine.images.inspect('nosuch').catch((error) => error);
const isRefused = refused instanceof EngineError && refused.status === 404;
console.log(JSON.stringify({ exitCode, stdout, lines, isRefused, start: typeof startEngine }));
engine.close();
`;

it('has no dependencies, and says what it needs', () => {
  const manifest = JSON.parse(readFileSync(join(directory, 'node_modules/@tsctl/client/package.json'), 'utf8'));
  expect(manifest.dependencies ?? {}).toEqual({});
  expect(manifest.engines).toEqual({ node: '>=20.16' });
  expect(manifest.exports['.'].default).toBe('./dist/index.js');
});

it('runs on the installed Node', async () => {
  const script = join(directory, 'program.js');
  writeFileSync(script, program.replaceAll(/, type LogLine|: LogLine\[\]|: unknown/g, ''));
  const env = { DOCKER_HOST: `unix://${stack.socket}` };
  const { stdout, stderr } = await run(await installedNode(), [script], { env });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({
    exitCode: 0,
    stdout: 'hello\n',
    lines: [{ stream: 'stdout', text: 'hello' }],
    isRefused: true,
    start: 'function',
  });
});

it('has types that hold in a strict program, its own checked too', async () => {
  writeFileSync(join(directory, 'program.ts'), program);
  const wrong = `import { connect } from '@tsctl/client';\nawait connect().containers.create({ image: 'busybox' });\n`;
  writeFileSync(join(directory, 'wrong.ts'), wrong);
  const compilerOptions = {
    ...{ module: 'nodenext', target: 'es2022', lib: ['es2023', 'esnext.disposable'], types: ['node'] },
    ...{ strict: true, skipLibCheck: false, noEmit: true },
  };
  const check = async (file: string) => {
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }));
    return run(join(repositoryRoot, 'node_modules/.bin/tsc'), ['-p', directory], { cwd: directory });
  };
  expect(await check('program.ts')).toMatchObject({ stdout: '', code: 0 });
  const refused = await check('wrong.ts');
  expect(refused.stdout).toMatch(/wrong\.ts\(2,\d+\): error TS2561.*'image' does not exist in type/);
});
