// startEngine: an engine for a test, of which nothing is left however the test ends: by its block, an exit, or kill -9.
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EngineError } from '@tsctl/client';
import { startEngine } from '@tsctl/client/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { run, runOk, until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { addNetworkNamespace, type NetworkNamespace } from '../harness/network-namespace.ts';
import { isAlive, processesOf } from '../harness/processes.ts';
import { binDirectory } from '../harness/repository.ts';

/** What an engine with this directory has on the machine. */
function tracesOf(directory: string): string[] {
  const cgroup = `tscontainer-${createHash('sha256').update(directory).digest('hex').slice(0, 12)}`;
  return [
    ...processesOf(directory).map(({ pid, cmdline }) => `process ${pid} ${cmdline}`),
    ...readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(directory))
      .map((line) => `mount ${line}`),
    ...readdirSync('/sys/fs/cgroup')
      .flatMap((controller) => [join('/sys/fs/cgroup', controller, cgroup), join('/sys/fs/cgroup', cgroup)])
      .filter((path) => existsSync(path))
      .map((path) => `cgroup ${path}`),
    ...(existsSync(directory) ? [`directory ${directory}`] : []),
  ];
}

async function untilGone(directory: string): Promise<void> {
  await until(`nothing left of ${directory}`, 20_000, () =>
    tracesOf(directory).length === 0 ? true : undefined,
  ).catch(() => expect(tracesOf(directory)).toEqual([]));
}

interface Victim {
  child: ChildProcess;
  directory: string;
  pid: number;
  exited: Promise<number | null>;
}

/** The machine may be busy with more than this test. */
const patient = { network: 'own', readyTimeoutMs: 90_000 } as const;

const victims: ChildProcess[] = [];

/** In a network namespace, the engine in the same, as in the host's of a real machine. */
async function startVictim(network: NetworkNamespace, ...args: string[]): Promise<Victim> {
  const script = join(import.meta.dirname, 'engine-victim.ts');
  const [file, words] = network.enter(process.execPath, [script, ...args]);
  const child = spawn(file, words, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  victims.push(child);
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const line = await until('the program has its engine', 110_000, () => {
    if (child.exitCode !== null && !output.includes('\n')) throw new Error(errors);
    return output.includes('\n') ? output : undefined;
  });
  const { directory, pid } = JSON.parse(line) as { directory: string; pid: number };
  return { child, directory, pid, exited };
}

describe('startEngine', { timeout: 180_000 }, () => {
  let network: NetworkNamespace;

  beforeAll(async () => {
    network = await addNetworkNamespace();
  });
  afterEach(() => {
    for (const victim of victims.splice(0)) victim.kill('SIGKILL');
  });
  afterAll(() => network?.remove());

  /** Links and rules of the namespace that stands for the host's. */
  async function networkTraces(): Promise<string> {
    const links = await runOk(...network.enter('ip', ['-o', 'link']));
    const tables = await runOk(...network.enter('nft', ['list', 'tables']));
    return `${links.replace(/^1: lo:.*\n/, '')}${tables}`;
  }

  it('gives an engine that is gone at the end of its block', async () => {
    let directory: string;
    {
      await using engine = await startEngine({ ...patient, load: [await busyboxArchive()] });
      ({ directory } = engine);
      await using echo = await engine.containers.run({ Image: 'busybox', Cmd: ['echo', 'hello'] });
      expect(await echo.output()).toMatchObject({ exitCode: 0, stdout: 'hello\n' });
      await engine.containers.run({ Image: 'tscontainer/whoami', Cmd: ['sleep', '1000'] });
      expect(tracesOf(directory).length).toBeGreaterThan(5);
    }
    expect(tracesOf(directory)).toEqual([]);
  });

  it('starts two side by side', async () => {
    await using one = await startEngine(patient);
    await using two = await startEngine(patient);
    await one.containers.create({ Image: 'tscontainer/whoami' }, { name: 'same' });
    await two.containers.create({ Image: 'tscontainer/whoami' }, { name: 'same' });
    expect(one.directory).not.toBe(two.directory);
    expect((await two.containers.list({ all: true })).length).toBe(1);
  });

  it.each(['own', 'host'])('leaves nothing when the process is killed with SIGKILL (network: %s)', async (mode) => {
    const victim = await startVictim(network, mode);
    expect(tracesOf(victim.directory).length).toBeGreaterThan(10);
    victim.child.kill('SIGKILL');
    await untilGone(victim.directory);
    expect(await networkTraces()).toBe('');
  });

  it('leaves nothing when its whole process group is killed', async () => {
    const victim = await startVictim(network, 'host');
    process.kill(-(victim.child.pid ?? 0), 'SIGKILL');
    await untilGone(victim.directory);
    expect(await networkTraces()).toBe('');
  });

  it.each([
    ['exit', 3],
    ['throw', 1],
    ['natural', 0],
  ])('leaves nothing when the process ends by itself: %s', async (ending, code) => {
    const victim = await startVictim(network, 'own', ending);
    expect(await victim.exited).toBe(code);
    await untilGone(victim.directory);
  });

  it('leaves nothing when the engine is killed, and the process goes on', async () => {
    const victim = await startVictim(network, 'host');
    process.kill(victim.pid, 'SIGKILL');
    await untilGone(victim.directory);
    expect(await networkTraces()).toBe('');
    expect(isAlive(victim.child.pid ?? 0)).toBe(true);
    victim.child.kill('SIGKILL');
  });

  it('stops, though its engine was killed', async () => {
    const engine = await startEngine(patient);
    const { directory, pid } = engine;
    await (await engine.containers.create({ Image: 'tscontainer/whoami', Cmd: ['sleep', '1000'] })).start();
    process.kill(pid, 'SIGKILL');
    await engine.stop();
    expect(tracesOf(directory)).toEqual([]);
    await engine.stop(); // it has stopped already
  });

  it('clears what was left when both were killed at once', async () => {
    const victim = await startVictim(network, 'own');
    process.kill(victim.child.pid ?? 0, 'SIGSTOP'); // it shall not notice
    process.kill(victim.pid, 'SIGKILL');
    process.kill(victim.child.pid ?? 0, 'SIGKILL');
    await victim.exited;
    expect(tracesOf(victim.directory).length).toBeGreaterThan(5);
    await using next = await startEngine(patient);
    expect(tracesOf(victim.directory)).toEqual([]);
    expect((await next.system.info()).Containers).toBe(0);
  });

  it('says why an engine does not come up, and leaves nothing', async () => {
    const directories = () => readdirSync(tmpdir()).filter((name) => name.includes('tsctl-engine-'));
    const before = directories();
    await expect(startEngine({ ...patient, flags: ['--no-such-flag'] })).rejects.toThrow(
      /tsengined ended with 1:\n.*no-such-flag/,
    );
    await expect(startEngine({ program: '/no/such/tsengined' })).rejects.toThrow('no tsengined at /no/such/tsengined');
    await expect(startEngine({ ...patient, load: ['/etc/hostname'] })).rejects.toThrow(EngineError);
    expect(directories().filter((name) => !before.includes(name))).toEqual([]);
  });
});

describe('tsengined --ephemeral', () => {
  it('refuses a directory with anything in it', async () => {
    const directory = mkdtempSync('/tmp/tsc-ephemeral-');
    try {
      writeFileSync(join(directory, 'precious'), 'kept');
      const args = ['--ephemeral', '--data-root', directory, '--exec-root', `${directory}/exec`];
      const { code, stderr } = await run(join(binDirectory, 'tsengined'), args);
      expect(code).toBe(1);
      expect(stderr).toContain(`${directory} is not empty: it would be removed`);
      expect(readFileSync(join(directory, 'precious'), 'utf8')).toBe('kept');
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('refuses a lifeline that is none', async () => {
    const { code, stderr } = await run(join(binDirectory, 'tsengined'), ['--lifeline', 'x']);
    expect([code, stderr]).toEqual([1, 'tsengined: --lifeline x: must be a whole number from 0\n']);
  });
});
