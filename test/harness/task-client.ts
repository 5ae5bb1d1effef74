// containerd's gRPC API as the task tests use it, with the OCI spec of a small container; works with any containerd.
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CallOptions, startKey } from '@tscontainer/platform/call-context';
import { loadMessage, loadService } from '@tscontainer/platform/contract-loader';
import { GrpcConnection } from '@tscontainer/platform/grpc-client';
import { hostProcesses } from './processes.ts';

const containersApi = loadService(
  'containerd/services/containers/v1/containers.proto',
  'containerd.services.containers.v1.Containers',
);
const tasksApi = loadService('containerd/services/tasks/v1/tasks.proto', 'containerd.services.tasks.v1.Tasks');
const eventsApi = loadService('containerd/services/events/v1/events.proto', 'containerd.services.events.v1.Events');

const runcOptions = loadMessage<object>('containerd/runc/v1/options.proto', 'containerd.runc.v1.Options');

const specType = 'types.containerd.io/opencontainers/runtime-spec/1/Spec';
const processType = 'types.containerd.io/opencontainers/runtime-spec/1/Process';

export interface SeenEvent {
  topic: string;
  containerId: string;
  /** The exec of an exit, '' for init; execId of exec events. */
  execId: string;
  exitStatus: number;
  pid: number;
}

export interface TaskOptions {
  runtime?: string;
  stdout?: string;
  stdin?: string;
  terminal?: boolean;
  /** Mounted at the bundle's rootfs in place of the shared root directory itself. */
  rootfs?: { type: string; source: string; options: string[] }[];
  annotations?: Record<string, string>;
  /** containerd.runc.v1.Options. */
  runtimeOptions?: { binaryName?: string; root?: string; systemdCgroup?: boolean };
  /** OCI linux.resources beside the devices rule. */
  resources?: object;
  /** The daemon is asked to start the process in the call that makes it; only ours does. */
  isAtOnce?: boolean;
}

const atOnce = { metadata: { [startKey]: '1' } };

const eventFiles: Record<string, ReturnType<typeof loadMessage<any>>> = {};

function decodeEvent(topic: string, event: { typeUrl: string; value: Buffer }): SeenEvent {
  const name = event.typeUrl;
  eventFiles[name] ??= loadMessage<any>('containerd/events/task.proto', name);
  const message = eventFiles[name].decode(event.value);
  const exitOf = topic === '/tasks/exit' && message.id !== message.containerId ? message.id : '';
  return {
    topic,
    containerId: message.containerId,
    execId: message.execId ?? exitOf,
    exitStatus: message.exitStatus ?? 0,
    pid: message.pid ?? 0,
  };
}

export class TaskClient {
  readonly #connection: GrpcConnection;
  readonly #namespace: string;
  readonly #listening = new AbortController();
  readonly events: SeenEvent[] = [];
  #probes = 0;
  readonly rootfs: string;
  runtime = 'io.containerd.ts.v2';

  constructor(address: string, rootfs: string, namespace = 'test') {
    this.#connection = new GrpcConnection(address);
    this.#namespace = namespace;
    this.rootfs = rootfs;
  }

  ready(timeoutMs: number): Promise<void> {
    return this.#connection.ready(timeoutMs);
  }

  close(): void {
    this.#listening.abort();
    this.#connection.close();
  }

  /** Collects task events into `events` from now on, through the daemon's restarts; resolves when it is subscribed. */
  async listen(): Promise<void> {
    void this.#follow();
    await this.subscribed();
  }

  /** Resolves when an event published now comes back: after a restart too. */
  async subscribed(): Promise<void> {
    const before = this.#probes;
    while (this.#probes === before) {
      const event = { typeUrl: 'containerd.events.TaskOOM', value: Buffer.alloc(0) };
      const options = { namespace: this.#namespace, timeoutMs: 1000 };
      await this.#connection.unary(eventsApi, 'Publish', { topic: '/probe', event }, options).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async #follow(): Promise<void> {
    const { signal } = this.#listening;
    while (!signal.aborted) {
      try {
        const stream = this.#connection.stream<object, any>(eventsApi, 'Subscribe', { filters: [] }, { signal });
        for await (const { topic, event } of stream) {
          if (topic === '/probe') this.#probes += 1;
          else if (topic.startsWith('/tasks/')) this.events.push(decodeEvent(topic, event));
        }
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 10)); // the daemon is being restarted
      }
    }
  }

  topicsOf(id: string): string[] {
    return this.events.filter((event) => event.containerId === id).map(({ topic }) => topic);
  }

  exitsOf(id: string): SeenEvent[] {
    return this.events.filter((event) => event.containerId === id && event.topic === '/tasks/exit');
  }

  tasks(method: string, request: object, timeoutMs = 20_000, more: CallOptions = {}): Promise<any> {
    const options = { namespace: this.#namespace, timeoutMs, ...more };
    return this.#connection.unary<object, any>(tasksApi, method, request, options);
  }

  async createContainer(id: string, args: string[], options: TaskOptions = {}): Promise<void> {
    const spec = specOf(`${this.#namespace}-${id}`, this.rootfs, args, options);
    const container = {
      id,
      runtime: {
        name: options.runtime ?? this.runtime,
        options: options.runtimeOptions && {
          typeUrl: runcOptions.typeName,
          value: runcOptions.encode(options.runtimeOptions),
        },
      },
      spec: { typeUrl: specType, value: Buffer.from(JSON.stringify(spec)) },
    };
    await this.#connection.unary(containersApi, 'Create', { container }, { namespace: this.#namespace });
  }

  async createTask(id: string, options: TaskOptions = {}): Promise<number> {
    const { stdin = '', stdout = '', terminal = false, rootfs = [], isAtOnce = false } = options;
    const stderr = terminal ? '' : stdout;
    const request = { containerId: id, stdin, stdout, stderr, terminal, rootfs };
    return (await this.tasks('Create', request, undefined, isAtOnce ? atOnce : {})).pid;
  }

  async run(id: string, args: string[], options: TaskOptions = {}): Promise<number> {
    await this.createContainer(id, args, options);
    const pid = await this.createTask(id, options);
    await this.tasks('Start', { containerId: id });
    return pid;
  }

  async exec(id: string, execId: string, args: string[], stdout = ''): Promise<number> {
    await this.addExec(id, execId, args, stdout);
    return (await this.tasks('Start', { containerId: id, execId })).pid;
  }

  /** Made, and not started. */
  async addExec(id: string, execId: string, args: string[], stdout = ''): Promise<void> {
    await this.#exec(id, execId, args, stdout, {});
  }

  /** Started in the call that makes it. */
  async execAtOnce(id: string, execId: string, args: string[]): Promise<void> {
    await this.#exec(id, execId, args, '', atOnce);
  }

  async #exec(id: string, execId: string, args: string[], stdout: string, options: CallOptions): Promise<void> {
    const process = { ...processOf(args, false) };
    const spec = { typeUrl: processType, value: Buffer.from(JSON.stringify(process)) };
    await this.tasks('Exec', { containerId: id, execId, stdout, stderr: stdout, spec }, undefined, options);
  }

  /** The monitors of our own runtime's containers of this client. */
  monitors(): number[] {
    return hostProcesses()
      .filter(({ comm, parent }) => comm.startsWith('tsrunc') && parent !== 0)
      .map(({ pid }) => pid);
  }

  wait(id: string, execId = ''): Promise<{ exitStatus: number }> {
    return this.tasks('Wait', { containerId: id, execId }, 60_000);
  }

  /** Every container of the namespace that has a task. */
  async removeAll(): Promise<void> {
    const { tasks } = await this.tasks('List', {}, 2000);
    for (const { containerId } of tasks) await this.remove(containerId);
  }

  async remove(id: string): Promise<void> {
    await this.tasks('Kill', { containerId: id, signal: 9, all: true }).catch(() => undefined); // it may have ended
    await this.wait(id).catch(() => undefined); // or be gone
    await this.tasks('Delete', { containerId: id }).catch(() => undefined);
    await this.#connection
      .unary(containersApi, 'Delete', { id }, { namespace: this.#namespace })
      .catch(() => undefined);
  }
}

function processOf(args: string[], terminal: boolean): object {
  const capabilities = ['CAP_CHOWN', 'CAP_KILL', 'CAP_SETUID', 'CAP_SETGID', 'CAP_NET_BIND_SERVICE', 'CAP_AUDIT_WRITE'];
  return {
    terminal,
    user: { uid: 0, gid: 0 },
    args,
    env: ['PATH=/bin:/usr/bin:/sbin', 'TERM=xterm'],
    cwd: '/',
    capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    noNewPrivileges: true,
  };
}

function specOf(cgroup: string, rootfs: string, args: string[], options: TaskOptions): object {
  const mount = (destination: string, type: string, source: string, options: string[]) => ({
    destination,
    type,
    source,
    options,
  });
  return {
    ociVersion: '1.0.2',
    process: processOf(args, options.terminal === true),
    annotations: options.annotations ?? {},
    root: { path: options.rootfs === undefined ? rootfs : 'rootfs', readonly: false },
    hostname: 'test',
    mounts: [
      mount('/proc', 'proc', 'proc', ['nosuid', 'noexec', 'nodev']),
      mount('/dev', 'tmpfs', 'tmpfs', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
      mount('/dev/pts', 'devpts', 'devpts', ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5']),
      mount('/sys', 'sysfs', 'sysfs', ['nosuid', 'noexec', 'nodev', 'ro']),
    ],
    linux: {
      cgroupsPath: `/tsc-task-test/${cgroup}`,
      resources: { devices: [{ allow: false, access: 'rwm' }], ...options.resources },
      namespaces: ['pid', 'ipc', 'uts', 'mount', 'network'].map((type) => ({ type })),
    },
  };
}

/** A root filesystem of busybox alone. */
export function busyboxRoot(): string {
  const root = mkdtempSync('/tmp/tsc-root-');
  for (const directory of ['bin', 'proc', 'dev', 'sys', 'tmp', 'etc']) mkdirSync(join(root, directory));
  cpSync('/usr/bin/busybox', join(root, 'bin/busybox'), { dereference: true });
  for (const applet of [
    'sh',
    'true',
    'false',
    'sleep',
    'echo',
    'cat',
    'id',
    'ps',
    'kill',
    'ls',
    'hostname',
    'stty',
    'tty',
    'seq',
    'dd',
  ])
    symlinkSync('busybox', join(root, 'bin', applet));
  writeFileSync(join(root, 'etc/not-a-program'), 'no program\n', { mode: 0o644 });
  return root;
}

export function removeRoot(root: string): void {
  rmSync(root, { recursive: true, force: true });
}
