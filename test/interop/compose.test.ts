// docker-compose 1.29 with dockerd 20.10, docker compose 2.40 with dockerd 28.5, and both with this engine: the same projects,
// our own docker-compose.test.yml among them. A third project, with real services, is test/long/compose.test.ts.
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandResult, run, until } from '../harness/command.ts';
import { composePairs } from '../harness/compose-pairs.ts';
import { busyboxArchive } from '../harness/images.ts';
import { leaksBetween, type MachineSnapshot, snapshotMachine } from '../harness/leak-check.ts';
import { repositoryRoot } from '../harness/repository.ts';
import { startStack } from '../harness/stack.ts';

interface World {
  name: string;
  socket: string;
  stop(): Promise<void>;
}

let directory: string;

beforeAll(async () => {
  directory = mkdtempSync('/tmp/tsc-compose-');
  mkdirSync(join(directory, 'bed'));
  copyFileSync(join(repositoryRoot, 'docker-compose.test.yml'), join(directory, 'bed/docker-compose.yml'));
  cpSync(join(repositoryRoot, 'test/interop/compose-projects/shop'), join(directory, 'shop'), { recursive: true });
}, 400_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

const docker = (world: World, ...args: string[]) =>
  run('/usr/bin/docker', args, { env: { DOCKER_HOST: `unix://${world.socket}` } });

/** What runs of a project, and what is left of it: names, states, networks, exit codes; in no order of chance. */
async function holdings(world: World, project: string): Promise<string[]> {
  const label = `label=com.docker.compose.project=${project}`;
  const list = async (...args: string[]) =>
    (await docker(world, ...args, '--filter', label)).stdout
      .split('\n')
      .filter((line) => line !== '')
      .sort();
  const containers = await list('ps', '-a', '--format', '{{.Names}}');
  const format =
    '{{.State.Status}} {{.State.ExitCode}}{{with .State.Health}} {{.Status}}{{end}} {{.HostConfig.NetworkMode}} {{range $name, $net := .NetworkSettings.Networks}}{{$name}} {{end}}{{or .HostConfig.RestartPolicy.Name "no"}} {{json .Config.Cmd}} {{json .HostConfig.PortBindings}}';
  const inspected = await Promise.all(
    containers.map(async (name) => `${name}: ${(await docker(world, 'inspect', '-f', format, name)).stdout.trim()}`),
  );
  return [
    ...inspected,
    ...(await list('network', 'ls', '--format', 'network {{.Name}} {{.Driver}}')),
    ...(await list('volume', 'ls', '--format', 'volume {{.Name}} {{.Driver}}')),
  ];
}

/** Times and ids hidden; lines of several containers come in any order. */
function masked({ stdout, stderr, code }: CommandResult): unknown {
  const lines = (text: string) =>
    text
      .replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '')
      .replace(/\b[0-9a-f]{12,64}\b/g, '<id>')
      .replace(/time="[^"]*"/g, 'time="<time>"')
      .replace(/(About an? |Less than an? |\d+ )(second|minute)s?( ago)?/g, '<time>')
      .replace(/\d+\.\ds\b/g, '<time>')
      // the layers that a failed start has passed have names of their own
      .replace(/(failed to create|OCI runtime)[^\n]*?(?=exec: )/g, '<layers>: ')
      // dockerd 20.10 ends it with containerd's `: unknown`, 28 and this engine do not
      .replace(/(executable file not found in \$PATH): unknown$/gm, '$1')
      .replace(/ {2,}/g, '  ')
      .split(/[\n\r]+/)
      .map((line) => line.trimEnd())
      .filter((line) => line !== '' && !/^-+$/.test(line) && !/\.\.\.$/.test(line));
  // progress is drawn as often as time allows: each line of it counts once
  return { code, stdout: lines(stdout).sort(), stderr: [...new Set(lines(stderr))].sort() };
}

interface Step {
  args: string[];
  /** Words in the state that tell that it is reached. */
  until?: (holdings: string[]) => boolean;
  input?: string;
}

const count = (lines: string[], pattern: RegExp) => lines.filter((line) => pattern.test(line)).length;

const bed: Step[] = [
  { args: ['config', '--services'] },
  { args: ['up', '-d'], until: (all) => count(all, /exited 0/) === 2 && count(all, /running/) === 1 },
  { args: ['ps', '-q', 'limited'] },
  { args: ['logs', '--no-color', 'writer'] },
  { args: ['exec', '-T', 'limited', '/bin/whoami', 'echo', 'from the bed'] },
  { args: ['run', '--rm', '-T', 'whoami', 'echo', 'a run'] },
  { args: ['run', '--rm', '-T', 'whoami', 'nosuch'] },
  { args: ['restart', '-t', '1', 'limited'] },
  { args: ['stop', '-t', '1'] },
  { args: ['start', 'limited'] },
  { args: ['down', '-v', '-t', '1'] },
];

const shop: Step[] = [
  { args: ['config', '--services'] },
  { args: ['config', '--volumes'] },
  { args: ['up', '-d'], until: (all) => count(all, /running 0 healthy/) === 1 && count(all, /exited 3/) === 1 },
  { args: ['ps', '-q'] },
  { args: ['logs', '--no-color', 'visitor'] },
  { args: ['logs', '--no-color', 'books'] },
  { args: ['exec', '-T', 'store', 'sh', '-c', 'cat /srv/index.html /run/secrets/till /etc/prices; exit 5'] },
  {
    args: [
      'exec',
      '-T',
      'visitor',
      'sh',
      '-c',
      'id -u; pwd; echo $A $FROM_FILE; grep till /etc/hosts; nc shop 8080 </dev/null',
    ],
  },
  { args: ['exec', '-T', '-e', 'X=1', '-w', '/', '-u', '0', 'visitor', 'sh', '-c', 'echo $X; pwd; id -u'] },
  { args: ['run', '--rm', '-T', 'visitor', 'sh', '-c', 'nc shop 8080 </dev/null; cat'], input: 'fed\n' },
  { args: ['port', 'store', '8080'] },
  { args: ['top', 'nosuch'] },
  { args: ['up', '-d'], until: (all) => count(all, /exited 3/) === 1 },
  {
    args: ['up', '-d', '--scale', 'visitor=2', '--no-recreate'],
    until: (all) => count(all, /visitor.*running/) === 2,
  },
  { args: ['kill', '-s', 'KILL', 'visitor'], until: (all) => count(all, /visitor.*exited 137/) === 2 },
  { args: ['rm', '-f', 'visitor'] },
  { args: ['down', '-t', '1'] },
  { args: ['down', '-v', '-t', '1'] },
];

const projects = { bed, shop };

describe.each(composePairs)('$name', ({ compose, dockerd }) => {
  let worlds: World[] = [];
  let before: MachineSnapshot;
  let program: string;

  beforeAll(async () => {
    before = snapshotMachine();
    program = await compose();
    const [stack, theirs] = await Promise.all([startStack(), dockerd()]);
    worlds = [
      { name: 'dockerd', socket: theirs.socket, stop: () => theirs.stop() },
      { name: 'ours', socket: stack.socket, stop: () => stack.stop() },
    ];
    const images = [await busyboxArchive(), join(repositoryRoot, 'dist/lib/embedded-image.tar')];
    for (const world of worlds)
      for (const image of images) expect((await docker(world, 'load', '-i', image)).code).toBe(0);
  });

  afterAll(async () => {
    for (const world of worlds) {
      for (const project of Object.keys(projects)) await step(world, project, ['down', '-v', '-t', '0']);
      await world.stop();
    }
    expect(leaksBetween(before, snapshotMachine())).toEqual([]);
  });

  function step(world: World, project: string, args: string[], input = ''): Promise<CommandResult> {
    const env = {
      DOCKER_HOST: `unix://${world.socket}`,
      COMPOSE_PROJECT_NAME: project,
      COMPOSE_HTTP_TIMEOUT: '120',
      COMPOSE_ANSI: 'never',
      COMPOSE_PROGRESS: 'plain',
      SHOP_NAME: 'the corner',
    };
    return run(program, args, { cwd: join(directory, project), env, input, timeoutMs: 120_000 });
  }

  async function take(world: World, project: string, { args, until: isReached, input }: Step): Promise<unknown> {
    const result = await step(world, project, args, input);
    let held = await holdings(world, project);
    if (isReached !== undefined) {
      await until(`${world.name}: ${args.join(' ')}`, 60_000, async () => {
        held = await holdings(world, project);
        return isReached(held) ? true : undefined;
      }).catch((error) => {
        throw new Error(`${(error as Error).message}\n${result.stdout}${result.stderr}${held.join('\n')}`);
      });
    }
    return { ...(masked(result) as object), held };
  }

  describe.each(Object.entries(projects))('%s', (project, steps) => {
    it.each(steps.map((each) => [each.args.join(' '), each] as const))('%s', async (_, each) => {
      const [theirs, ours] = await Promise.all(worlds.map((world) => take(world, project, each)));
      expect(ours).toEqual(theirs);
    });
  });
});
