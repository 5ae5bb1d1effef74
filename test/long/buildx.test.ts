// What docker 28, buildx and docker compose 2.40 are told where BuildKit is not, and that they build without it. `pnpm test:buildx`.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../harness/command.ts';
import { type NewerDocker, newerBuildx, newerDocker } from '../harness/newer-docker.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let scratch: string;
let newer: NewerDocker;
let env: Record<string, string>;

beforeAll(async () => {
  newer = await newerDocker();
  const buildx = await newerBuildx();
  scratch = mkdtempSync('/tmp/tsc-buildx-');
  writeFileSync(join(scratch, 'Dockerfile'), 'FROM scratch\nLABEL a=b\n');
  writeFileSync(join(scratch, 'compose.yaml'), 'services: { a: { build: ., image: composed } }\n');
  const config = join(scratch, 'config');
  mkdirSync(join(config, 'cli-plugins'), { recursive: true });
  symlinkSync(buildx, join(config, 'cli-plugins/docker-buildx'));
  stack = await startStack({ readyTimeoutMs: 60_000 });
  env = { DOCKER_HOST: `unix://${stack.socket}`, DOCKER_CONFIG: config };
});
afterAll(async () => {
  await stack?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

const words = 'set DOCKER_BUILDKIT=0, or use a docker client without buildx';
const classic = { DOCKER_BUILDKIT: '0' };

describe('docker 28 with buildx', () => {
  it.each([[['build', '.']], [['buildx', 'inspect']], [['buildx', 'du']], [['buildx', 'prune', '-f']]])(
    'is told what to do: %j',
    async (command) => {
      const { stdout, stderr } = await run(newer.docker, command, { env, cwd: scratch });
      expect(stdout + stderr).toContain(words);
    },
  );

  it('fails a build, and builds as it was told', async () => {
    expect((await run(newer.docker, ['build', '.'], { env, cwd: scratch })).code).toBe(1);
    const built = await run(newer.docker, ['build', '-q', '.'], { env: { ...env, ...classic }, cwd: scratch });
    expect(built).toMatchObject({ code: 0, stdout: expect.stringMatching(/^sha256:/) });
  });
});

describe('docker compose 2.40', () => {
  it('is told, too, and builds as it was told', async () => {
    const refused = await run(newer.compose, ['build'], { env, cwd: scratch });
    expect([refused.code, refused.stdout + refused.stderr]).toEqual([1, expect.stringContaining(words)]);
    expect((await run(newer.compose, ['build'], { env: { ...env, ...classic }, cwd: scratch })).code).toBe(0);
    expect((await stack.docker(['image', 'inspect', 'composed'])).code).toBe(0);
  });
});
