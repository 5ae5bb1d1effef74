// The shim seam from below: Debian's containerd-shim-runc-v2 and runc, under tscontainerd.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, until } from '../harness/command.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import { isAlive } from '../harness/processes.ts';
import type { TaskClient } from '../harness/task-client.ts';

const runtime = 'io.containerd.runc.v2';

describe('the real containerd-shim-runc-v2 under tscontainerd', () => {
  const daemon = new LifecycleDaemon();
  let client: TaskClient;

  beforeAll(async () => {
    await daemon.start();
    client = daemon.client(runtime);
    await client.listen();
  });
  afterAll(() => daemon.stop());

  it('runs a container to its end and tells of it in order', async () => {
    const stdout = join(daemon.directory, 'out');
    await client.run('one', ['/bin/sh', '-c', 'echo from runc; exit 7'], { stdout: `file://${stdout}` });
    expect(await client.wait('one')).toMatchObject({ exitStatus: 7 });
    expect((await client.tasks('Get', { containerId: 'one' })).process).toMatchObject({
      status: 'STOPPED',
      exitStatus: 7,
    });
    expect(await client.tasks('Delete', { containerId: 'one' })).toMatchObject({ exitStatus: 7 });
    await until('events of one', 5000, () => (client.topicsOf('one').length >= 4 ? true : undefined));
    expect(client.topicsOf('one')).toEqual(['/tasks/create', '/tasks/start', '/tasks/exit', '/tasks/delete']);
    expect(readFileSync(stdout, 'utf8')).toBe('from runc\n');
    expect(existsSync(join(daemon.state, 'io.containerd.runtime.v2.task', daemon.namespace, 'one'))).toBe(false);
    await until('shim ended', 5000, () =>
      daemon.shims().length === 0 || daemon.shims().every((pid) => !runcShim(pid)) ? true : undefined,
    );
  });

  it('execs, lists pids, pauses, resumes, measures and kills', async () => {
    await client.run('two', ['/bin/sleep', '100']);
    const pid = await client.exec('two', 'e1', ['/bin/sh', '-c', 'exit 3']);
    expect(pid).toBeGreaterThan(0);
    expect(await client.wait('two', 'e1')).toMatchObject({ exitStatus: 3 });
    await client.tasks('DeleteProcess', { containerId: 'two', execId: 'e1' });
    expect((await client.tasks('ListPids', { containerId: 'two' })).processes).toHaveLength(1);
    await client.tasks('Pause', { containerId: 'two' });
    expect((await client.tasks('Get', { containerId: 'two' })).process.status).toBe('PAUSED');
    await client.tasks('Resume', { containerId: 'two' });
    const { metrics } = await client.tasks('Metrics', { filters: ['id==two'] });
    expect(metrics[0].data.typeUrl).toBe('io.containerd.cgroups.v1.Metrics');
    await client.tasks('Kill', { containerId: 'two', signal: 9 });
    expect(await client.wait('two')).toMatchObject({ exitStatus: 137 });
    await client.remove('two');
  });

  it('passes the errors of runc on, and leaves nothing of a failed create', async () => {
    await client.createContainer('three', ['/no/such/program']);
    await expect(client.createTask('three')).rejects.toThrow(/no such file or directory/);
    await expect(client.tasks('Get', { containerId: 'three' })).rejects.toMatchObject({ code: 'not-found' });
    expect(existsSync(join(daemon.state, 'io.containerd.runtime.v2.task', daemon.namespace, 'three'))).toBe(false);
    await client.remove('three');
  });

  it('reattaches after kill -9 of the daemon: the container lives, its exit is told', async () => {
    const pid = await client.run('four', ['/bin/sleep', '100']);
    await daemon.kill();
    expect(isAlive(pid)).toBe(true);
    await daemon.start();
    await client.subscribed();
    await until(
      'task is back',
      5000,
      async () => (await client.tasks('Get', { containerId: 'four' }).catch(() => undefined)) ?? undefined,
    );
    expect((await client.tasks('Get', { containerId: 'four' })).process).toMatchObject({ status: 'RUNNING', pid });
    await client.tasks('Kill', { containerId: 'four', signal: 9 });
    await until('exit of four', 5000, () => (client.exitsOf('four').length > 0 ? true : undefined));
    expect(client.exitsOf('four')).toMatchObject([{ exitStatus: 137, pid }]);
    await client.remove('four');
  });

  it('cleans up after a shim that was killed, as containerd does: exit 137, once', async () => {
    const pid = await client.run('five', ['/bin/sleep', '100']);
    for (const shim of daemon.shims().filter(runcShim)) process.kill(shim, 'SIGKILL');
    await until('delete of five', 10_000, () => (client.topicsOf('five').includes('/tasks/delete') ? true : undefined));
    expect(client.exitsOf('five')).toMatchObject([{ exitStatus: 137, pid }]);
    await expect(client.tasks('Get', { containerId: 'five' })).rejects.toMatchObject({ code: 'not-found' });
    expect(isAlive(pid)).toBe(false);
    await client.remove('five');
  });

  it('serves ctr', async () => {
    const ctr = (...args: string[]) => run('/usr/bin/ctr', ['-a', daemon.address, '-n', daemon.namespace, ...args]);
    const ran = await ctr(
      'run',
      '--rm',
      '--runtime',
      runtime,
      '--rootfs',
      daemon.rootfs,
      'six',
      '/bin/sh',
      '-c',
      'echo ctr; exit 5',
    );
    expect(ran).toMatchObject({ stdout: 'ctr\n', code: 5 });
  });
});

function runcShim(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('runc-v2');
  } catch {
    return false; // it ended
  }
}
