// kill -9 of shim and lifecycle daemon at the gRPC level: no container ends, no exit is lost, none is told twice.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import { isAlive } from '../harness/processes.ts';
import type { TaskClient } from '../harness/task-client.ts';

const ten = Array.from({ length: 10 }, (_, index) => `c${index}`);

describe('containers of tscontainerd', () => {
  const daemon = new LifecycleDaemon();
  let client: TaskClient;

  beforeAll(async () => {
    await daemon.start();
    client = daemon.client('io.containerd.ts.v2');
    await client.listen();
  });
  afterAll(() => daemon.stop());

  const statusOf = async (id: string) => (await client.tasks('Get', { containerId: id })).process;

  it('outlive their shim: adopted by the next, with all that happened meanwhile', async () => {
    const pids = new Map<string, number>();
    for (const id of ten)
      pids.set(
        id,
        await client.run(id, ['/bin/sh', '-c', 'while :; do echo line; sleep 0.1; done'], {
          stdout: `file://${join(daemon.directory, id)}`,
        }),
      );
    await client.exec('c0', 'e', ['/bin/sleep', '100']);
    const waiting = client.wait('c1');
    const gone = pids.get('c2') ?? 0;

    for (const loss of ['first', 'second', 'third']) {
      await daemon.killShims();
      if (loss === 'third') process.kill(gone, 'SIGKILL');
      await until('adopted', 10_000, async () =>
        (await statusOf('c0').catch(() => undefined))?.status === 'RUNNING' ? true : undefined,
      );
    }
    for (const id of ten.filter((id) => id !== 'c2'))
      expect(await statusOf(id)).toMatchObject({ status: 'RUNNING', pid: pids.get(id) });
    await until('exit of c2', 5000, () => (client.exitsOf('c2').length > 0 ? true : undefined));
    expect(await statusOf('c2')).toMatchObject({ status: 'STOPPED', exitStatus: 137 });

    // a wait from before all these kills, an exec from before it, and a new exec
    await client.tasks('Kill', { containerId: 'c1', signal: 9 });
    expect(await waiting).toMatchObject({ exitStatus: 137 });
    await client.tasks('Kill', { containerId: 'c0', execId: 'e', signal: 9 });
    expect(await client.wait('c0', 'e')).toMatchObject({ exitStatus: 137 });
    await client.exec('c0', 'e2', ['/bin/sh', '-c', 'exit 4']);
    expect(await client.wait('c0', 'e2')).toMatchObject({ exitStatus: 4 });
    await until('exits told', 5000, () =>
      client.exitsOf('c0').length === 2 && client.exitsOf('c1').length === 1 ? true : undefined,
    );
    for (const id of ten) {
      expect(client.topicsOf(id).filter((topic) => topic === '/tasks/start')).toHaveLength(1);
      const size = readFileSync(join(daemon.directory, id), 'utf8').length;
      if (!['c1', 'c2'].includes(id))
        await until(`${id} writes`, 3000, () =>
          readFileSync(join(daemon.directory, id), 'utf8').length > size ? true : undefined,
        );
    }
  });

  it('outlive their daemon: exits meanwhile are told when it is back', async () => {
    const pid = (await statusOf('c3')).pid;
    const running = (await statusOf('c4')).pid;
    await daemon.kill();
    process.kill(pid, 'SIGKILL');
    await until('container ended', 5000, () => (isAlive(pid) ? undefined : true));
    expect(isAlive(running)).toBe(true);
    await daemon.start();
    expect(await statusOf('c3')).toMatchObject({ status: 'STOPPED', exitStatus: 137, pid });
    expect(await statusOf('c4')).toMatchObject({ status: 'RUNNING', pid: running });
    expect((await client.tasks('List', {})).tasks).toHaveLength(10);
    await client.subscribed();
    await client.tasks('Kill', { containerId: 'c4', signal: 9 });
    expect(await client.wait('c4')).toMatchObject({ exitStatus: 137 });
    await until('exit of c4', 5000, () => (client.exitsOf('c4').length > 0 ? true : undefined));
    expect(client.exitsOf('c4')).toHaveLength(1);
  });

  it('outlive both at once', async () => {
    const running = (await statusOf('c5')).pid;
    const gone = (await statusOf('c6')).pid;
    await daemon.kill();
    await daemon.killShims();
    process.kill(gone, 'SIGKILL');
    await daemon.start();
    expect(await statusOf('c5')).toMatchObject({ status: 'RUNNING', pid: running });
    expect(await statusOf('c6')).toMatchObject({ status: 'STOPPED', exitStatus: 137, pid: gone });
  });

  it('are gone after their delete, and their shims after the last one', async () => {
    for (const id of ten) await client.remove(id);
    expect((await client.tasks('List', {})).tasks).toEqual([]);
    await until('one warm shim is left', 5000, () => (daemon.shims().length === 1 ? true : undefined));
  });

  it('survive a shim that is killed again and again while they start', async () => {
    let stopped = false;
    const killer = (async () => {
      while (!stopped) {
        await new Promise((resolve) => setTimeout(resolve, 150));
        for (const pid of daemon.shims()) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
      }
    })();
    const outcomes = await Promise.all(
      ten.map((id) =>
        client.run(`k${id}`, ['/bin/sleep', '100']).then(
          (pid) => ({ id: `k${id}`, pid }),
          (error: Error & { code: string }) => ({ id: `k${id}`, code: error.code }),
        ),
      ),
    );
    stopped = true;
    await killer;
    for (const outcome of outcomes) {
      if ('pid' in outcome) {
        await until(`${outcome.id} is back`, 10_000, async () =>
          (await statusOf(outcome.id).catch(() => undefined))?.status === 'RUNNING' ? true : undefined,
        );
      } else {
        expect(['unavailable', 'not-found', 'failed-precondition', 'unknown']).toContain(outcome.code);
        // one whose adoption failed again and again is tried once more after a while
        await until(`${outcome.id} answers`, 15_000, () =>
          statusOf(outcome.id).then(
            () => true,
            ({ code }: { code: string }) => (code === 'unavailable' ? undefined : true),
          ),
        );
      }
      await client.remove(outcome.id);
    }
    expect((await client.tasks('List', {})).tasks).toEqual([]);
  });
});
