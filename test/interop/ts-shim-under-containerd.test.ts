// The shim seam from above: containerd-shim-ts-v2 under Debian's containerd, with ctr and over gRPC.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, until } from '../harness/command.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import { isAlive } from '../harness/processes.ts';
import type { TaskClient } from '../harness/task-client.ts';

const runtime = 'io.containerd.ts.v2';

describe('containerd-shim-ts-v2 under the real containerd', () => {
  const daemon = new LifecycleDaemon({ isReal: true });
  let client: TaskClient;
  const ctr = (...args: string[]) => run('/usr/bin/ctr', ['-a', daemon.address, '-n', daemon.namespace, ...args]);

  beforeAll(async () => {
    await daemon.start();
    client = daemon.client(runtime);
    await client.listen();
  });
  afterAll(() => daemon.stop());

  it('runs ctr run --rm: output, exit code, nothing left', async () => {
    const ran = await ctr(
      'run',
      '--rm',
      '--runtime',
      runtime,
      '--rootfs',
      daemon.rootfs,
      'c1',
      '/bin/sh',
      '-c',
      'echo out; echo err >&2; exit 5',
    );
    expect(ran).toMatchObject({ stdout: 'out\n', code: 5 });
    expect(ran.stderr).toContain('err');
    expect(existsSync(join(daemon.state, 'io.containerd.runtime.v2.task', daemon.namespace, 'c1'))).toBe(false);
    await until('shim ended', 5000, () => (daemon.shims().length === 0 ? true : undefined));
  });

  it('passes stdin to the container, and its end', async () => {
    // ctr asks for the end of stdin only when that comes after the task's creation, hence the pause
    const command = `(echo through; sleep 1) | ctr -a ${daemon.address} -n ${daemon.namespace} run --rm --runtime ${runtime} --rootfs ${daemon.rootfs} c2 /bin/cat`;
    expect(await run('/bin/sh', ['-c', command])).toMatchObject({ stdout: 'through\n', code: 0 });
  });

  it('tells of a life in order, and of an exec within it', async () => {
    const stdout = join(daemon.directory, 'exec-out');
    const pid = await client.run('c3', ['/bin/sleep', '100']);
    const execPid = await client.exec('c3', 'e', ['/bin/sh', '-c', 'echo in exec; exit 3'], `file://${stdout}`);
    expect(execPid).not.toBe(pid);
    expect(await client.wait('c3', 'e')).toMatchObject({ exitStatus: 3 });
    await client.tasks('DeleteProcess', { containerId: 'c3', execId: 'e' });
    expect(readFileSync(stdout, 'utf8')).toBe('in exec\n');
    await client.tasks('Kill', { containerId: 'c3', signal: 15, all: false });
    await client.tasks('Kill', { containerId: 'c3', signal: 9, all: true });
    expect(await client.wait('c3')).toMatchObject({ exitStatus: 137 });
    expect(await client.tasks('Delete', { containerId: 'c3' })).toMatchObject({ exitStatus: 137 });
    await until('events', 5000, () => (client.topicsOf('c3').includes('/tasks/delete') ? true : undefined));
    expect(client.topicsOf('c3')).toEqual([
      '/tasks/create',
      '/tasks/start',
      '/tasks/exec-added',
      '/tasks/exec-started',
      '/tasks/exit',
      '/tasks/exit',
      '/tasks/delete',
    ]);
  });

  it('pauses, resumes, measures and lists processes', async () => {
    await client.run('c4', ['/bin/sleep', '100']);
    await client.tasks('Pause', { containerId: 'c4' });
    expect((await client.tasks('Get', { containerId: 'c4' })).process.status).toBe('PAUSED');
    await client.tasks('Resume', { containerId: 'c4' });
    expect((await client.tasks('Get', { containerId: 'c4' })).process.status).toBe('RUNNING');
    const metrics = await ctr('tasks', 'metrics', 'c4');
    expect(metrics).toMatchObject({ code: 0 });
    expect(metrics.stdout).toContain('memory.usage_in_bytes');
    expect((await client.tasks('ListPids', { containerId: 'c4' })).processes).toHaveLength(1);
    await client.remove('c4');
  });

  it('says why a command cannot run, and leaves nothing', async () => {
    const missing = await ctr('run', '--rm', '--runtime', runtime, '--rootfs', daemon.rootfs, 'c5', '/no/such');
    expect(missing.code).not.toBe(0);
    expect(missing.stderr).toMatch(/no such file or directory|not found/i);
    const forbidden = await ctr(
      'run',
      '--rm',
      '--runtime',
      runtime,
      '--rootfs',
      daemon.rootfs,
      'c6',
      '/etc/not-a-program',
    );
    expect(forbidden.stderr).toMatch(/permission denied/i);
    expect((await client.tasks('List', {})).tasks).toEqual([]);
    await until('shims ended', 5000, () => (daemon.shims().length === 0 ? true : undefined));
  });

  it('is found again after the daemon was killed, and tells of an exit', async () => {
    const pid = await client.run('c7', ['/bin/sleep', '100']);
    await daemon.kill();
    expect(isAlive(pid)).toBe(true);
    await daemon.start();
    await client.subscribed();
    expect((await client.tasks('Get', { containerId: 'c7' })).process).toMatchObject({ status: 'RUNNING', pid });
    process.kill(pid, 'SIGKILL');
    await until('exit of c7', 5000, () => (client.exitsOf('c7').length > 0 ? true : undefined));
    expect(client.exitsOf('c7')).toMatchObject([{ exitStatus: 137, pid }]);
    await client.remove('c7');
  });

  it('lets containerd clean up after it was killed itself', async () => {
    const pid = await client.run('c8', ['/bin/sleep', '100']);
    await client.subscribed();
    await daemon.killShims();
    await until('delete event', 10_000, () => (client.topicsOf('c8').includes('/tasks/delete') ? true : undefined));
    await until('container ended', 5000, () => (isAlive(pid) ? undefined : true));
    await client.remove('c8');
  });

  it('serves the containers of one group from one shim', async () => {
    const annotations = { 'io.kubernetes.cri.sandbox-id': 'pod' };
    await client.run('g1', ['/bin/sleep', '100'], { annotations });
    await client.run('g2', ['/bin/sleep', '100'], { annotations });
    // that of an earlier container may still be on its way out
    await until('one shim', 5000, () => (daemon.shims().length === 1 ? true : undefined));
    await client.remove('g1');
    expect((await client.tasks('Get', { containerId: 'g2' })).process.status).toBe('RUNNING');
    await client.remove('g2');
    await until('shim ended', 5000, () => (daemon.shims().length === 0 ? true : undefined));
  });

  it('reports -v and -info', async () => {
    expect((await run('dist/bin/containerd-shim-ts-v2', ['-v'])).stdout).toContain('Version');
    expect((await run('dist/bin/containerd-shim-ts-v2', ['-info'])).stdout).toContain(runtime);
  });
});
