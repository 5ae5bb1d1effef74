// The OCI verbs on real containers, through the addon: the embedded image's program as their only file.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeFifo } from './fifo.ts';
import { listMountsBelow } from './mounts.ts';
import type { ExitRecord, ProcessIo, RootfsMount, Runtime } from './runtime.ts';
import { openRuntime } from './runtime-manager.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const tsrunc = join(repository, 'dist/bin/tsrunc');
const program = join(repository, 'build/whoami');
const builtins = ['whoami', 'sh', 'sleep', 'echo', 'exit', 'cat', 'id', 'count', 'true'];
/** No exit takes longer; a bound for waiting. */
const exitTimeoutMs = 10_000;

let scratch: string;
let rootfs: string;
let runtime: Runtime;
let serial = 0;
const exits: ExitRecord[] = [];
const ooms: string[] = [];
const created: string[] = [];

function open(): Runtime {
  return openRuntime({
    root: join(scratch, 'state'),
    tsrunc,
    onExit: (exit) => exits.push(exit),
    onOom: (id) => ooms.push(id),
  });
}

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'tsc-runtime-'));
  mkdirSync(join(scratch, 'state'), { mode: 0o700 });
  rootfs = join(scratch, 'rootfs');
  for (const name of ['bin', 'proc', 'dev', 'sys', 'tmp', 'etc']) mkdirSync(join(rootfs, name), { recursive: true });
  copyFileSync(program, join(rootfs, 'bin/whoami'));
  for (const name of builtins.slice(1)) linkSync(join(rootfs, 'bin/whoami'), join(rootfs, 'bin', name));
  writeFileSync(join(rootfs, 'bin/not-executable'), 'text', { mode: 0o644 });
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

beforeEach(() => {
  runtime = open();
});
afterEach(async () => {
  for (const id of created.splice(0)) {
    await runtime.delete(id, { force: true }).catch((error) => {
      if (error.code !== 'not-found') throw error;
    });
  }
  runtime.close();
  exits.length = 0;
  ooms.length = 0;
  expect(containersOf()).toEqual([]);
  expect(await listMountsBelow(scratch)).toEqual([]);
});

/** Directories of containers; the runtime's own files begin with a dot. */
const containersOf = (): string[] => readdirSync(join(scratch, 'state')).filter((name) => !name.startsWith('.'));

interface Wish {
  args: string[];
  io?: Partial<ProcessIo>;
  linux?: Record<string, unknown>;
  hooks?: Record<string, unknown[]>;
  rootfs?: RootfsMount[];
}

function processOf(args: string[], terminal = false): Record<string, unknown> {
  return { terminal, user: { uid: 0, gid: 0 }, args, env: ['PATH=/bin'], cwd: '/' };
}

function config({ args, io, linux, hooks = {} }: Wish, id: string): unknown {
  return {
    ociVersion: '1.2.0',
    process: processOf(args, io?.terminal ?? false),
    root: { path: rootfs, readonly: true },
    hostname: 'inside',
    annotations: { note: 'kept' },
    hooks,
    mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
    linux: {
      cgroupsPath: `/tsc-runtime-test/${id}`,
      namespaces: ['pid', 'mount', 'uts', 'ipc', 'network'].map((type) => ({ type })),
      ...linux,
    },
  };
}

/** Makes bundle and output file, creates the container and gives its id and the output's path. */
async function create(wish: Wish) {
  serial += 1;
  const id = `test-${process.pid}-${serial}`;
  const bundle = join(scratch, id);
  mkdirSync(bundle);
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(config(wish, id)));
  const stdout = join(bundle, 'stdout');
  writeFileSync(stdout, '');
  const io: ProcessIo = { stdin: '', stdout, stderr: stdout, terminal: false, ...wish.io };
  const answer = await runtime.create({ id, bundle, io, rootfs: wish.rootfs ?? [] });
  created.push(id);
  return { id, bundle, stdout, answer };
}

async function run(wish: Wish) {
  const container = await create(wish);
  await runtime.start(container.id);
  return container;
}

async function exitOf(id: string, execId = ''): Promise<ExitRecord> {
  const until = Date.now() + exitTimeoutMs;
  while (Date.now() < until) {
    const exit = exits.find((record) => record.id === id && record.execId === execId);
    if (exit !== undefined) return exit;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return expect.unreachable(`${id} ${execId} did not exit`);
}

const text = (path: string): string => readFileSync(path, 'utf8');
const parentOf = (pid: number): number => Number(/^PPid:\s+(\d+)/m.exec(text(`/proc/${pid}/status`))?.[1]);

describe('a container', () => {
  it('is created, started, exits and is deleted', async () => {
    const { id, stdout, answer, bundle } = await create({ args: ['sh', '-c', 'echo hello; exit 3'] });
    expect(await runtime.state(id)).toMatchObject({
      id,
      status: 'created',
      pid: answer.pid,
      bundle,
      annotations: { note: 'kept' },
    });
    expect(parentOf(answer.pid)).toBe(answer.monitorPid);
    expect(text(stdout)).toBe('');
    const { steps } = await runtime.start(id);
    const exit = await exitOf(id);
    expect(exit).toMatchObject({ id, execId: '', pid: answer.pid, exitStatus: 3 });
    expect(Math.abs(Number(exit.exitedAtNs / 1_000_000n) - Date.now())).toBeLessThan(5000);
    expect(text(stdout)).toBe('hello\n');
    expect(await runtime.state(id)).toMatchObject({ status: 'stopped' });
    for (const step of [...answer.steps, ...steps]) expect(step.endedNs).toBeGreaterThanOrEqual(step.beganNs);
    expect(answer.steps.length).toBeGreaterThan(0);
    await runtime.delete(id, { force: false });
    await expect(runtime.state(id)).rejects.toMatchObject({ code: 'not-found' });
    // it tells the exit first, and then goes
    await expect.poll(() => existsSync(`/proc/${answer.monitorPid}/exe`)).toBe(false);
  });

  it('tells an exit once, and a signal as a shell does', async () => {
    const { id } = await run({ args: ['sleep', '60'] });
    expect(await runtime.pids(id)).toHaveLength(1);
    await runtime.kill(id, '', 9, false);
    expect(await exitOf(id)).toMatchObject({ exitStatus: 137 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(exits).toHaveLength(1);
  });

  it('says why a command cannot run, before and apart from its exit', async () => {
    await expect(run({ args: ['/bin/none'] })).rejects.toMatchObject({ reason: 'executable-not-found' });
    await expect(run({ args: ['none'] })).rejects.toMatchObject({ reason: 'executable-not-found' });
    await expect(run({ args: ['/bin/not-executable'] })).rejects.toMatchObject({ reason: 'not-executable' });
    await expect(run({ args: ['/bin'] })).rejects.toMatchObject({ reason: 'not-executable' });
  });

  it('has further processes, each with an exit of its own', async () => {
    const { id } = await run({ args: ['sleep', '60'] });
    const stdout = join(scratch, id, 'exec');
    writeFileSync(stdout, '');
    const io: ProcessIo = { stdin: '', stdout, stderr: '', terminal: false };
    const execProcess = JSON.stringify(processOf(['sh', '-c', 'hostname; exit 5']));
    const { pid } = await runtime.exec({ id, execId: 'e1', process: execProcess, io });
    expect(await exitOf(id, 'e1')).toMatchObject({ pid, exitStatus: 5 });
    expect(text(stdout)).toBe('inside\n');
    await runtime.deleteExec(id, 'e1');
    const absent = JSON.stringify(processOf(['/bin/none']));
    await expect(runtime.exec({ id, execId: 'e2', process: absent, io })).rejects.toMatchObject({
      reason: 'executable-not-found',
    });
    const left = readdirSync(join(scratch, 'state', id), { recursive: true, encoding: 'utf8' });
    expect(left.filter((path) => /e[12]/.test(path))).toEqual([]);
    expect(await runtime.state(id)).toMatchObject({ status: 'running' });
  });

  it('is paused and resumed', async () => {
    const { id } = await run({ args: ['sleep', '60'] });
    await runtime.pause(id);
    expect(await runtime.state(id)).toMatchObject({ status: 'paused' });
    await runtime.resume(id);
    expect(await runtime.state(id)).toMatchObject({ status: 'running' });
  });

  it('has figures and limits that can be changed', async () => {
    const memory = { limit: 64 * 1024 * 1024 };
    const { id } = await run({ args: ['sleep', '60'], linux: { resources: { memory, pids: { limit: 20 } } } });
    const stats = await runtime.stats(id);
    expect(stats).toMatchObject({ memory: { limitBytes: memory.limit }, pids: { current: 1, limit: 20 } });
    await runtime.update(id, JSON.stringify({ memory: { limit: 2 * memory.limit }, pids: { limit: 30 } }));
    expect(await runtime.stats(id)).toMatchObject({ memory: { limitBytes: 2 * memory.limit }, pids: { limit: 30 } });
  });

  it('is told of its OOM kill before its exit', async () => {
    const hungry = execFileSync('which', ['python3'], { encoding: 'utf8' }).trim();
    const bundleRoot = { type: 'none', source: '/', options: ['rbind', 'ro'] };
    serial += 1;
    const id = `test-${process.pid}-${serial}`;
    const bundle = join(scratch, id);
    mkdirSync(bundle);
    const wish = {
      args: [hungry, '-c', 'x = bytearray(200 << 20)'],
      linux: { resources: { memory: { limit: 16 << 20, swap: 16 << 20 } } },
    };
    const spec = config(wish, id) as { root: { path: string } };
    spec.root.path = join(bundle, 'rootfs');
    mkdirSync(spec.root.path);
    writeFileSync(join(bundle, 'config.json'), JSON.stringify(spec));
    const io = { stdin: '', stdout: '', stderr: '', terminal: false };
    await runtime.create({ id, bundle, io, rootfs: [{ ...bundleRoot, type: 'bind' }] });
    created.push(id);
    await runtime.start(id);
    const order: string[] = [];
    const exit = await exitOf(id);
    order.push(...ooms);
    expect(exit.exitStatus).toBe(137);
    expect(order).toContain(id);
  });

  it('reads its stdin from a FIFO until told that there is no more', async () => {
    const fifo = join(scratch, `stdin-${serial}`);
    makeFifo(fifo, 0o600);
    const { id, stdout } = await run({ args: ['cat'], io: { stdin: fifo } });
    writeFileSync(fifo, 'through the pipe\n');
    await runtime.closeStdin(id, '');
    expect(await exitOf(id)).toMatchObject({ exitStatus: 0 });
    expect(text(stdout)).toBe('through the pipe\n');
  });

  it('refuses verbs that are not legal now, and ids that are not there', async () => {
    const { id } = await run({ args: ['sleep', '60'] });
    await expect(runtime.start(id)).rejects.toMatchObject({ code: 'failed-precondition' });
    await expect(runtime.delete(id, { force: false })).rejects.toMatchObject({ code: 'failed-precondition' });
    await expect(runtime.kill('none', '', 9, false)).rejects.toMatchObject({ code: 'not-found' });
    await expect(
      runtime.create({
        id,
        bundle: join(scratch, id),
        io: { stdin: '', stdout: '', stderr: '', terminal: false },
        rootfs: [],
      }),
    ).rejects.toMatchObject({ code: 'already-exists' });
    await runtime.delete(id, { force: true });
  });

  it('names a bad configuration', async () => {
    const bundle = join(scratch, 'bad');
    mkdirSync(bundle, { recursive: true });
    writeFileSync(join(bundle, 'config.json'), '{"ociVersion": "1.0.2", "process": {"args": 1}}');
    const io = { stdin: '', stdout: '', stderr: '', terminal: false };
    await expect(runtime.create({ id: 'bad', bundle, io, rootfs: [] })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });
});

describe('a creation that was killed', () => {
  it('is deleted with the init that it had made and not yet noted', async () => {
    const { id, answer } = await create({ args: ['sleep', '60'] });
    const path = join(scratch, 'state', id, 'state.json');
    const record = JSON.parse(readFileSync(path, 'utf8'));
    Object.assign(record.process, { pid: 0, startTime: 0, monitorPid: 0, monitorStartTime: 0 });
    writeFileSync(path, JSON.stringify(record));
    await runtime.delete(id, { force: true });
    expect(existsSync(`/proc/${answer.pid}`)).toBe(false);
  });
});

describe('a root filesystem that only the container has mounted', () => {
  it('is let go of with the exit, also when its output waits for a reader', async () => {
    const fifo = join(scratch, 'unread');
    makeFifo(fifo, 0o600);
    const [upper, work] = ['upper', 'work'].map((name) => join(scratch, 'overlay', name)) as [string, string];
    for (const layer of [upper, work]) mkdirSync(layer, { recursive: true });
    const options = [`lowerdir=${rootfs}`, `upperdir=${upper}`, `workdir=${work}`];
    const { id, answer } = await create({
      args: ['echo', 'kept'],
      io: { stdout: fifo, stderr: '' },
      rootfs: [{ type: 'overlay', source: 'overlay', options }],
    });
    const descriptors = `/proc/${answer.monitorPid}/fd`;
    const openFiles = () => readdirSync(descriptors).map((fd) => readlinkSync(join(descriptors, fd)));
    expect(openFiles()).toContain('/');
    await runtime.start(id);
    await exitOf(id);
    await runtime.delete(id, { force: false });
    // by now nothing of it is left, although the monitor stays for the line that nobody has read
    expect(openFiles()).toContain(fifo);
    expect(openFiles()).not.toContain('/');
    expect(readFileSync(fifo, 'utf8')).toBe('kept\n');
  });
});

describe('adoption', () => {
  it('finds the processes of a runtime that is gone, the ended ones with their exit', async () => {
    const { id, answer } = await run({ args: ['sleep', '60'] });
    runtime.close();
    const other = open();
    try {
      const [init] = await other.adopt(id);
      expect(init).toMatchObject({ execId: '', pid: answer.pid, monitorPid: answer.monitorPid });
      expect(await other.adopt(id)).toHaveLength(1);
      await other.kill(id, '', 15, false);
      await other.kill(id, '', 9, false);
      expect(await exitOf(id)).toMatchObject({ exitStatus: 137 });
      const [ended] = await other.adopt(id);
      expect(ended?.exit).toMatchObject({ exitStatus: 137 });
    } finally {
      other.close();
    }
    runtime = open();
  });

  it('lets the process end that watches only', () => {
    const script = `import { openRuntime } from ${JSON.stringify(join(repository, 'packages/linux/src/runtime-manager.ts'))};
      openRuntime({ root: '/tmp', tsrunc: '/bin/true', onExit: () => {} });`;
    const { status, signal } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], {
      timeout: 10_000,
    });
    expect({ status, signal }).toEqual({ status: 0, signal: null });
  });
});

describe('hooks', () => {
  const kinds = ['prestart', 'createRuntime', 'createContainer', 'poststart', 'poststop'] as const;
  const shellHook = (script: string) => ({ path: '/bin/sh', args: ['sh', '-c', script], timeout: 5 });

  it('run under a monitor and in this process, several containers at once', async () => {
    const log = join(scratch, 'hooks');
    writeFileSync(log, '');
    const say = (kind: string) => shellHook(`read state; echo ${kind} "$state" >> ${log}`);
    const hooks = Object.fromEntries(kinds.map((kind) => [kind, [say(kind)]]));
    const containers = await Promise.all([1, 2, 3].map(() => run({ args: ['sleep', '60'], hooks })));
    for (const { id } of containers) {
      await runtime.kill(id, '', 9, false);
      await exitOf(id);
      expect(await runtime.delete(id, { force: false })).toEqual([]);
    }
    for (const { id, answer } of containers) {
      const lines = text(log)
        .split('\n')
        .filter((line) => line.includes(`"${id}"`));
      expect(lines.map((line) => line.split(' ')[0])).toEqual([...kinds]);
      expect(lines[0]).toContain(`"pid":${answer.pid}`);
      expect(lines[2]).toContain('"pid":1,');
    }
  });

  it('that fail: create and start reject and nothing runs, poststop is a warning', async () => {
    const hooks = (kind: string) => ({ [kind]: [shellHook('echo no >&2; exit 3')] });
    await expect(create({ args: ['true'], hooks: hooks('prestart') })).rejects.toThrow('exit status 3: no');
    await expect(create({ args: ['true'], hooks: hooks('createContainer') })).rejects.toThrow('exit status 3: no');
    const started = await create({ args: ['sleep', '60'], hooks: hooks('poststart') });
    await expect(runtime.start(started.id)).rejects.toThrow('exit status 3: no');
    expect(await exitOf(started.id)).toMatchObject({ exitStatus: 137 });
    const ended = await run({ args: ['true'], hooks: hooks('poststop') });
    await exitOf(ended.id);
    expect(await runtime.delete(ended.id, { force: false })).toEqual([expect.stringContaining('exit status 3: no')]);
  });
});
