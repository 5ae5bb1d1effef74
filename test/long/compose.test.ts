// A compose project of five services, by docker-compose 1.29 and docker compose 2.40: the same file, the same results on the
// dockerd of its time and on ours. `pnpm test:compose`; the image takes minutes the first time.
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandResult, run, until } from '../harness/command.ts';
import { type ComposePair, composePairs } from '../harness/compose-pairs.ts';
import { addOutsideHost, type OutsideHost } from '../harness/outside-host.ts';
import { repositoryRoot } from '../harness/repository.ts';
import { servicesArchive } from '../harness/service-image.ts';
import { startStack } from '../harness/stack.ts';

interface World {
  name: string;
  socket: string;
  outside: OutsideHost;
  stop(): Promise<void>;
}

let worlds: World[] = [];
let project: string;
let program: string;

async function startWorlds(pair: ComposePair): Promise<void> {
  const archive = await servicesArchive();
  program = await pair.compose();
  worlds = [];
  project = mkdtempSync('/tmp/tsc-compose-');
  cpSync(join(repositoryRoot, 'test/long/compose-project'), project, { recursive: true });
  const stack = await startStack();
  worlds.push({
    name: 'ours',
    socket: stack.socket,
    outside: await addOutsideHost(stack.network),
    stop: () => stack.stop(),
  });
  const dockerd = await pair.dockerd();
  worlds.push({
    name: 'dockerd',
    socket: dockerd.socket,
    outside: await addOutsideHost(dockerd.network),
    stop: () => dockerd.stop(),
  });
  for (const { socket } of worlds) {
    const loaded = await run('/usr/bin/docker', ['load', '-i', archive], {
      env: { DOCKER_HOST: `unix://${socket}` },
      timeoutMs: 600_000,
    });
    expect(loaded.code, loaded.stderr).toBe(0);
  }
}

async function stopWorlds(): Promise<void> {
  for (const world of worlds) {
    await compose(world, 'down', '-v', '-t', '1');
    await world.outside.remove();
    await world.stop();
  }
  rmSync(project, { recursive: true, force: true });
}

function compose(world: World, ...args: string[]): Promise<CommandResult> {
  const env = {
    DOCKER_HOST: `unix://${world.socket}`,
    COMPOSE_PROJECT_NAME: 'five',
    COMPOSE_HTTP_TIMEOUT: '300',
    COMPOSE_ANSI: 'never',
  };
  return run(program, args, { cwd: project, env, timeoutMs: 600_000 });
}

async function ok(world: World, ...args: string[]): Promise<string> {
  const result = await compose(world, ...args);
  expect(result.code, `${world.name}: ${args.join(' ')}: ${result.stderr}`).toBe(0);
  return result.stdout;
}

async function page(world: World, path: string): Promise<string> {
  const { stdout } = await world.outside.run('curl', [
    '-sS',
    '-m',
    '5',
    `http://${world.outside.daemonAddress}:8080${path}`,
  ]);
  return stdout.trim();
}

/** What one engine does with the project, in facts that do not depend on chance. */
async function observe(world: World): Promise<Record<string, unknown>> {
  const facts: Record<string, unknown> = {};
  await ok(world, 'up', '-d');
  facts['words'] = await until(`${world.name} answers`, 240_000, async () => {
    const text = await page(world, '/');
    return text === 'alpha beta gamma' ? text : undefined;
  });
  facts['page'] = await page(world, '/pages/made.txt');
  facts['counts'] = [await page(world, '/count'), await page(world, '/count')];
  const services = ['cache', 'db', 'job', 'proxy', 'web'];
  facts['states'] = await states(world, services);
  const proxyLog = await ok(world, 'logs', '--no-color', 'proxy');
  facts['client address in the log'] = proxyLog.includes(`${world.outside.address} asked for /count`);
  facts['web sees it too'] = (await ok(world, 'logs', '--no-color', 'web')).includes(`${world.outside.address} /count`);
  facts['job log'] = /job done/.test(await ok(world, 'logs', '--no-color', 'job'));
  facts['port'] = (await ok(world, 'port', 'proxy', '80')).trim();
  const inside = async (service: string, script: string) =>
    (await compose(world, 'exec', '-T', service, 'sh', '-c', script)).stdout.trim();
  facts['alias'] = await inside('web', 'getent hosts redis >/dev/null && echo found');
  facts['front does not know db'] = await inside('proxy', 'getent hosts db || echo unknown');
  const way = `curl -sS -m 3 -o /dev/null http://${world.outside.address}/hostname 2>/dev/null && echo out || echo cut`;
  facts['ways out'] = [await inside('proxy', way), await inside('db', way)];
  facts['interfaces of web'] = await inside('web', 'ls /sys/class/net | sort | tr "\\n" " "');
  facts['exec'] = await inside('cache', 'redis-cli -h redis get hits');
  facts['exit code of exec'] = (await compose(world, 'exec', '-T', 'cache', 'sh', '-c', 'exit 7')).code;
  await ok(world, 'up', '-d', '--scale', 'web=3');
  const names = new Set<string>();
  await until(`${world.name} takes turns`, 60_000, async () => {
    names.add(await page(world, '/who'));
    return names.size >= 3 ? true : undefined;
  });
  facts['answering'] = names.size;
  facts['containers'] = (await ok(world, 'ps', '-aq')).trim().split('\n').length;
  await ok(world, 'stop', '-t', '2', 'cache');
  await ok(world, 'start', 'cache');
  facts['one-off'] = (await ok(world, 'run', '--rm', '-T', 'job', 'python3', '-c', 'print(6 * 7)')).trim();
  await ok(world, 'down', '-v', '-t', '2');
  const left = async (kind: string) =>
    (
      await run('/usr/bin/docker', [kind, 'ls', '-q', '--filter', 'label=com.docker.compose.project=five'], {
        env: { DOCKER_HOST: `unix://${world.socket}` },
      })
    ).stdout;
  facts['left'] = [await left('container'), await left('network'), await left('volume')];
  return facts;
}

async function states(world: World, services: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const service of services) {
    const id = (await ok(world, 'ps', '-aq', service)).trim();
    const format = '{{.State.Status}} {{.State.ExitCode}}{{with .State.Health}} {{.Status}}{{end}}';
    const { stdout } = await run('/usr/bin/docker', ['inspect', '-f', format, id], {
      env: { DOCKER_HOST: `unix://${world.socket}` },
    });
    found.push(`${service} ${stdout.trim()}`);
  }
  return found;
}

/** Something that answers outside, so that a way out is seen. */
function answerOutside(world: World): ChildProcess {
  return spawn(...world.outside.network.enter('busybox', ['httpd', '-f', '-p', '80', '-h', '/etc']), {
    stdio: 'ignore',
  });
}

describe.each(composePairs)('a project of five services by $name', (pair) => {
  beforeAll(() => startWorlds(pair));
  afterAll(stopWorlds);

  it('does the same on the real dockerd and on ours', async () => {
    const [ours, theirs] = worlds as [World, World];
    const answering = worlds.map(answerOutside);
    const expected = await observe(theirs);
    const actual = await observe(ours);
    for (const server of answering) server.kill();
    expect(actual).toEqual(expected);
    // and what that is
    expect(actual).toMatchObject({
      words: 'alpha beta gamma',
      'ways out': ['out', 'cut'],
      'client address in the log': true,
      answering: 3,
      left: ['', '', ''],
    });
  });
});
