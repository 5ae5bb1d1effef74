// npm's dockerode and testcontainers on the real dockerd and on this engine: what passes there passes here.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import type { NetworkNamespace } from '../harness/network-namespace.ts';
import { type RealDockerd, startRealDockerd } from '../harness/real-dockerd.ts';
import { startRegistry } from '../harness/registry.ts';
import { repositoryRoot } from '../harness/repository.ts';
import { type Stack, startStack } from '../harness/stack.ts';
import type { CaseResult } from './client-cases.ts';

interface Side {
  socket: string;
  network: NetworkNamespace;
  directory: string;
  docker(args: string[]): Promise<{ stdout: string; stderr: string; code: number | null }>;
}

const registryPort = 5000;
const registryHost = `127.0.0.1:${registryPort}`;
let stack: Stack;
let dockerd: RealDockerd;
let scratch: string;
let hasBuild: boolean;

async function prepare(side: Side): Promise<void> {
  await startRegistry(side.network, side.directory, { port: registryPort, storage: join(side.directory, 'registry') });
  const commands = [
    ['load', '-q', '-i', await busyboxArchive()],
    ['tag', 'busybox', `${registryHost}/tc:v1`],
    ['push', `${registryHost}/tc:v1`],
  ];
  for (const command of commands) expect(await side.docker(command)).toMatchObject({ code: 0 });
}

/** In the daemon's network namespace, where published ports answer. */
async function casesOf(side: Side, program: string): Promise<Map<string, CaseResult>> {
  const [file, args] = side.network.enter(process.execPath, [join(repositoryRoot, 'test/interop', program)]);
  const env = {
    DOCKER_HOST: `unix://${side.socket}`,
    DOCKER_CONFIG: join(scratch, 'config'),
    HOME: scratch,
    TEST_REGISTRY: registryHost,
    TESTCONTAINERS_RYUK_DISABLED: 'true',
  };
  const { stdout, stderr, code } = await run(file, args, { env, timeoutMs: 300_000 });
  const lines = stdout.split('\n').filter((line) => line.startsWith('{"name":'));
  if (code !== 0 || lines.length === 0) throw new Error(`${program}: exit ${code}: ${stderr.slice(-2000)}`);
  return new Map(lines.map((line) => JSON.parse(line) as CaseResult).map((result) => [result.name, result]));
}

beforeAll(async () => {
  scratch = mkdtempSync('/tmp/tsc-clients-');
  stack = await startStack({ engineFlags: ['--insecure-registry', registryHost], readyTimeoutMs: 60_000 });
  dockerd = await startRealDockerd([]);
  await prepare(stack);
  await prepare(dockerd);
  hasBuild = (await stack.api('POST', '/build')).status !== 404;
}, 120_000);
afterAll(async () => {
  await stack?.stop();
  await dockerd?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

describe.each(['dockerode', 'testcontainers'])('%s', (library) => {
  it('passes here what it passes on dockerd', { timeout: 600_000 }, async () => {
    const program = `${library}-cases.ts`;
    const [theirs, ours] = await Promise.all([casesOf(dockerd, program), casesOf(stack, program)]);
    expect([...ours.keys()]).toEqual([...theirs.keys()]);
    // until this engine has POST /build; its 404 is the sign
    const isAwaited = (name: string) => !hasBuild && /build/i.test(name);
    const behind = [...theirs.values()].filter(
      ({ name, passed }) => passed && ours.get(name)?.passed === false && !isAwaited(name),
    );
    expect(behind.map(({ name }) => `${name}: ${ours.get(name)?.reason}`)).toEqual([]);
    const failing = [...theirs.values()]
      .filter(({ passed }) => !passed)
      .map(({ name, reason }) => `${name}: ${reason}`);
    // every case passes on the reference too: one that does not would show nothing. But dockerd under load now and then
    // answers a restart never: that is its own, and says nothing of the case
    expect(failing.filter((line) => !line.includes('no end in'))).toEqual([]);
  });
});
