// Debian's dockerd (20.10) with tsrunc as a further runtime: what its users do all day, and that nothing stays behind.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { type RealDockerd, startRealDockerd } from '../harness/real-dockerd.ts';
import { binDirectory } from '../harness/repository.ts';
import { leftovers, removeCgroupParent } from '../harness/runtime-leftovers.ts';

let dockerd: RealDockerd;
let before: string[];
const cgroupParent = `tsc-dockerd-${process.pid}`;

async function docker(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await dockerd.docker(args);
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: exit ${code}: ${stderr}`);
  return stdout.trim();
}
const runTs = (...args: string[]) => docker('run', '--runtime', 'ts', '--network', 'none', ...args);

beforeAll(async () => {
  dockerd = await startRealDockerd([
    '--bridge=none',
    '--iptables=false',
    `--cgroup-parent=/${cgroupParent}`,
    '--add-runtime',
    `ts=${join(binDirectory, 'tsrunc')}`,
  ]);
  await docker('load', '-i', await busyboxArchive());
  await docker('run', '--rm', '--network', 'none', 'busybox', 'true');
  before = leftovers(dockerd.directory, cgroupParent);
});
afterAll(async () => {
  await dockerd?.stop();
  removeCgroupParent(cgroupParent);
});

describe('dockerd --add-runtime ts=tsrunc', () => {
  it('runs a command: output, exit code, signal, environment, user, directory', async () => {
    expect(await runTs('--rm', 'busybox', 'echo', 'hello')).toBe('hello');
    expect(
      (await dockerd.docker(['run', '--runtime', 'ts', '--network', 'none', '--rm', 'busybox', 'sh', '-c', 'exit 42']))
        .code,
    ).toBe(42);
    expect(
      await runTs(
        '--rm',
        '-e',
        'A=b',
        '-u',
        '1234:99',
        '-w',
        '/tmp',
        'busybox',
        'sh',
        '-c',
        'echo $A $(id -u):$(id -g) $(pwd)',
      ),
    ).toBe('b 1234:99 /tmp');
    expect(await runTs('--rm', '--cap-drop', 'ALL', 'busybox', 'grep', 'CapEff', '/proc/self/status')).toMatch(
      /0{16}$/,
    );
  });

  it('says 127 for a command that is not there and 126 for one that may not be run', async () => {
    const missing = await dockerd.docker(['run', '--runtime', 'ts', '--network', 'none', '--rm', 'busybox', 'no-such']);
    expect(missing).toMatchObject({ code: 127, stderr: expect.stringContaining('no-such') });
    const forbidden = await dockerd.docker(['run', '--runtime', 'ts', '--network', 'none', '--rm', 'busybox', '/etc']);
    expect(forbidden.code).toBe(126);
  });

  it('gives a terminal of the size asked for', async () => {
    expect(await runTs('--rm', '-t', 'busybox', 'sh', '-c', 'tty && test -t 1 && echo terminal')).toMatch(
      /^\/dev\/(pts\/0|console)\r\nterminal$/,
    );
  });

  it('keeps what the container wrote in the log', async () => {
    await runTs('--name', 'logged', 'busybox', 'sh', '-c', 'for i in 1 2 3; do echo out $i; echo err $i >&2; done');
    const { stdout, stderr } = await dockerd.docker(['logs', 'logged']);
    expect([stdout, stderr]).toEqual(['out 1\nout 2\nout 3\n', 'err 1\nerr 2\nerr 3\n']);
    await docker('rm', 'logged');
  });

  describe('a container that runs on', () => {
    beforeAll(async () => {
      await runTs('-d', '--name', 'live', '--memory', '64m', '--pids-limit', '50', 'busybox', 'sleep', '1000');
    });
    afterAll(async () => {
      await docker('rm', '-f', 'live');
    });

    it('runs further processes in it', async () => {
      expect(await docker('exec', 'live', 'echo', 'inside')).toBe('inside');
      expect(
        await docker('exec', '-u', '7', '-e', 'X=y', '-w', '/bin', 'live', 'sh', '-c', 'echo $(id -u) $X $(pwd)'),
      ).toBe('7 y /bin');
      expect((await dockerd.docker(['exec', 'live', 'sh', '-c', 'exit 9'])).code).toBe(9);
      expect((await dockerd.docker(['exec', 'live', 'no-such'])).code).toBe(126);
      expect(await docker('exec', '-t', 'live', 'tty')).toMatch(/^\/dev\/pts\/\d+$/);
    });

    it('lists its processes', async () => {
      expect(await docker('top', 'live')).toContain('sleep 1000');
    });

    it('stands still while it is paused', async () => {
      await docker('pause', 'live');
      expect(await docker('inspect', '-f', '{{.State.Status}}', 'live')).toBe('paused');
      const refused = await dockerd.docker(['exec', 'live', 'true']);
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('paused') });
      await docker('unpause', 'live');
      expect(await docker('exec', 'live', 'echo', 'again')).toBe('again');
    });

    it('takes new limits', async () => {
      await docker(
        'update',
        '--memory',
        '96m',
        '--memory-swap',
        '128m',
        '--cpu-shares',
        '512',
        '--pids-limit',
        '33',
        'live',
      );
      expect(
        await docker(
          'exec',
          'live',
          'sh',
          '-c',
          'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.shares /sys/fs/cgroup/pids/pids.max',
        ),
      ).toBe(`${96 << 20}\n512\n33`);
    });

    it('has statistics', async () => {
      const line = await docker('stats', '--no-stream', '--format', '{{.MemUsage}} {{.PIDs}}', 'live');
      expect(line).toMatch(/^[\d.]+[KM]iB \/ 96MiB 1$/);
    });

    it('ends by a signal', async () => {
      await docker('kill', '-s', 'KILL', 'live');
      expect(await docker('wait', 'live')).toBe('137');
      await docker('start', 'live');
      await docker('stop', '-t', '1', 'live');
      expect(await docker('inspect', '-f', '{{.State.ExitCode}}', 'live')).toBe('137');
      await docker('restart', '-t', '1', 'live');
      expect(await docker('inspect', '-f', '{{.State.Status}}', 'live')).toBe('running');
    });
  });

  it('tells an out of memory kill', async () => {
    const script = 'x=a; while true; do x=$x$x; done';
    const killed = await dockerd.docker([
      'run',
      '--runtime',
      'ts',
      '--network',
      'none',
      '--name',
      'hungry',
      '--memory',
      '16m',
      '--memory-swap',
      '16m',
      'busybox',
      'sh',
      '-c',
      script,
    ]);
    expect(killed.code).toBe(137);
    await until('told', 5000, async () =>
      (await docker('inspect', '-f', '{{.State.OOMKilled}}', 'hungry')) === 'true' ? true : undefined,
    );
    await docker('rm', 'hungry');
  });

  it('mounts volumes and tmpfs', async () => {
    await docker('volume', 'create', 'kept');
    await runTs('--rm', '-v', 'kept:/data', 'busybox', 'sh', '-c', 'echo stays >/data/file');
    expect(
      await runTs(
        '--rm',
        '-v',
        'kept:/data:ro',
        '--tmpfs',
        '/scratch:size=1m',
        'busybox',
        'sh',
        '-c',
        "cat /data/file; touch /data/x 2>/dev/null || echo read-only; df -m /scratch | tail -1 | awk '{print $2}'",
      ),
    ).toBe('stays\nread-only\n1');
    await docker('volume', 'rm', 'kept');
  });

  it('leaves nothing behind', async () => {
    expect(await docker('ps', '-aq')).toBe('');
    const more = () => leftovers(dockerd.directory, cgroupParent).filter((line) => !before.includes(line));
    await until('shims gone', 10_000, () => (more().length === 0 ? true : undefined)).catch(() => undefined);
    expect(more()).toEqual([]);
    expect(
      (await run('find', [join(dockerd.directory, 'exec/runtime-ts'), '-mindepth', '2', '-not', '-path', '*/.*']))
        .stdout,
    ).toBe('');
  });
});
