// kill -9 at every durable step of a task's life: each failpoint in turn ends the process that comes by, the daemon starts
// again, and nothing that was answered is lost, nothing is told twice, nothing is left over.
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadService } from '@tscontainer/platform/contract-loader';
import { type Failpoint, failpoints } from '@tscontainer/platform/failpoint';
import { GrpcConnection } from '@tscontainer/platform/grpc-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import { hostProcesses, isAlive, processesOf } from '../harness/processes.ts';
import type { TaskClient } from '../harness/task-client.ts';

const containersApi = loadService(
  'containerd/services/containers/v1/containers.proto',
  'containerd.services.containers.v1.Containers',
);

/** The steps of a life, in order. */
const steps = [
  'container',
  'create',
  'start',
  'exec',
  'exec-delete',
  'adopt',
  'end',
  'delete',
  'container-delete',
] as const;
type Step = (typeof steps)[number];

interface Runtime {
  name: string;
  options: { runtimeOptions?: { binaryName: string }; isAtOnce?: boolean };
  /** Which of the points are in the way of its containers. */
  has: (point: Failpoint) => boolean;
}

/** In the way of a process that is made and started in one call. */
const isOfStart = /\.create\.|\.start\.|\.exec\.(answered|started)/;

/** What the shim had answered and the daemon had not told: it tells the next daemon. */
const untold: Partial<Record<Failpoint, string>> = {
  'task.create.answered': '/tasks/create',
  'task.start.answered': '/tasks/start',
  'task.exec.answered': '/tasks/exec-added',
  'task.delete.answered': '/tasks/delete',
};

const runtimes: Runtime[] = [
  { name: 'io.containerd.ts.v2', options: {}, has: () => true },
  {
    name: 'io.containerd.ts.v2',
    options: { runtimeOptions: { binaryName: 'runc' } },
    has: (point) => point.startsWith('shim.'),
  },
  { name: 'io.containerd.ts.v2', options: { isAtOnce: true }, has: (point) => isOfStart.test(point) },
  { name: 'io.containerd.runc.v2', options: {}, has: (point) => point.startsWith('task.') },
];

describe.each(runtimes)('failpoints with $name $options', ({ name, options, has }) => {
  const daemon = new LifecycleDaemon();
  const token = join(daemon.directory, 'token');
  const { isAtOnce = false } = options;
  let client: TaskClient;
  let connection: GrpcConnection;

  beforeAll(async () => {
    await daemon.start();
    client = daemon.client(name);
    connection = new GrpcConnection(daemon.address);
    await client.listen();
  });
  afterAll(async () => {
    connection.close();
    await daemon.stop();
  });

  const stateOf = async (id: string) => {
    try {
      return (await client.tasks('Get', { containerId: id })).process;
    } catch (error) {
      if ((error as { code: string }).code === 'not-found') return undefined;
      throw error;
    }
  };
  const hasContainer = (id: string) =>
    connection.unary(containersApi, 'Get', { id }, { namespace: daemon.namespace }).then(
      () => true,
      ({ code }: { code: string }) => {
        if (code === 'not-found') return false;
        throw new Error(`container ${id}: ${code}`);
      },
    );
  const rootfs = () => [{ type: 'bind', source: daemon.rootfs, options: ['rbind', 'rw'] }];

  const actions: Record<Step, (id: string) => Promise<unknown>> = {
    container: (id) => client.createContainer(id, ['/bin/sleep', '100'], { ...options, rootfs: rootfs() }),
    create: (id) => client.createTask(id, { rootfs: rootfs(), isAtOnce }),
    start: async (id) => {
      if (!isAtOnce) await client.tasks('Start', { containerId: id });
    },
    exec: async (id) => {
      const args = ['/bin/sh', '-c', 'exit 3'];
      await (isAtOnce ? client.execAtOnce(id, 'e', args) : client.exec(id, 'e', args));
      expect(await client.wait(id, 'e')).toMatchObject({ exitStatus: 3 });
    },
    'exec-delete': (id) => client.tasks('DeleteProcess', { containerId: id, execId: 'e' }),
    // a foreign shim's end is the end of its containers
    adopt: async (id) => {
      if (name !== 'io.containerd.ts.v2') return;
      await daemon.killShims();
      expect(await stateOf(id)).toMatchObject({ status: 'RUNNING' });
    },
    end: async (id) => {
      await client.tasks('Kill', { containerId: id, signal: 9 });
      expect(await client.wait(id)).toMatchObject({ exitStatus: 137 });
    },
    delete: async (id) => expect(await client.tasks('Delete', { containerId: id })).toMatchObject({ exitStatus: 137 }),
    'container-delete': (id) => connection.unary(containersApi, 'Delete', { id }, { namespace: daemon.namespace }),
  };

  /** Until the daemon is killed. Gives the steps that were answered, and the one that was under way. */
  async function live(id: string): Promise<{ done: Set<Step>; cut: Step | undefined }> {
    const done = new Set<Step>();
    for (const step of steps) {
      try {
        await actions[step](id);
      } catch (error) {
        await until('daemon killed', 2000, () => (isAlive(daemon.pid) ? undefined : true)).catch(() => {
          throw error; // it lives: then nothing may fail
        });
        return { done, cut: step };
      }
      done.add(step);
    }
    return { done, cut: undefined };
  }

  /** What was answered is so after the restart; what was under way is done or undone, and not half. */
  async function checkKept(id: string, done: Set<Step>, cut: Step | undefined): Promise<void> {
    const isOpen = (step: Step) => cut === step;
    if (!isOpen('container') && !isOpen('container-delete'))
      expect(await hasContainer(id)).toBe(done.has('container') && !done.has('container-delete'));
    const state = await stateOf(id);
    if (done.has('delete') || !(done.has('create') || isOpen('create'))) return expect(state).toBeUndefined();
    if (state === undefined) return expect(['create', 'delete']).toContain(cut);
    const starter = isAtOnce ? 'create' : 'start';
    const possible = [
      ...(done.has(starter) ? [] : ['CREATED']),
      ...((done.has(starter) || isOpen(starter)) && !done.has('end') ? ['RUNNING'] : []),
      ...(done.has('end') || isOpen('end') ? ['STOPPED'] : []),
    ];
    expect(possible).toContain(state.status);
    if (done.has('end')) expect(state.exitStatus).toBe(137);
  }

  /** From wherever it stands to its end. */
  async function finish(id: string): Promise<void> {
    const state = await stateOf(id);
    if (state !== undefined) {
      if (state.status !== 'STOPPED') await client.tasks('Kill', { containerId: id, signal: 9 });
      expect(await client.wait(id)).toMatchObject({ exitStatus: 137 });
      await client.tasks('Delete', { containerId: id });
    }
    if (await hasContainer(id)) await actions['container-delete'](id);
  }

  function leftovers(id: string): string[] {
    const cgroupId = `${daemon.namespace}-${id}`;
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    return [
      ...mounts.filter((line) => line.includes(daemon.directory)),
      ...hostProcesses().flatMap(({ pid, comm, cmdline }) =>
        cmdline.split(/[ /]/).includes(id) ? [`${pid} ${comm} ${cmdline}`] : [],
      ),
      ...readdirSync('/sys/fs/cgroup')
        .map((controller) => join('/sys/fs/cgroup', controller, 'tsc-task-test', cgroupId))
        .filter((path) => existsSync(path)),
      ...[
        join(daemon.state, 'io.containerd.runtime.v2.task', daemon.namespace),
        join(daemon.state, 'tsrunc', daemon.namespace),
        join(daemon.state, 'runc', daemon.namespace),
        join('/run/containerd/runc', daemon.namespace),
        join(daemon.directory, 'root/io.containerd.runtime.v2.task', daemon.namespace),
      ].flatMap((path) =>
        existsSync(path)
          ? readdirSync(path)
              .filter((entry) => entry.includes(id))
              .map((entry) => join(path, entry))
          : [],
      ),
    ];
  }

  /** What shims have told of a container since the log had that size. */
  function heardSince(size: number, id: string, topic: string): true | undefined {
    const lines = readFileSync(daemon.logFile).subarray(size).toString().split('\n');
    const isIt = (line: string) => line.includes(`"id":"${id}","topic":"${topic}","msg":"event of a shim"`);
    return lines.some(isIt) ? true : undefined;
  }

  /** Two whole lives under one daemon: every event once, in its order, whoever told it. */
  async function checkOrder(id: string): Promise<void> {
    const deletes = () => client.topicsOf(id).filter((topic) => topic === '/tasks/delete').length;
    await until('both lives told', 5000, () => (deletes() === 2 ? true : undefined));
    const seen = client.events.filter(({ containerId }) => containerId === id);
    const ofTask = client.topicsOf(id).filter((topic) => !topic.includes('exec'));
    const ofExec = seen.filter(({ execId }) => execId !== '').map(({ topic }) => topic);
    const life = ['/tasks/create', '/tasks/start', '/tasks/exit', '/tasks/exit', '/tasks/delete'];
    const exec = ['/tasks/exec-added', '/tasks/exec-started', '/tasks/exit'];
    expect(ofTask).toEqual([...life, ...life]);
    expect(ofExec).toEqual([...exec, ...exec]);
  }

  async function startArmed(point: Failpoint): Promise<void> {
    writeFileSync(token, point);
    // one that is only just coming up would be missed below, and serve the next daemon without being armed
    if (name === 'io.containerd.ts.v2')
      await until('a warm shim', 5000, () => (daemon.shims().length > 0 ? true : undefined)).catch(() => undefined);
    await daemon.kill();
    // no container is there: every shim goes, those that are just being started too, so that armed ones take their place
    await until('no process of an earlier life', 5000, () => {
      const found = processesOf(daemon.directory).filter(({ pid }) => pid !== daemon.pid);
      for (const { pid } of found.filter(({ pid }) => isAlive(pid))) process.kill(pid, 'SIGKILL');
      return found.length === 0 ? true : undefined;
    });
    await daemon.start({ TSCONTAINER_FAILPOINT: `${point}@${token}` });
    await client.subscribed();
  }

  const walked = failpoints.filter((point) => point !== 'task.reattach.found' && has(point));

  it.each(walked)('%s', async (point) => {
    const id = `f-${point.replaceAll('.', '-')}`;
    await startArmed(point);
    const { done, cut } = await live(id);
    expect(lstatSync(token, { throwIfNoEntry: false }), 'nobody came by').toBeUndefined();
    if (point.startsWith('shim.')) expect(cut).toBeUndefined();
    else {
      await until('daemon gone', 3000, () => (isAlive(daemon.pid) ? undefined : true));
      const { size } = statSync(daemon.logFile);
      await daemon.start();
      await client.subscribed();
      await checkKept(id, done, cut);
      const topic = name === 'io.containerd.ts.v2' ? untold[point] : undefined;
      if (topic !== undefined) await until(`${topic} told`, 5000, () => heardSince(size, id, topic));
    }
    await finish(id);
    // the id is free again, for a whole life
    expect((await live(id)).cut).toBeUndefined();
    const topics = client.topicsOf(id).filter((topic) => topic === '/tasks/exit');
    expect(topics.length).toBeLessThanOrEqual(4); // an exec's and an init's of each of two lives
    if (cut === undefined) await checkOrder(id);
    await until('nothing left', 5000, () => (leftovers(id).length === 0 ? true : undefined)).catch(() => undefined);
    expect(leftovers(id)).toEqual([]);
  });

  it.runIf(has('task.reattach.found'))('task.reattach.found: a daemon killed while it comes up', async () => {
    const id = 'f-reattach';
    const pid = await client.run(id, ['/bin/sleep', '100'], { ...options, rootfs: rootfs() });
    writeFileSync(token, '');
    await daemon.kill();
    await expect(daemon.start({ TSCONTAINER_FAILPOINT: `task.reattach.found@${token}` })).rejects.toThrow(/SIGKILL/);
    await daemon.start();
    await client.subscribed();
    expect(await stateOf(id)).toMatchObject({ status: 'RUNNING', pid });
    await finish(id);
    await until('nothing left', 5000, () => (leftovers(id).length === 0 ? true : undefined)).catch(() => undefined);
    expect(leftovers(id)).toEqual([]);
    rmSync(token, { force: true });
  });
});
