// Debian's docker client (20.10) against our engine: run, ps, exec, logs, stop, rm, images, load, and what stands around them.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { leaksBetween, type MachineSnapshot, snapshotMachine } from '../harness/leak-check.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let before: MachineSnapshot;
let scratch: string;

beforeAll(async () => {
  const archive = await busyboxArchive();
  before = snapshotMachine();
  scratch = mkdtempSync('/tmp/tsc-docker-client-');
  stack = await startStack();
  const loaded = await stack.docker(['load', '-i', archive]);
  expect(loaded.stderr + loaded.stdout).toContain('Loaded image: busybox:latest');
});

afterAll(async () => {
  await stack?.stop();
  rmSync(scratch, { recursive: true, force: true });
  expect(leaksBetween(before, snapshotMachine())).toEqual([]);
});

const runArgs = (...args: string[]) => ['run', '--network', 'none', ...args];

describe('docker 20.10', () => {
  it('is the client that it should be', async () => {
    expect((await stack.docker(['version', '--format', '{{.Client.Version}}'])).stdout).toMatch(/^20\.10\./);
    expect((await stack.docker(['info', '--format', '{{.Driver}}'])).stdout.trim()).toBe('overlayfs');
  });

  it('lists the image', async () => {
    expect((await stack.docker(['images', '--format', '{{.Repository}}:{{.Tag}}'])).stdout.split('\n')).toContain(
      'busybox:latest',
    );
  });

  it('runs: output, standard error, exit code', async () => {
    const result = await stack.docker(runArgs('--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 7'));
    expect(result).toEqual({ stdout: 'out\n', stderr: 'err\n', code: 7 });
  });

  it('feeds standard input with -i', async () => {
    const result = await stack.docker(runArgs('--rm', '-i', 'busybox', 'cat'), {
      input: 'one\ntwo\n',
    });
    expect(result).toEqual({ stdout: 'one\ntwo\n', stderr: '', code: 0 });
  });

  it('ends standard input that has nothing in it', async () => {
    const result = await stack.docker(runArgs('--rm', '-i', 'busybox', 'cat'), { input: '', timeoutMs: 10_000 });
    expect(result).toEqual({ stdout: '', stderr: '', code: 0 });
  });

  it('runs as a user, in a directory, with an environment and a host name', async () => {
    const result = await stack.docker(
      runArgs(
        '--rm',
        '-u',
        'app',
        '-w',
        '/tmp',
        '-e',
        'A=b c',
        '-h',
        'box',
        'busybox',
        'sh',
        '-c',
        'id -u; id -G; pwd; echo $A; hostname',
      ),
    );
    expect(result).toEqual({
      stdout: '1000\n1000 10\n/tmp\nb c\nbox\n',
      stderr: '',
      code: 0,
    });
  });

  it('mounts volumes, read-only roots and tmpfs', async () => {
    const result = await stack.docker(
      runArgs(
        '--rm',
        '-v',
        `${scratch}:/data`,
        '--read-only',
        '--tmpfs',
        '/scratch',
        'busybox',
        'sh',
        '-c',
        'echo hi > /data/f; echo x > /scratch/y && touch /nope',
      ),
    );
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('Read-only file system');
    expect((await stack.docker(runArgs('--rm', '-v', `${scratch}:/data:ro`, 'busybox', 'cat', '/data/f'))).stdout).toBe(
      'hi\n',
    );
  });

  it('limits memory, cpu and pids', async () => {
    const read =
      'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/pids/pids.max';
    const result = await stack.docker(
      runArgs('--rm', '--memory', '64m', '--cpus', '0.5', '--pids-limit', '40', 'busybox', 'sh', '-c', read),
    );
    expect(result.stdout).toBe('67108864\n50000\n40\n');
  });

  it('runs detached: ps, exec, top, logs, inspect, stop, rm', async () => {
    const started = await stack.docker(
      runArgs(
        '-d',
        '--name',
        'worker',
        'busybox',
        'sh',
        '-c',
        'trap "exit 3" TERM; echo ready; while :; do sleep 0.05; done',
      ),
    );
    expect(started.code, started.stderr).toBe(0);
    await until('ready', 5000, async () =>
      (await stack.docker(['logs', 'worker'])).stdout === 'ready\n' ? true : undefined,
    );
    expect((await stack.docker(['ps', '--format', '{{.Names}} {{.Image}} {{.State}}'])).stdout).toBe(
      'worker busybox running\n',
    );
    expect(await stack.docker(['exec', '-e', 'X=1', 'worker', 'sh', '-c', 'echo $X; exit 5'])).toEqual({
      stdout: '1\n',
      stderr: '',
      code: 5,
    });
    expect((await stack.docker(['exec', 'worker', 'no-such'])).code).toBe(127);
    expect((await stack.docker(['top', 'worker'])).stdout).toContain('sh -c');
    expect(
      (await stack.docker(['inspect', '--format', '{{.State.Status}} {{.HostConfig.NetworkMode}}', 'worker'])).stdout,
    ).toBe('running none\n');
    expect((await stack.docker(['pause', 'worker'])).code).toBe(0);
    expect((await stack.docker(['ps', '--format', '{{.Status}}'])).stdout).toContain('(Paused)');
    expect((await stack.docker(['unpause', 'worker'])).code).toBe(0);
    expect((await stack.docker(['rename', 'worker', 'hand'])).code).toBe(0);
    expect((await stack.docker(['stop', 'hand'])).stdout).toBe('hand\n');
    expect((await stack.docker(['wait', 'hand'])).stdout).toBe('3\n');
    expect((await stack.docker(['ps', '-a', '--format', '{{.Names}} {{.Status}}'])).stdout).toContain(
      'hand Exited (3)',
    );
    expect((await stack.docker(['start', 'hand'])).code).toBe(0);
    expect((await stack.docker(['kill', 'hand'])).code).toBe(0);
    expect((await stack.docker(['rm', '-f', 'hand'])).stdout).toBe('hand\n');
  });

  it('gives 125, 126 and 127 where docker does', async () => {
    expect((await stack.docker(runArgs('--rm', 'busybox', 'no-such-command'))).code).toBe(127);
    expect((await stack.docker(runArgs('--rm', 'busybox', '/etc/not-executable'))).code).toBe(126);
    expect((await stack.docker(runArgs('--rm', '--memory', '1k', 'busybox', 'true'))).code).toBe(125);
  });

  it('tells events and saves what it loaded', async () => {
    const events = await stack.docker([
      'events',
      '--since',
      '1h',
      '--until',
      '0s',
      '--filter',
      'event=die',
      '--format',
      '{{.Action}}',
    ]);
    expect(events.stdout).toContain('die');
    const archive = join(scratch, 'saved.tar');
    expect((await stack.docker(['tag', 'busybox', 'other:1'])).code).toBe(0);
    expect((await stack.docker(['save', '-o', archive, 'other:1'])).code).toBe(0);
    expect((await stack.docker(['rmi', 'other:1'])).stdout).toContain('Untagged: other:1');
    expect((await stack.docker(['load', '-i', archive])).stdout).toContain('Loaded image: other:1');
    expect((await stack.docker(['rmi', 'other:1'])).code).toBe(0);
  });
});
