// The OCI seam from below: our shim with `binary_name` set drives Debian's runc and crun, through its own death and the daemon's.
import { closeSync, constants, existsSync, openSync, readdirSync, readFileSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, runOk, until } from '../harness/command.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import { hostProcess, isAlive } from '../harness/processes.ts';
import type { TaskClient } from '../harness/task-client.ts';

/** crun refuses a hybrid cgroup hierarchy; without sight of the v2 half this machine is a pure v1 one. */
const withoutUnified = ['unshare', '--mount', 'sh', '-c', 'umount -l /sys/fs/cgroup/unified; exec "$0" "$@"'];

describe.each(['runc', 'crun'])('containerd-shim-ts-v2 with binary_name %s', (binaryName) => {
  const daemon = new LifecycleDaemon(binaryName === 'crun' ? { wrapper: withoutUnified } : {});
  const runtimeOptions = { binaryName };
  let client: TaskClient;

  beforeAll(async () => {
    await daemon.start();
    client = daemon.client('io.containerd.ts.v2');
    await client.listen();
  });
  afterAll(() => daemon.stop());

  const bundleOf = (id: string) => join(daemon.state, 'io.containerd.runtime.v2.task', daemon.namespace, id);
  const statusOf = async (id: string) => (await client.tasks('Get', { containerId: id })).process;
  const mountsBelow = (path: string) =>
    readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(path));

  it('runs a container to its end by that program, and tells of it in order', async () => {
    const stdout = `file://${join(daemon.directory, 'out')}`;
    await client.run('one', ['/bin/sh', '-c', 'echo from $$; exit 7'], { stdout, runtimeOptions });
    expect(await client.wait('one')).toMatchObject({ exitStatus: 7 });
    const state = await run(binaryName, ['--root', join(daemon.state, binaryName, daemon.namespace), 'state', 'one']);
    expect(JSON.parse(state.stdout)).toMatchObject({ id: 'one', status: 'stopped' });
    expect(await client.tasks('Delete', { containerId: 'one' })).toMatchObject({ exitStatus: 7 });
    await until('events of one', 5000, () => (client.topicsOf('one').length >= 4 ? true : undefined));
    expect(client.topicsOf('one')).toEqual(['/tasks/create', '/tasks/start', '/tasks/exit', '/tasks/delete']);
    expect(readFileSync(join(daemon.directory, 'out'), 'utf8')).toBe('from 1\n');
    expect(existsSync(bundleOf('one'))).toBe(false);
    expect(existsSync(join(daemon.state, binaryName, daemon.namespace, 'one'))).toBe(false);
    expect(mountsBelow(daemon.state)).toEqual([]);
  });

  it('execs, lists pids, pauses, resumes, measures, updates and kills', async () => {
    const resources = { memory: { limit: 64 * 1024 * 1024 }, pids: { limit: 50 } };
    await client.run('two', ['/bin/sleep', '100'], { runtimeOptions, resources });
    const pid = await client.exec('two', 'e1', ['/bin/sh', '-c', 'exit 3']);
    expect(pid).toBeGreaterThan(0);
    expect(await client.wait('two', 'e1')).toMatchObject({ exitStatus: 3 });
    await client.tasks('DeleteProcess', { containerId: 'two', execId: 'e1' });
    const other = await client.exec('two', 'e2', ['/bin/sleep', '100']);
    expect((await client.tasks('ListPids', { containerId: 'two' })).processes).toHaveLength(2);
    expect(isAlive(other)).toBe(true);
    await client.tasks('Kill', { containerId: 'two', execId: 'e2', signal: 9 });
    expect(await client.wait('two', 'e2')).toMatchObject({ exitStatus: 137 });
    await client.tasks('DeleteProcess', { containerId: 'two', execId: 'e2' });
    await expect(client.exec('two', 'none', ['/no/such/program'])).rejects.toMatchObject({ code: 'not-found' });
    await client.tasks('DeleteProcess', { containerId: 'two', execId: 'none' });
    const execFiles = readdirSync(bundleOf('two'), { recursive: true, encoding: 'utf8' });
    expect(execFiles.filter((path) => path.includes('exec-'))).toEqual([]);
    await client.tasks('Pause', { containerId: 'two' });
    expect((await statusOf('two')).status).toBe('PAUSED');
    await client.tasks('Resume', { containerId: 'two' });
    expect((await statusOf('two')).status).toBe('RUNNING');
    const { metrics } = await client.tasks('Metrics', { filters: ['id==two'] });
    expect(metrics[0].data.typeUrl).toBe('io.containerd.cgroups.v1.Metrics');
    const limit = { memory: { limit: 32 * 1024 * 1024 } };
    await client.tasks('Update', {
      containerId: 'two',
      resources: { typeUrl: 'x', value: Buffer.from(JSON.stringify(limit)) },
    });
    const memory = `/sys/fs/cgroup/memory/tsc-task-test/${daemon.namespace}-two/memory.limit_in_bytes`;
    expect(readFileSync(memory, 'utf8').trim()).toBe(String(32 * 1024 * 1024));
    await client.tasks('Kill', { containerId: 'two', signal: 9 });
    expect(await client.wait('two')).toMatchObject({ exitStatus: 137 });
    await client.remove('two');
  });

  it('passes its errors on with the reason, and leaves nothing of a failed create', async () => {
    await client.createContainer('three', ['/no/such/program'], { runtimeOptions });
    await expect(client.createTask('three')).rejects.toMatchObject({
      code: 'not-found',
      reason: 'executable-not-found',
      message: expect.stringContaining(`${binaryName} create:`),
    });
    await expect(client.tasks('Get', { containerId: 'three' })).rejects.toMatchObject({ code: 'not-found' });
    expect(existsSync(bundleOf('three'))).toBe(false);
    await client.remove('three');
    await client.createContainer('four', ['/bin/true'], { runtimeOptions: { binaryName: '/no/such/runtime' } });
    await expect(client.createTask('four')).rejects.toThrow(/no\/such\/runtime/);
    await client.remove('four');
  });

  it('keeps the container through kill -9 of the daemon and of the shim: its exit is told once', async () => {
    const stdout = `file://${join(daemon.directory, 'five')}`;
    const script = 'trap "exit 9" TERM; while :; do echo line; sleep 0.1; done';
    const pid = await client.run('five', ['/bin/sh', '-c', script], { stdout, runtimeOptions });
    await client.exec('five', 'x', ['/bin/sleep', '100']);
    await daemon.kill();
    await daemon.killShims();
    await daemon.start();
    await client.subscribed();
    expect(await statusOf('five')).toMatchObject({ status: 'RUNNING', pid });
    await daemon.killShims();
    await until('adopted', 10_000, async () =>
      (await statusOf('five').catch(() => undefined))?.status === 'RUNNING' ? true : undefined,
    );
    await client.tasks('Kill', { containerId: 'five', execId: 'x', signal: 9 });
    expect(await client.wait('five', 'x')).toMatchObject({ exitStatus: 137 });
    await client.tasks('Kill', { containerId: 'five', signal: 15 });
    expect(await client.wait('five')).toMatchObject({ exitStatus: 9 });
    await until('exit of five', 5000, () => (client.exitsOf('five').length > 1 ? true : undefined));
    expect(client.exitsOf('five').map(({ exitStatus }) => exitStatus)).toEqual([137, 9]);
    await client.remove('five');
    expect(existsSync(bundleOf('five'))).toBe(false);
  });

  it('ends a container whose supervisor was killed, and says 137', async () => {
    const pid = await client.run('six', ['/bin/sleep', '100'], { runtimeOptions });
    const supervisor = hostProcess(pid)?.parent ?? 0;
    expect(hostProcess(supervisor)?.cmdline).toContain('tsrunc supervise');
    process.kill(supervisor, 'SIGKILL');
    expect(await client.wait('six')).toMatchObject({ exitStatus: 137 });
    await until('the process is gone', 10_000, () => (isAlive(pid) ? undefined : true)); // it has its signal
    await client.remove('six');
  });

  it('gives a terminal that can be resized, and hands stdin over to its end', async () => {
    const fifo = async (name: string) => {
      const path = join(daemon.directory, name);
      await runOk('mkfifo', [path]);
      return { path, fd: openSync(path, constants.O_RDWR | constants.O_NONBLOCK) };
    };
    const input = await fifo('tty-in');
    const output = await fifo('tty-out');
    let seen = '';
    const read = () => {
      try {
        const buffer = Buffer.alloc(4096);
        seen += buffer.toString('utf8', 0, readSync(output.fd, buffer));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      }
      return seen;
    };
    const sees = (what: string) => until(what, 5000, () => (read().includes(what) ? true : undefined));
    const io = { stdin: input.path, stdout: output.path, terminal: true, runtimeOptions };
    await client.run('tty', ['/bin/sh'], io);
    await client.tasks('ResizePty', { containerId: 'tty', width: 101, height: 41 });
    await until('the new size', 5000, async () => {
      writeSync(input.fd, 'stty size\n');
      await new Promise((resolve) => setTimeout(resolve, 100));
      return read().includes('41 101') ? true : undefined;
    });
    writeSync(input.fd, 'tty; exit 4\n');
    await sees('/dev/pts/0');
    expect(await client.wait('tty')).toMatchObject({ exitStatus: 4 });
    for (const { fd } of [input, output]) closeSync(fd);
    await client.remove('tty');

    const lines = await fifo('cat-in');
    const copy = join(daemon.directory, 'copied');
    await client.run('cat', ['/bin/cat'], { stdin: lines.path, stdout: `file://${copy}`, runtimeOptions });
    writeSync(lines.fd, 'one line\n');
    await client.tasks('CloseIO', { containerId: 'cat', stdin: true });
    closeSync(lines.fd);
    expect(await client.wait('cat')).toMatchObject({ exitStatus: 0 });
    expect(readFileSync(copy, 'utf8')).toBe('one line\n');
    await client.remove('cat');
  });
});
