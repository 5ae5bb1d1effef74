// Runtimes that an administrator names (--add-runtime, daemon.json), beside the real dockerd: who is called, what users see.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { addNetworkNamespace } from '../harness/network-namespace.ts';
import { type RealDockerd, startRealDockerd } from '../harness/real-dockerd.ts';
import { binDirectory } from '../harness/repository.ts';
import { type Stack, startStack } from '../harness/stack.ts';
import { startForeignContainerd } from './foreign-containerd.ts';

interface Side {
  daemon: Stack | RealDockerd;
  /** One call of the runtime a line. */
  callsFile: string;
}

let scratch: string;
const sides: Side[] = [];

/** crun refuses a hybrid cgroup hierarchy; without sight of the v2 half this machine is a pure v1 one. */
const crunAlone = {
  path: 'unshare',
  runtimeArgs: ['--mount', 'sh', '-c', 'umount -l /sys/fs/cgroup/unified; exec crun "$0" "$@"'],
};

/** A daemon.json with a runtime of arguments, and others. */
function writeConfiguration(directory: string, runtimes: object, word: string): string {
  const file = join(directory, 'daemon.json');
  const noting = { path: join(directory, 'noting-runc'), runtimeArgs: ['--extra', word] };
  writeFileSync(file, JSON.stringify({ runtimes: { 'with-arguments': noting, ...runtimes } }));
  return file;
}

/** A program that notes how it is called, and is runc; its flags and configuration file. */
function prepare(name: string, runtimes: object): { callsFile: string; flags: string[] } {
  const directory = join(scratch, name);
  mkdirSync(directory);
  const callsFile = join(directory, 'calls');
  const program = join(directory, 'noting-runc');
  const text = `#!/bin/sh\necho "$@" >> ${callsFile}\n[ "$1" = --extra ] && shift 2\nexec runc "$@"\n`;
  writeFileSync(program, text, { mode: 0o755 });
  writeFileSync(callsFile, '');
  return { callsFile, flags: ['--config-file', writeConfiguration(directory, runtimes, 'word')] };
}

beforeAll(async () => {
  scratch = mkdtempSync('/tmp/tsc-runtimes-');
  // dockerd takes them from one of both places, the flag or the file
  const theirs = prepare('dockerd', { noting: { path: join(scratch, 'dockerd/noting-runc') } });
  const dockerd = await startRealDockerd(['--bridge=none', '--iptables=false', ...theirs.flags]);
  sides.push({ daemon: dockerd, callsFile: theirs.callsFile });
  const shim = { runtimeType: 'io.containerd.ts.v2', options: { BinaryName: 'runc', Root: join(scratch, 'root') } };
  const ours = prepare('tsengined', { crun: crunAlone, 'by-shim': shim });
  const added = [`Noting=${join(scratch, 'tsengined/noting-runc')}`, `tsrunc=${join(binDirectory, 'tsrunc')}`];
  const engineFlags = [...ours.flags, ...added.flatMap((text) => ['--add-runtime', text])];
  const stack = await startStack({ engineFlags, readyTimeoutMs: 60_000 });
  sides.push({ daemon: stack, callsFile: ours.callsFile });
  for (const { daemon } of sides) await daemon.docker(['load', '-q', '-i', await busyboxArchive()]);
}, 180_000);
afterAll(async () => {
  for (const { daemon } of sides) await daemon.stop();
  rmSync(scratch, { recursive: true, force: true });
});

async function onBoth<T>(work: (side: Side) => Promise<T>): Promise<T> {
  const [theirs, ours] = [await work(sides[0] as Side), await work(sides[1] as Side)];
  expect(ours).toEqual(theirs);
  return ours;
}

const ours = () => sides[1]?.daemon as Stack;

/** The verbs that it was called with for a container, each once, with what stood before them of ours. */
function verbsOf({ callsFile }: Side, id: string): string[] {
  const calls = readFileSync(callsFile, 'utf8').trim().split('\n');
  const verbs = calls
    .filter((call) => call.includes(id))
    .map((call) => [/^--extra \w+/.exec(call)?.[0], / (create|start|exec|kill|delete) /.exec(call)?.[1]])
    .filter(([, verb]) => verb !== undefined)
    .map((words) => words.filter((word) => word !== undefined).join(' '));
  return [...new Set(verbs)].sort();
}

describe('a runtime', () => {
  it.each(['noting', 'with-arguments'])('that is a program: %s', async (name) => {
    const seen = await onBoth(async (side) => {
      const { daemon } = side;
      const flags = ['--runtime', name, '--network', 'none', '--name', name];
      const started = await daemon.docker(['run', '-d', ...flags, 'busybox', 'sleep', '1000']);
      const ran = await daemon.docker(['exec', name, 'sh', '-c', 'echo out; exit 3']);
      const told = await daemon.docker(['inspect', '-f', '{{.HostConfig.Runtime}} {{.State.Status}}', name]);
      const removed = await daemon.docker(['rm', '-f', name]);
      return {
        codes: [started.code, ran.code, removed.code],
        texts: [ran.stdout, told.stdout],
        verbs: await until('deleted', 10_000, () => {
          // tsengined answers a removal before that
          const verbs = verbsOf(side, started.stdout.trim());
          return verbs.some((verb) => verb.endsWith('delete')) ? verbs : undefined;
        }),
      };
    });
    const before = name === 'noting' ? '' : '--extra word ';
    expect(seen.codes).toEqual([0, 3, 0]);
    expect(seen.texts).toEqual(['out\n', `${name} running\n`]);
    expect(seen.verbs).toEqual(expect.arrayContaining([`${before}create`, `${before}exec`, `${before}delete`]));
  });

  it.each(['crun', 'tsrunc', 'by-shim', 'runc', 'io.containerd.ts.v2'])(
    'that stands beside others: %s',
    async (name) => {
      const script = 'cat /proc/self/cgroup | wc -l; exit 5';
      const result = await ours().docker(['run', '--rm', '--runtime', name, 'busybox', 'sh', '-c', script]);
      expect([result.stderr, result.code]).toEqual(['', 5]);
    },
  );

  it('that is not known is refused, and leaves no container', async () => {
    for (const { daemon } of sides) {
      const command = ['create', '--name', 'unknown', '--runtime', 'nosuch', 'busybox', 'true'];
      const { code, stderr } = await daemon.docker(command);
      expect([code, stderr]).toEqual([1, expect.stringMatching(/(nknown|invalid) runtime.*nosuch/)]);
      expect((await daemon.docker(['inspect', 'unknown'])).code).toBe(1);
    }
    const path = await ours().docker(['create', '--runtime', '/tmp/my.v2', 'busybox', 'true']);
    expect([path.code, path.stderr]).toEqual([1, expect.stringContaining('invalid runtime name: /tmp/my.v2')]);
  });

  it('is told by info', async () => {
    for (const { daemon } of sides) {
      const { stdout } = await daemon.docker(['info', '-f', '{{json .Runtimes}}']);
      const runtimes = JSON.parse(stdout) as Record<string, { path: string; runtimeArgs?: string[] }>;
      expect(runtimes).toMatchObject({
        runc: { path: 'runc' },
        'io.containerd.runc.v2': { path: 'runc' },
        noting: { path: expect.stringMatching(/noting-runc$/) },
        'with-arguments': { path: expect.stringMatching(/noting-runc$/), runtimeArgs: ['--extra', 'word'] },
      });
    }
  });
});

describe('a runtime that the administrator changes', () => {
  it('is another one at the next start, or none', async () => {
    const side = sides[1] as Side;
    const made = [];
    for (const name of ['with-arguments', 'by-shim', 'noting']) {
      const command = ['create', '--network', 'none', '--runtime', name, 'busybox', 'true'];
      made.push((await ours().docker(command)).stdout.trim());
    }
    const [changed = '', gone = '', other = ''] = made;
    // `noting` is the flag's already
    writeConfiguration(join(scratch, 'tsengined'), {}, 'changed');
    await ours().kill('tsengined');
    await ours().startEngine(60_000);
    for (const id of [changed, other]) expect((await ours().docker(['start', '-a', id])).code).toBe(0);
    expect(verbsOf(side, changed)).toContain('--extra changed create');
    expect(verbsOf(side, other)).toContain('create');
    const refused = await ours().docker(['start', gone]);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('invalid runtime name: by-shim')]);
  });
});

describe('on another’s containerd', () => {
  it('is driven by the shim that every containerd has', async () => {
    const foreign = await startForeignContainerd();
    try {
      const { callsFile, flags } = prepare('foreign', {});
      const address = join(foreign.directory, 'containerd.sock');
      const defaults = ['--containerd', address, '--default-runtime', 'with-arguments'];
      const stack = await startStack({ engineFlags: [...flags, ...defaults], readyTimeoutMs: 60_000 });
      try {
        await stack.docker(['load', '-q', '-i', await busyboxArchive()]);
        const ran = await stack.docker(['run', '--name', 'box', 'busybox', 'sh', '-c', 'ip route; exit 4']);
        expect([ran.code, ran.stdout, ran.stderr]).toEqual([4, expect.stringContaining('default via'), '']);
        const id = (await stack.docker(['inspect', '-f', '{{.Id}}', 'box'])).stdout.trim();
        expect(verbsOf({ daemon: stack, callsFile }, id)).toContain('--extra word create');
        expect((await stack.api('GET', '/info')).body.DefaultRuntime).toBe('with-arguments');
      } finally {
        await stack.stop();
      }
    } finally {
      await foreign.stop();
    }
  });
});

describe('an engine', () => {
  it.each([
    [['--add-runtime', 'runc=/usr/bin/runc'], "runtime name 'runc' is reserved"],
    [['--add-runtime', 'noname'], 'invalid runtime argument: noname'],
    [['--default-runtime', 'nosuch'], "specified default runtime 'nosuch' does not exist"],
  ])('does not start with %j, as dockerd does not', async (flags, words) => {
    const network = await addNetworkNamespace();
    try {
      const roots = ['--data-root', join(scratch, 'none'), '--exec-root', join(scratch, 'none/exec')];
      for (const program of ['/usr/sbin/dockerd', join(binDirectory, 'tsengined')]) {
        const socket = ['-H', `unix://${join(scratch, 'none.sock')}`, '--pidfile', join(scratch, 'none.pid')];
        const [file, args] = network.enter(program, [...socket, ...roots, ...flags]);
        const { code, stderr } = await run(file, args);
        expect([code, stderr]).toEqual([expect.any(Number), expect.stringContaining(words)]);
        expect(code).not.toBe(0);
      }
    } finally {
      await network.remove();
    }
  });
});
