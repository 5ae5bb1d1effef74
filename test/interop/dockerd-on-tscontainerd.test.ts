// Debian's dockerd (20.10) with `--containerd` set to our socket: Docker's own lives, on our lifecycle daemon.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, until } from '../harness/command.ts';
import { openStream, request } from '../harness/engine-client.ts';
import { busyboxArchive } from '../harness/images.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import { isAlive } from '../harness/processes.ts';
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
  dockerd = await startRealDockerd([
    '--bridge=none',
    '--iptables=false',
    '--live-restore',
    '--containerd',
    daemon.address,
  ]);
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

  it('gives a terminal to run -it and exec -it, with its size and its keys', async () => {
    const client = (words: string) => `docker -H unix://${dockerd.socket} ${words}`;
    const expectScript = (script: string) =>
      run('expect', ['-c', `set timeout 30\n${script}`], { env: { TERM: 'xterm' } });
    // expect takes one braced block only when it has several lines
    const sees = (text: string) =>
      `expect {\n"${text}" {}\ntimeout { puts "MISSING ${text}"; exit 9 }\neof { puts "ENDED ${text}"; exit 8 }\n}`;
    await docker('run', '-d', '--name', 'tty', ...network, 'busybox', 'sleep', '1000');
    for (const words of ['run -it --rm --network none busybox sh', 'exec -it tty sh']) {
      const { stdout, code } = await expectScript(
        [
          `spawn sh -c "stty rows 31 cols 117; ${client(words)}; echo exit=\\$?"`,
          sees('# '),
          'sleep 0.5',
          'send "tty; stty size\\r"',
          sees('/dev/pts/'),
          sees('31 117'),
          'send "sleep 100\\r"',
          'sleep 0.5',
          'send "\\003"',
          sees('# '),
          'send "exit 42\\r"',
          sees('exit=42'),
        ].join('\n'),
      );
      expect(code, stdout).toBe(0);
    }
    await docker('rm', '-f', 'tty');
  });

  it('follows logs, and has stdin passed through to its end', async () => {
    const script = 'for i in 1 2 3; do echo line $i; sleep 0.2; done';
    await docker('run', '-d', '--name', 'logs', ...network, 'busybox', 'sh', '-c', script);
    expect(await docker('logs', '-f', 'logs')).toBe('line 1\nline 2\nline 3');
    expect(await docker('logs', '--tail', '1', 'logs')).toBe('line 3');
    await docker('rm', 'logs');
    const words = ['-H', `unix://${dockerd.socket}`, 'run', '-i', '--rm', ...network, 'busybox', 'cat'];
    const input = 'x'.repeat(200_000);
    expect((await run('/usr/bin/docker', words, { input })).stdout).toBe(input);
  });

  it('updates what the kernel holds, and ends by a signal of choice', async () => {
    const script = 'trap "exit 5" USR1; while :; do sleep 0.1; done';
    await docker('run', '-d', '--name', 'limits', '-m', '64m', ...network, 'busybox', 'sh', '-c', script);
    await docker('update', '--memory', '32m', '--memory-swap', '32m', '--pids-limit', '77', 'limits');
    const id = await docker('inspect', '-f', '{{.Id}}', 'limits');
    const limit = await docker('exec', 'limits', 'cat', '/proc/self/cgroup');
    expect(limit).toContain(id);
    const stats = await docker('stats', '--no-stream', '--format', '{{.MemUsage}}', 'limits');
    expect(stats).toMatch(/\/ 32MiB$/);
    await docker('kill', '-s', 'USR1', 'limits');
    expect(await docker('wait', 'limits')).toBe('5');
    await docker('rm', 'limits');
  });

  it('finds its containers again after dockerd was killed: the one that ran, the one that ended meanwhile', async () => {
    const script = 'while [ ! -e /end ]; do sleep 0.1; done; exit 9';
    await docker('run', '-d', '--name', 'stays', ...network, 'busybox', 'sh', '-c', script);
    await docker('run', '-d', '--name', 'ends', ...network, 'busybox', 'sh', '-c', 'sleep 1; exit 6');
    const pid = Number(await docker('inspect', '-f', '{{.State.Pid}}', 'ends'));
    await dockerd.kill();
    await until('ended meanwhile', 5000, () => (isAlive(pid) ? undefined : true));
    await dockerd.start();
    expect(await docker('inspect', '-f', '{{.State.Status}}', 'stays')).toBe('running');
    expect(await docker('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'ends')).toBe('exited 6');
    await docker('exec', 'stays', 'touch', '/end');
    expect(await docker('wait', 'stays')).toBe('9');
    await docker('rm', 'stays', 'ends');
  });

  it('starts and removes 200 containers, and every event of each is told', async () => {
    const events = await openStream(
      dockerd.socket,
      'GET',
      '/v1.41/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D',
    );
    const seen = new Map<string, string[]>();
    const reading = (async () => {
      for await (const { Action, id } of events.lines) {
        if (!seen.has(id)) seen.set(id, []);
        seen.get(id)?.push(Action as string);
      }
    })().catch(() => undefined); // closed below
    const ids: string[] = [];
    const call = async (method: string, path: string, body?: object) =>
      (await request(dockerd.socket, method, `/v1.41${path}`, body)).body;
    const life = async (index: number) => {
      const { Id: id } = await call('POST', '/containers/create', {
        Image: 'busybox',
        Cmd: ['sh', '-c', `exit ${index % 100}`],
        HostConfig: { NetworkMode: 'none' },
      });
      ids.push(id);
      await call('POST', `/containers/${id}/start`);
      expect((await call('POST', `/containers/${id}/wait`)).StatusCode).toBe(index % 100);
      await call('DELETE', `/containers/${id}`);
    };
    let next = 0;
    const worker = async () => {
      while (next < 200) await life(next++);
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    await until('all events', 10_000, () =>
      ids.every((id) => seen.get(id)?.includes('destroy')) ? true : undefined,
    ).catch(() => undefined); // said below, by name
    events.close();
    await reading;
    const wanted = ['create', 'start', 'die', 'destroy'];
    expect(ids).toHaveLength(200);
    expect(
      ids.filter((id) => wanted.some((action) => seen.get(id)?.filter((one) => one === action).length !== 1)),
    ).toEqual([]);
    expect(ids.filter((id) => seen.get(id)?.indexOf('die') !== (seen.get(id)?.indexOf('start') ?? 0) + 1)).toEqual([]);
    expect(await docker('ps', '-aq')).toBe('');
  }, 240_000);
});
