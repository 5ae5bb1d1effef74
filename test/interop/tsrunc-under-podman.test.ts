// Debian's podman (4.3, with conmon) and `--runtime tsrunc`: run, exec, pause, update's kin, stats, logs, clean removal.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandResult, run, until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { addNetworkNamespace, type NetworkNamespace } from '../harness/network-namespace.ts';
import { binDirectory } from '../harness/repository.ts';
import { leftovers, removeCgroupParent } from '../harness/runtime-leftovers.ts';

const directory = mkdtempSync('/tmp/tsc-podman-');
const cgroupParent = `tsc-podman-${process.pid}`;
let network: NetworkNamespace;
let before: string[];

function podmanResult(...args: string[]): Promise<CommandResult> {
  const [file, all] = network.enter('/usr/bin/podman', [
    `--runtime=${join(binDirectory, 'tsrunc')}`,
    `--root=${join(directory, 'root')}`,
    `--runroot=${join(directory, 'run')}`,
    `--tmpdir=${join(directory, 'tmp')}`,
    '--cgroup-manager=cgroupfs',
    '--events-backend=none',
    ...args,
  ]);
  return run(file, all, { env: { CONTAINERS_CONF: join(directory, 'containers.conf') }, timeoutMs: 60_000 });
}

async function podman(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await podmanResult(...args);
  if (code !== 0) throw new Error(`podman ${args.join(' ')}: exit ${code}: ${stderr}`);
  return stdout.trim();
}
const flags = ['--network=none', `--cgroup-parent=/${cgroupParent}`];

beforeAll(async () => {
  network = await addNetworkNamespace();
  for (const name of ['root', 'run', 'tmp']) mkdirSync(join(directory, name));
  // Without the named resource controllers podman makes plain directories for conmon, which it cannot remove again.
  writeFileSync(join(directory, 'containers.conf'), '[containers]\ncgroups = "no-conmon"\n');
  await podman('load', '-i', await busyboxArchive());
  before = leftovers(directory, cgroupParent);
});
afterAll(async () => {
  await podmanResult('rm', '-fa', '-t', '0');
  await podmanResult('system', 'reset', '-f');
  for (const line of leftovers(directory, cgroupParent).reverse()) {
    const [kind, path = ''] = line.split(' ');
    if (kind === 'mount') await run('umount', ['-l', path]);
  }
  removeCgroupParent(cgroupParent);
  await network.remove();
  rmSync(directory, { recursive: true, force: true });
});

describe('podman --runtime tsrunc', () => {
  it('runs a command to its end and gives its exit code', async () => {
    expect(await podman('run', '--rm', ...flags, 'busybox', 'echo', 'hello')).toBe('hello');
    expect((await podmanResult('run', '--rm', ...flags, 'busybox', 'sh', '-c', 'exit 42')).code).toBe(42);
    expect(await podman('run', '--rm', ...flags, '-u', '12:34', 'busybox', 'id', '-u')).toBe('12');
  });

  it('says 127 for a command that is not there', async () => {
    expect((await podmanResult('run', '--rm', ...flags, 'busybox', 'no-such-command')).code).toBe(127);
  });

  it('keeps what the container wrote in the log', async () => {
    await podman('run', '--name', 'logged', ...flags, 'busybox', 'sh', '-c', 'echo out; echo err >&2');
    expect(await podmanResult('logs', 'logged')).toMatchObject({ stdout: 'out\n', stderr: 'err\n' });
    await podman('rm', 'logged');
  });

  describe('a container that runs on', () => {
    beforeAll(async () => {
      await podman('run', '-d', '--name', 'live', '--memory=64m', ...flags, 'busybox', 'sleep', '1000');
    });
    afterAll(async () => {
      await podman('rm', '-f', '-t', '0', 'live');
    });

    it('is the given runtime that runs it', async () => {
      expect(await podman('inspect', '-f', '{{.OCIRuntime}}', 'live')).toBe(join(binDirectory, 'tsrunc'));
    });

    it('runs further processes in it', async () => {
      expect(await podman('exec', 'live', 'echo', 'inside')).toBe('inside');
      expect((await podmanResult('exec', 'live', 'sh', '-c', 'exit 9')).code).toBe(9);
      expect((await podmanResult('exec', 'live', 'no-such')).code).toBe(127);
      expect(await podman('exec', '-t', 'live', 'tty')).toMatch(/^\/dev\/pts\/\d+$/);
    });

    it('stands still while it is paused', async () => {
      await podman('pause', 'live');
      expect(await podman('inspect', '-f', '{{.State.Status}}', 'live')).toBe('paused');
      await podman('unpause', 'live');
      expect(await podman('exec', 'live', 'echo', 'again')).toBe('again');
    });

    it('takes new limits', async () => {
      await podman('update', '--memory=96m', '--cpu-shares=512', 'live');
      const files = '/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.shares';
      expect(await podman('exec', 'live', 'sh', '-c', `cat ${files}`)).toBe(`${96 << 20}\n512`);
    });

    it('has statistics and processes', async () => {
      expect(await podman('stats', '--no-stream', '--format', '{{.Name}} {{.PIDs}}', 'live')).toBe('live 1');
      expect(await podman('top', 'live')).toContain('sleep 1000');
    });

    it('ends by a signal', async () => {
      await podman('kill', '-s', 'KILL', 'live');
      expect(await podman('wait', 'live')).toBe('137');
      await podman('start', 'live');
      expect(await podman('inspect', '-f', '{{.State.Status}}', 'live')).toBe('running');
    });
  });

  it('runs a pod, whose containers share namespaces by path', async () => {
    const pod = ['--network=none', '--infra=true', `--cgroup-parent=/${cgroupParent}`];
    const made = await podmanResult(
      'pod',
      'create',
      '--name',
      'pod',
      ...pod,
      '--infra-image=busybox',
      '--infra-command=sleep 1000',
    );
    expect(made.code, made.stderr).toBe(0);
    expect(await podman('run', '--rm', '--pod', 'pod', 'busybox', 'hostname')).toBe('pod');
    await podman('pod', 'rm', '-f', '-t', '0', 'pod');
  });

  it('leaves nothing behind', async () => {
    expect(await podman('ps', '-aq')).toBe('');
    const left = () => leftovers(directory, cgroupParent).filter((line) => !before.includes(line));
    await until('conmon gone', 10_000, () => (left().length === 0 ? true : undefined)).catch(() => undefined);
    expect(left()).toEqual([]);
  });
});
