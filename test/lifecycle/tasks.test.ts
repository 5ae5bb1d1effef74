// Tasks over gRPC on tscontainerd and its own shim: every method, every refusal, and what is left afterwards.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import { pssKib } from '../harness/processes.ts';
import type { TaskClient } from '../harness/task-client.ts';

describe('tasks of tscontainerd', () => {
  const daemon = new LifecycleDaemon();
  let client: TaskClient;

  beforeAll(async () => {
    await daemon.start();
    client = daemon.client('io.containerd.ts.v2');
    await client.listen();
  });
  afterAll(() => daemon.stop());

  const statusOf = async (id: string) => (await client.tasks('Get', { containerId: id })).process;

  it('go from created over running and stopped to gone', async () => {
    await client.createContainer('a', ['/bin/sh', '-c', 'echo out; exit 7']);
    const stdout = `file://${join(daemon.directory, 'a')}`;
    const pid = await client.createTask('a', { stdout });
    expect(await statusOf('a')).toMatchObject({ status: 'CREATED', pid, stdout });
    expect(await client.tasks('Start', { containerId: 'a' })).toEqual({ pid });
    expect(await client.wait('a')).toMatchObject({ exitStatus: 7 });
    expect(await statusOf('a')).toMatchObject({ status: 'STOPPED', exitStatus: 7 });
    expect(await client.wait('a')).toMatchObject({ exitStatus: 7 });
    expect(await client.tasks('Delete', { containerId: 'a' })).toMatchObject({ pid, exitStatus: 7 });
    await expect(statusOf('a')).rejects.toMatchObject({ code: 'not-found' });
    expect(readFileSync(join(daemon.directory, 'a'), 'utf8')).toBe('out\n');
    await until('events of a', 2000, () => (client.topicsOf('a').length === 4 ? true : undefined));
    expect(client.topicsOf('a')).toEqual(['/tasks/create', '/tasks/start', '/tasks/exit', '/tasks/delete']);
    await client.remove('a');
  });

  it('keep the order of events at any speed of exit', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `o${index}`);
    await Promise.all(
      ids.map(async (id) => {
        await client.run(id, ['/bin/true']);
        await client.wait(id);
        await client.remove(id);
      }),
    );
    await until('all events', 5000, () => (ids.every((id) => client.topicsOf(id).length === 4) ? true : undefined));
    for (const id of ids)
      expect(client.topicsOf(id)).toEqual(['/tasks/create', '/tasks/start', '/tasks/exit', '/tasks/delete']);
  });

  it('start in the call that makes them: each failure is its own, and leaves what two calls leave', async () => {
    const refused = { reason: 'executable-not-found' };
    await client.createContainer('s', ['/bin/sleep', '100']);
    await client.createTask('s', { isAtOnce: true });
    expect(await statusOf('s')).toMatchObject({ status: 'RUNNING' });
    await client.execAtOnce('s', 'e', ['/bin/sh', '-c', 'exit 5']);
    expect(await client.wait('s', 'e')).toMatchObject({ exitStatus: 5 });
    // the exec is there, as after a start that failed
    await expect(client.execAtOnce('s', 'none', ['/none'])).rejects.toMatchObject(refused);
    expect((await client.tasks('Get', { containerId: 's', execId: 'none' })).process.status).toBe('CREATED');
    // a refused one must not start the other of its id
    await client.addExec('s', 'other', ['/bin/true']);
    await expect(client.execAtOnce('s', 'other', ['/bin/true'])).rejects.toMatchObject({ code: 'already-exists' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await client.tasks('Get', { containerId: 's', execId: 'other' })).process.status).toBe('CREATED');
    // create finds the file; that its interpreter is missing shows when it is run
    writeFileSync(join(daemon.rootfs, 'bin/orphan'), '#!/no/such\n', { mode: 0o755 });
    for (const [id, isAtOnce] of [
      ['n', true],
      ['m2', false],
    ] as const) {
      await client.createContainer(id, ['/bin/orphan']);
      const made = client.createTask(id, { isAtOnce });
      const started = isAtOnce ? made : made.then(() => client.tasks('Start', { containerId: id }));
      await expect(started).rejects.toMatchObject(refused);
      expect(await statusOf(id)).toMatchObject({ status: 'STOPPED', exitStatus: 127 });
      expect(client.topicsOf(id)).toEqual(['/tasks/create']);
      await client.remove(id);
    }
    await client.remove('s');
    const events = client.events.filter(({ containerId, execId }) => containerId === 's' && execId === 'e');
    expect(events.map(({ topic }) => topic)).toEqual(['/tasks/exec-added', '/tasks/exec-started', '/tasks/exit']);
  });

  it('refuse what makes no sense where they stand', async () => {
    await expect(client.createTask('nobody')).rejects.toMatchObject({ code: 'not-found' });
    await client.run('b', ['/bin/sleep', '100']);
    await expect(client.createTask('b')).rejects.toMatchObject({ code: 'already-exists' });
    await expect(client.tasks('Start', { containerId: 'b' })).rejects.toMatchObject({ code: 'failed-precondition' });
    await expect(client.tasks('Delete', { containerId: 'b' })).rejects.toMatchObject({ code: 'failed-precondition' });
    await expect(client.tasks('Resume', { containerId: 'b' })).rejects.toMatchObject({ code: 'failed-precondition' });
    await expect(client.tasks('Start', { containerId: 'b', execId: 'none' })).rejects.toMatchObject({
      code: 'not-found',
    });
    await expect(client.tasks('Kill', { containerId: 'none', signal: 9 })).rejects.toMatchObject({ code: 'not-found' });
    await client.tasks('Kill', { containerId: 'b', signal: 9 });
    await client.wait('b');
    await expect(client.tasks('Kill', { containerId: 'b', signal: 9 })).rejects.toMatchObject({ code: 'not-found' });
    await expect(client.exec('b', 'late', ['/bin/true'])).rejects.toMatchObject({ code: 'failed-precondition' });
    await client.remove('b');
  });

  it('say why a command cannot run, with the reason as a word', async () => {
    await client.createContainer('c', ['/no/such']);
    const started = client.createTask('c').then(() => client.tasks('Start', { containerId: 'c' }));
    await expect(started).rejects.toMatchObject({ reason: 'executable-not-found' });
    await client.remove('c');
    await client.createContainer('c2', ['/etc/not-a-program']);
    const forbidden = client.createTask('c2').then(() => client.tasks('Start', { containerId: 'c2' }));
    await expect(forbidden).rejects.toMatchObject({ reason: 'not-executable' });
    await client.remove('c2');
    await client.run('c3', ['/bin/sleep', '100']);
    await expect(client.exec('c3', 'e', ['/no/such'])).rejects.toMatchObject({ reason: 'executable-not-found' });
    await client.tasks('DeleteProcess', { containerId: 'c3', execId: 'e' });
    await expect(client.exec('c3', 'f', ['/etc/not-a-program'])).rejects.toMatchObject({ reason: 'not-executable' });
    await client.remove('c3');
  });

  it('let many wait at once, and forget who leaves', async () => {
    await client.run('w', ['/bin/sleep', '100']);
    await expect(client.tasks('Wait', { containerId: 'w' }, 100)).rejects.toMatchObject({ code: 'deadline-exceeded' });
    const waits = Array.from({ length: 5 }, () => client.wait('w'));
    await client.tasks('Kill', { containerId: 'w', signal: 15, all: true });
    await client.tasks('Kill', { containerId: 'w', signal: 9 }).catch(() => undefined); // it may have ended by the first
    for (const { exitStatus } of await Promise.all(waits)) expect([137, 143]).toContain(exitStatus);
    await client.remove('w');
  });

  it('can be deleted before they are started', async () => {
    await client.createContainer('d', ['/bin/sleep', '100']);
    await client.createTask('d');
    expect(await client.tasks('Delete', { containerId: 'd' })).toMatchObject({ exitStatus: 137 });
    await client.remove('d');
  });

  it('pause, measure, take limits, list processes', async () => {
    await client.run('e', ['/bin/sleep', '100']);
    await client.exec('e', 'x', ['/bin/sleep', '100']);
    const { processes } = await client.tasks('ListPids', { containerId: 'e' });
    expect(processes).toHaveLength(2);
    expect(processes.filter((found: { info: unknown }) => found.info !== null)).toHaveLength(1);
    await client.tasks('Pause', { containerId: 'e' });
    expect((await statusOf('e')).status).toBe('PAUSED');
    await client.tasks('Resume', { containerId: 'e' });
    const resources = {
      typeUrl: 'types.containerd.io/opencontainers/runtime-spec/1/LinuxResources',
      value: Buffer.from('{"pids":{"limit":50}}'),
    };
    await client.tasks('Update', { containerId: 'e', resources });
    const { metrics } = await client.tasks('Metrics', { filters: ['id==e'] });
    expect(metrics).toHaveLength(1);
    expect(metrics[0]).toMatchObject({ id: 'e', data: { typeUrl: 'io.containerd.cgroups.v1.Metrics' } });
    await client.remove('e');
    expect(client.topicsOf('e')).toEqual(expect.arrayContaining(['/tasks/paused', '/tasks/resumed']));
  });

  it('tell when the kernel killed one for want of memory', async () => {
    const resources = { memory: { limit: 8 * 1024 * 1024, swap: 8 * 1024 * 1024 } };
    await client.run('m', ['/bin/dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64M', 'count=1'], { resources });
    expect(await client.wait('m')).toMatchObject({ exitStatus: 137 });
    await until('oom event', 3000, () => (client.topicsOf('m').includes('/tasks/oom') ? true : undefined));
    await client.remove('m');
  });

  it('run on a terminal whose size can be set', async () => {
    const stdout = join(daemon.directory, 'tty');
    await client.createContainer('t', ['/bin/sh', '-c', 'sleep 0.3; stty size; tty'], { terminal: true });
    await client.createTask('t', { terminal: true, stdout: `file://${stdout}` });
    await client.tasks('ResizePty', { containerId: 't', width: 123, height: 45 });
    await client.tasks('Start', { containerId: 't' });
    expect(await client.wait('t')).toMatchObject({ exitStatus: 0 });
    expect(readFileSync(stdout, 'utf8')).toMatch(/45 123\r\n\/dev\/(console|pts\/0)\r\n/);
    await client.remove('t');
  });

  it('cost their shim nothing that stays, nor do their execs', async () => {
    await client.run('g', ['/bin/sleep', '1000']);
    const round = async (count: number, name: string) => {
      for (let index = 0; index < count; index += 1) {
        await client.exec('g', `${name}${index}`, ['/bin/true']);
        await client.wait('g', `${name}${index}`);
        await client.tasks('DeleteProcess', { containerId: 'g', execId: `${name}${index}` });
      }
    };
    await round(150, 'warm');
    const before = pssKib(daemon.shims());
    await round(300, 'measured');
    const growthKib = pssKib(daemon.shims()) - before;
    expect(growthKib).toBeLessThan(2048);
    await client.remove('g');
  });
});
