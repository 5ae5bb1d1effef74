// Debian's containerd (1.6), its shim and ctr with `--runc-binary tsrunc`: run, exec, pause, metrics, kill, clean removal.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandResult, run, runOk, until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import { binDirectory } from '../harness/repository.ts';
import { leftovers, removeCgroupParent } from '../harness/runtime-leftovers.ts';

const daemon = new LifecycleDaemon({ isReal: true });
const work = mkdtempSync('/tmp/tsc-ctr-');
const image = 'docker.io/library/busybox:latest';
const cgroupParent = `tsc-ctr-${process.pid}`;
const base = () => ['--address', daemon.address, '--namespace', daemon.namespace];

const ctr = async (...args: string[]) => (await runOk('/usr/bin/ctr', [...base(), ...args])).trim();
const ctrResult = (...args: string[]): Promise<CommandResult> => run('/usr/bin/ctr', [...base(), ...args]);
const runFlags = (id: string) => [
  '--runtime',
  'io.containerd.runc.v2',
  '--runc-binary',
  join(binDirectory, 'tsrunc'),
  '--cgroup',
  `/${cgroupParent}/${id}`,
];
let before: string[];

beforeAll(async () => {
  await daemon.start();
  const archive = join(work, 'busybox-oci.tar');
  await runOk('skopeo', ['copy', `docker-archive:${await busyboxArchive()}`, `oci-archive:${archive}:${image}`]);
  await ctr('images', 'import', archive);
  before = leftovers(daemon.directory, cgroupParent);
});
afterAll(async () => {
  await daemon.stop();
  removeCgroupParent(cgroupParent);
  rmSync(work, { recursive: true, force: true });
});

describe('ctr run --runc-binary tsrunc', () => {
  it('runs a command to its end and gives its exit code', async () => {
    expect(await ctr('run', '--rm', ...runFlags('one'), image, 'one', 'echo', 'hello')).toBe('hello');
    expect((await ctrResult('run', '--rm', ...runFlags('two'), image, 'two', 'sh', '-c', 'exit 42')).code).toBe(42);
  });

  it('says what is wrong in the words of the runtime', async () => {
    const { code, stderr } = await ctrResult('run', '--rm', ...runFlags('bad'), image, 'bad', 'no-such-command');
    expect(code).toBe(1);
    expect(stderr).toContain('no-such-command');
    expect(stderr).toContain('executable file not found');
    await ctrResult('containers', 'rm', 'bad');
  });

  it("uses Docker's seccomp profile when told to", async () => {
    const { stderr } = await ctrResult(
      'run',
      '--rm',
      '--seccomp',
      ...runFlags('sec'),
      image,
      'sec',
      'unshare',
      '-U',
      'true',
    );
    expect(stderr).toMatch(/unshare.*(Operation not permitted|not found)/);
  });

  describe('a task that runs on', () => {
    const more = (...args: string[]) => ['run', '-d', ...args, ...runFlags('live'), image, 'live', 'sleep', '1000'];
    beforeAll(async () => {
      await ctr(...more('--memory-limit', String(64 << 20)));
    });
    afterAll(async () => {
      await ctrResult('task', 'rm', '-f', 'live');
      await ctrResult('containers', 'rm', 'live');
    });

    it('runs further processes in it', async () => {
      expect(await ctr('task', 'exec', '--exec-id', 'e1', 'live', 'echo', 'inside')).toBe('inside');
      expect((await ctrResult('task', 'exec', '--exec-id', 'e2', 'live', 'sh', '-c', 'exit 9')).code).toBe(9);
      const missing = await ctrResult('task', 'exec', '--exec-id', 'e3', 'live', 'no-such');
      expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('executable file not found') });
      expect(
        await ctr('task', 'exec', '--user', '7:8', '--cwd', '/bin', '--exec-id', 'e4', 'live', 'sh', '-c', 'pwd'),
      ).toBe('/bin');
    });

    it('is listed with its processes', async () => {
      expect(await ctr('task', 'ls')).toMatch(/^live +\d+ +RUNNING$/m);
      expect((await ctr('task', 'ps', 'live')).split('\n')).toHaveLength(2);
    });

    it('stands still while it is paused', async () => {
      await ctr('task', 'pause', 'live');
      expect(await ctr('task', 'ls')).toMatch(/^live +\d+ +PAUSED$/m);
      await ctr('task', 'resume', 'live');
      expect(await ctr('task', 'ls')).toMatch(/^live +\d+ +RUNNING$/m);
    });

    it('has metrics', async () => {
      const metrics = await ctr('task', 'metrics', 'live');
      expect(metrics).toMatch(/memory\.usage_in_bytes +[1-9]\d*/);
      expect(metrics).toMatch(/pids\.current +1\b/);
    });

    it('ends by a signal', async () => {
      await ctr('task', 'kill', '-s', 'SIGKILL', 'live');
      await until('stopped', 5000, async () => (/STOPPED/.test(await ctr('task', 'ls')) ? true : undefined));
      expect((await ctrResult('task', 'rm', 'live')).code).toBe(0);
    });
  });

  it('leaves nothing behind', async () => {
    expect(await ctr('task', 'ls', '-q')).toBe('');
    const left = () => leftovers(daemon.directory, cgroupParent).filter((line) => !before.includes(line));
    await until('shims gone', 10_000, () => (left().length === 0 ? true : undefined)).catch(() => undefined);
    expect(left()).toEqual([]);
  });
});
