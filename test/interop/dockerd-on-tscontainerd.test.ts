// Debian's dockerd (20.10) with `--containerd` set to our socket: Docker's own lives, on our lifecycle daemon.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxArchive } from '../harness/images.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import { type RealDockerd, startRealDockerd } from '../harness/real-dockerd.ts';

const daemon = new LifecycleDaemon();
let dockerd: RealDockerd;

async function docker(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await dockerd.docker(args);
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: exit ${code}\n${stdout}${stderr}\n${daemon.logTail()}`);
  return stdout.trim();
}

beforeAll(async () => {
  await daemon.start();
  dockerd = await startRealDockerd(['--bridge=none', '--iptables=false', '--containerd', daemon.address]);
  await docker('load', '-i', await busyboxArchive());
});
afterAll(async () => {
  await dockerd?.stop();
  await daemon.stop();
});

const network = ['--network', 'none'];

describe('dockerd on tscontainerd', () => {
  it('tells our version as its containerd', async () => {
    expect(await docker('version', '--format', '{{range .Server.Components}}{{.Name}} {{.Version}};{{end}}')).toMatch(
      /containerd v0\.\d+\.\d+;/,
    );
  });

  it('runs a container: output, exit code, nothing left', async () => {
    expect(await docker('run', '--rm', ...network, 'busybox', 'sh', '-c', 'echo hello from $$')).toBe('hello from 1');
    expect((await dockerd.docker(['run', '--rm', ...network, 'busybox', 'sh', '-c', 'exit 7'])).code).toBe(7);
    expect((await dockerd.docker(['run', '--rm', ...network, 'busybox', 'nothing-such'])).code).toBe(127);
    expect(await docker('ps', '-aq')).toBe('');
  });

  it('executes, pauses, looks at, stops and restarts a container', async () => {
    await docker(
      'run',
      '-d',
      '--name',
      'web',
      ...network,
      'busybox',
      'sh',
      '-c',
      'echo began; trap "exit 3" TERM; while :; do sleep 0.1; done',
    );
    expect(await docker('exec', 'web', 'hostname')).toMatch(/^[0-9a-f]{12}$/);
    expect((await dockerd.docker(['exec', 'web', 'sh', '-c', 'exit 5'])).code).toBe(5);
    await docker('pause', 'web');
    expect(await docker('inspect', '-f', '{{.State.Status}}', 'web')).toBe('paused');
    await docker('unpause', 'web');
    expect(await docker('top', 'web')).toContain('sleep');
    expect(await docker('stats', '--no-stream', '--format', '{{.PIDs}}', 'web')).toMatch(/^[1-9]/);
    await docker('update', '--memory', '64m', '--memory-swap', '64m', 'web');
    await docker('stop', 'web');
    expect(await docker('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'web')).toBe('exited 3');
    await docker('start', 'web');
    await docker('kill', 'web');
    expect(await docker('wait', 'web')).toBe('137');
    expect(await docker('logs', 'web')).toBe('began\nbegan');
    await docker('rm', 'web');
  });

  it('learns of an exit from our events alone, ten at a time', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `many-${index}`);
    await Promise.all(
      names.map((name, index) =>
        docker('run', '-d', '--name', name, ...network, 'busybox', 'sh', '-c', `sleep 0.2; exit ${index}`),
      ),
    );
    const codes = await Promise.all(names.map((name) => docker('wait', name)));
    expect(codes).toEqual(names.map((_, index) => String(index)));
    await docker('rm', ...names);
  });

  it('keeps its containers while our daemon is killed and started again', async () => {
    await docker(
      'run',
      '-d',
      '--name',
      'survivor',
      ...network,
      'busybox',
      'sh',
      '-c',
      'while [ ! -e /end ]; do sleep 0.1; done; exit 9',
    );
    await daemon.kill();
    await daemon.start();
    let answered = false;
    for (let attempt = 0; attempt < 50 && !answered; attempt += 1) {
      answered = (await dockerd.docker(['exec', 'survivor', 'touch', '/end'])).code === 0;
      if (!answered) await new Promise((resolve) => setTimeout(resolve, 200)); // dockerd reconnects by itself
    }
    expect(await docker('wait', 'survivor')).toBe('9');
    await docker('rm', 'survivor');
  });
});
