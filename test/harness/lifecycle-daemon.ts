// A tscontainerd alone, in a directory of its own, for tests at the gRPC level; and Debian's containerd in the same way.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { run, until } from './command.ts';
import { isAlive, processesOf } from './processes.ts';
import { binDirectory } from './repository.ts';
import { busyboxRoot, removeRoot, TaskClient } from './task-client.ts';

export interface LifecycleDaemonOptions {
  /** Debian's containerd in place of tscontainerd. */
  isReal?: boolean;
  env?: Record<string, string>;
  /** TOML, after what the real one needs. */
  config?: string;
  logLevel?: string;
  /** A command that runs the daemon, e.g. in a mount namespace of its own; it must end in that very process. */
  wrapper?: string[];
}

export class LifecycleDaemon {
  readonly directory = mkdtempSync('/tmp/tsc-ld-');
  readonly rootfs = busyboxRoot();
  /** Of this daemon alone: runc keeps its state by namespace, machine-wide. */
  readonly namespace = `test-${randomBytes(4).toString('hex')}`;
  readonly #isReal: boolean;
  readonly #env: Record<string, string>;
  readonly #options: LifecycleDaemonOptions;
  #process: ChildProcess | undefined;
  readonly #clients: TaskClient[] = [];

  constructor(options: LifecycleDaemonOptions = {}) {
    this.#options = options;
    this.#isReal = options.isReal === true;
    this.#env = options.env ?? {};
  }

  get address(): string {
    return join(this.directory, 'c.sock');
  }

  get logFile(): string {
    return join(this.directory, 'log');
  }

  get state(): string {
    return join(this.directory, 'state');
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** `more`: environment of this life alone. */
  async start(more: Record<string, string> = {}): Promise<void> {
    const log = openSync(this.logFile, 'a');
    const flags = ['--root', join(this.directory, 'root'), '--state', this.state, '--address', this.address];
    const file = this.#isReal ? '/usr/bin/containerd' : join(binDirectory, 'tscontainerd');
    const config = join(this.directory, 'config.toml');
    if (!existsSync(config)) writeFileSync(config, (this.#isReal ? realConfig : '') + (this.#options.config ?? ''));
    const env = { ...process.env, ...this.#env, ...more, PATH: `${binDirectory}:${process.env['PATH']}` };
    const own = [file, '--config', config, '--log-level', this.#options.logLevel ?? 'debug', ...flags];
    const [command = '', ...words] = [...(this.#options.wrapper ?? []), ...own];
    const child = spawn(command, words, {
      stdio: ['ignore', log, log],
      env,
    });
    this.#process = child;
    const client = new TaskClient(this.address, this.rootfs);
    try {
      await until('daemon answers', 15_000, async () => {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`daemon ended with ${child.exitCode ?? child.signalCode}:\n${this.logTail()}`);
        return client.tasks('List', {}, 1000).then(
          () => true,
          () => undefined,
        );
      });
    } finally {
      client.close();
    }
  }

  logTail(): string {
    return readFileSync(this.logFile, 'utf8').slice(-6000);
  }

  client(runtime: string, namespace = this.namespace): TaskClient {
    const client = new TaskClient(this.address, this.rootfs, namespace);
    client.runtime = runtime;
    this.#clients.push(client);
    return client;
  }

  /** The serving shims of this daemon. */
  shims(): number[] {
    return processesOf(this.directory)
      .filter(
        ({ cmdline }) =>
          /containerd-shim/.test(cmdline.split(' ').slice(0, 3).join(' ')) && !/ (start|delete)$/.test(cmdline),
      )
      .map(({ pid }) => pid);
  }

  async kill(): Promise<void> {
    const { pid } = this;
    process.kill(pid, 'SIGKILL');
    await until('daemon gone', 5000, () => (isAlive(pid) ? undefined : true));
  }

  async killShims(): Promise<void> {
    const pids = this.shims();
    if (pids.length === 0) throw new Error('kill shims: none runs');
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await until('shims gone', 5000, () => (pids.some(isAlive) ? undefined : true));
  }

  /** Ends everything, and takes the directories and the tests' cgroups away. */
  async stop(): Promise<void> {
    for (const client of this.#clients) await client.removeAll().catch(() => undefined); // the daemon may be dead
    for (const client of this.#clients) client.close();
    const leftovers = () => processesOf(this.directory);
    const daemon = this.#process;
    if (daemon?.exitCode === null && daemon.signalCode === null) daemon.kill('SIGTERM');
    await until('daemon stopped', 10_000, () =>
      daemon === undefined || !isAlive(daemon.pid ?? 0) ? true : undefined,
    ).catch(() => undefined);
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      for (const { pid } of leftovers()) process.kill(pid, signal);
      await until('processes gone', 3000, () => (leftovers().length === 0 ? true : undefined)).catch(() => undefined);
    }
    for (const controller of readdirSync('/sys/fs/cgroup')) {
      removeCgroup(join('/sys/fs/cgroup', controller, 'tsc-task-test'));
      removeCgroup(join('/sys/fs/cgroup', controller, this.namespace)); // where ctr puts its containers
    }
    for (const path of mountsBelow(this.directory)) await run('umount', ['-l', path]); // of a daemon that was killed
    rmSync(this.directory, { recursive: true, force: true });
    removeRoot(this.rootfs);
    rmSync(join('/run/containerd/runc', this.namespace), { recursive: true, force: true });
  }
}

/** Only runtimes and what they need: no CRI, no snapshotter that this machine lacks. */
const realConfig = `version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs", "io.containerd.internal.v1.opt"]
`;

/** The latest first. */
function mountsBelow(directory: string): string[] {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
  return points.filter((point) => point.startsWith(`${directory}/`)).reverse();
}

function removeCgroup(path: string): void {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeCgroup(join(path, entry.name));
  try {
    rmdirSync(path);
  } catch {
    // a process is still ending in it
  }
}
