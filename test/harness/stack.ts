// Starts the whole chain for a test, in directories and a network namespace of its own, and takes all of it away again.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { type CommandOptions, type CommandResult, run, until } from './command.ts';
import { addNetworkNamespace, type NetworkNamespace } from './network-namespace.ts';
import { isAlive, processesOf } from './processes.ts';
import { mountTmpfs } from './real-dockerd.ts';
import { binDirectory } from './repository.ts';

export interface StackOptions {
  /** Prepared by the test, and removed with the stack. */
  network?: NetworkNamespace;
  /** Further flags for tsengined. */
  engineFlags?: string[];
  /** The exec root lies on a tmpfs, as /run is on an installed Debian. */
  hasTmpfs?: boolean;
  /** Milliseconds for the engine to answer. */
  readyTimeoutMs?: number;
}

export type StackDaemon = 'tsengined' | 'tscontainerd' | 'containerd-shim';

/** Story: `startStack`, use, `stop` (also after a failure: put it into afterAll). */
export class Stack {
  readonly directory: string;
  readonly socket: string;
  readonly network: NetworkNamespace;
  readonly #flags: string[];
  #engine: ChildProcess | undefined;

  constructor(directory: string, network: NetworkNamespace, flags: string[]) {
    this.directory = directory;
    this.socket = join(directory, 'engine.sock');
    this.network = network;
    this.#flags = flags;
  }

  get logFile(): string {
    return join(this.directory, 'engine.log');
  }

  async startEngine(readyTimeoutMs = 20_000): Promise<void> {
    const log = openSync(this.logFile, 'a');
    const [file, args] = this.network.enter(join(binDirectory, 'tsengined'), [
      '-H',
      `unix://${this.socket}`,
      '--data-root',
      join(this.directory, 'data'),
      '--exec-root',
      join(this.directory, 'exec'),
      '--pidfile',
      join(this.directory, 'engine.pid'),
      ...this.#flags,
    ]);
    const engine = spawn(file, args, { stdio: ['ignore', log, log] });
    this.#engine = engine;
    await until('engine answers', readyTimeoutMs, async () => {
      if (engine.exitCode !== null) throw new Error(`tsengined ended with ${engine.exitCode}:\n${this.logTail()}`);
      const answer = await this.api('GET', '/_ping').catch(() => undefined);
      return answer?.status === 200 ? true : undefined;
    });
  }

  logTail(): string {
    return readFileSync(this.logFile, 'utf8').slice(-4000);
  }

  /** The pids of one kind of daemon of this stack. */
  pids(daemon: StackDaemon): number[] {
    return processesOf(this.directory)
      .filter((found) => found.comm.startsWith(daemon.slice(0, 15)) && !found.cmdline.startsWith('nsenter'))
      .map((found) => found.pid);
  }

  /** kill -9 of every daemon of that kind; resolves when they are gone. */
  async kill(daemon: StackDaemon): Promise<void> {
    const pids = this.pids(daemon);
    if (pids.length === 0) throw new Error(`kill ${daemon}: none runs`);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await until(`${daemon} gone`, 5000, () => (pids.some(isAlive) ? undefined : true));
  }

  tsctl(args: string[], options: CommandOptions = {}): Promise<CommandResult> {
    return run(join(binDirectory, 'tsctl'), args, this.#withHost(options));
  }

  /** Debian's docker client (20.10). */
  docker(args: string[], options: CommandOptions = {}): Promise<CommandResult> {
    return run('/usr/bin/docker', args, this.#withHost(options));
  }

  /** One REST call, JSON in and out. */
  api(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: any; headers: http.IncomingHttpHeaders }> {
    return new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const jsonHeaders =
        payload === undefined
          ? {}
          : {
              'content-type': 'application/json',
              'content-length': String(Buffer.byteLength(payload)),
            };
      const request = http.request(
        {
          socketPath: this.socket,
          path,
          method,
          agent: false,
          headers: { ...jsonHeaders, ...headers },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              body: parse(Buffer.concat(chunks).toString()),
              headers: response.headers,
            }),
          );
        },
      );
      request.on('error', reject);
      request.end(payload);
    });
  }

  /** Removes every container, ends every process of the stack, and takes its directories and namespace away. */
  async stop(): Promise<void> {
    await this.#removeContainers().catch(() => undefined); // the engine may be dead: what it started is ended below
    const leftovers = () => processesOf(this.directory);
    for (const pid of this.pids('tsengined')) process.kill(pid, 'SIGTERM');
    await until('engine stopped', 10_000, () => (this.pids('tsengined').length === 0 ? true : undefined)).catch(
      () => undefined,
    );
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      for (const { pid } of leftovers()) process.kill(pid, signal);
      await until('stack gone', 3000, () => (leftovers().length === 0 ? true : undefined)).catch(() => undefined);
    }
    this.#engine?.removeAllListeners();
    await this.network.remove();
    const exec = join(this.directory, 'exec');
    if (readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${exec} `)) await run('umount', ['-l', exec]);
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #removeContainers(): Promise<void> {
    const { body } = await this.api('GET', '/containers/json?all=1');
    for (const { Id } of body as { Id: string }[]) await this.api('DELETE', `/containers/${Id}?force=1&v=1`);
  }

  #withHost(options: CommandOptions): CommandOptions {
    return {
      ...options,
      env: {
        DOCKER_HOST: `unix://${this.socket}`,
        DOCKER_CONFIG: join(this.directory, 'docker-config'),
        ...options.env,
      },
    };
  }
}

export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const directory = mkdtempSync('/tmp/tsc-');
  const network = options.network ?? (await addNetworkNamespace());
  const stack = new Stack(directory, network, options.engineFlags ?? []);
  try {
    if (options.hasTmpfs) await mountTmpfs(join(directory, 'exec'));
    await stack.startEngine(options.readyTimeoutMs);
    return stack;
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
