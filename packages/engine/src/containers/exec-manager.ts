// Exec processes: made by `create`, run once by `start`, kept in memory until their container goes.
import { closeSync, constants, mkdirSync, openSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { ContainerError, errorMessageOf, isNotFound } from '@tscontainer/core/errors';
import { newId } from '@tscontainer/core/ids';
import type { Process } from '@tscontainer/core/oci-runtime';
import { makeFifo } from '@tscontainer/linux/fifo';
import { askingForStart } from '../containerd/start-at-once.ts';
import type { RawConnection } from '../http/hijack.ts';
import { writePiece } from '../http/stream-frames.ts';
import type { OutputName } from '../logs/output-pump.ts';
import { containerCapabilities } from './capabilities.ts';
import type { Container } from './container.ts';
import { checkNotRestarting } from './container-stopper.ts';
import { disposeTree } from './disposal.ts';
import type { EngineContext } from './engine-context.ts';
import type { TaskExitFacts } from './exit-note.ts';
import { parseDetachKeys, pumpInput } from './input-pump.ts';
import { capabilitySets, defaultPath, hasNoNewPrivileges, mergeEnvironment, withHome } from './spec-builder.ts';
import { rlimitsOf } from './spec-resources.ts';
import { StdinPipe } from './stdin-pipe.ts';
import { execFailure } from './task-errors.ts';
import { readRunningUserFiles } from './user-files-cache.ts';
import { type ResolvedUser, resolveUser } from './user-lookup.ts';

export interface ExecConfig {
  AttachStdin: boolean;
  AttachStdout: boolean;
  AttachStderr: boolean;
  DetachKeys: string;
  Tty: boolean;
  Env: string[];
  Cmd: string[];
  Privileged: boolean;
  User: string;
  WorkingDir: string;
}

export interface Exec {
  id: string;
  container: Container;
  config: ExecConfig;
  user: ResolvedUser;
  isRunning: boolean;
  hasStarted: boolean;
  /** While its process is being made: who has the stream already may ask for more. */
  launching: Promise<void> | undefined;
  /** Undefined until it has ended. */
  exitCode: number | undefined;
  pid: number;
  exited: PromiseWithResolvers<TaskExitFacts>;
}

const processTypeUrl = 'types.containerd.io/opencontainers/runtime-spec/1/Process';
/** Longest wait for output after the exit. */
const drainTimeoutMs = 2000;
/** After an exit, until its process is deleted. */
const deletionDelayMs = 8;
/** Of one that ended with its container, unseen. */
const killedFacts: TaskExitFacts = { exitCode: 137, exitedAtNs: 0n };
/** Ended ones kept per container, for their exit codes. */
const maxEndedPerContainer = 1000;

export class ExecManager {
  readonly #context: EngineContext;
  readonly #execs = new Map<string, Exec>();

  constructor(context: EngineContext) {
    this.#context = context;
  }

  /**
   * Rejects failed-precondition unless the container runs, invalid-argument for a user that it does not have. It is
   * forgotten with its container.
   */
  async create(container: Container, config: ExecConfig): Promise<Exec> {
    if (config.Cmd.length === 0) throw new ContainerError('invalid-argument', 'No exec command specified');
    parseDetachKeys(config.DetachKeys);
    checkRunning(container);
    const user = await userOf(container, config);
    const exec: Exec = {
      id: newId(),
      container,
      config,
      user,
      isRunning: false,
      hasStarted: false,
      launching: undefined,
      exitCode: undefined,
      pid: 0,
      exited: Promise.withResolvers(),
    };
    const isFirst = container.execIds.size + container.endedExecIds.size === 0;
    if (isFirst) void container.waitFor('removed').then(() => this.#forget(container));
    this.#execs.set(exec.id, exec);
    container.execIds.add(exec.id);
    this.#publish('exec_create', exec);
    return exec;
  }

  /** By id or a prefix of it. Throws not-found. */
  get(id: string): Exec {
    const exec =
      this.#execs.get(id) ??
      [...this.#execs.values()].find((candidate) => id.length >= 12 && candidate.id.startsWith(id));
    if (exec === undefined) throw new ContainerError('not-found', `No such exec instance: ${id}`);
    return exec;
  }

  /**
   * Runs it. `connect` is called once the process is sure to be tried, and gives the client's streams; undefined when
   * detached. Resolves at the end of the process with a client, else once it runs.
   */
  async start(exec: Exec, connect: (() => RawConnection) | undefined): Promise<void> {
    if (exec.hasStarted)
      throw new ContainerError('failed-precondition', `Error: Exec command ${exec.id} has already run`);
    checkRunning(exec.container);
    exec.hasStarted = true;
    const directory = this.#context.paths.execRun(exec.container.id, exec.id);
    const streams: OutputName[] = connect === undefined ? [] : exec.config.Tty ? ['stdout'] : ['stdout', 'stderr'];
    const hasStdin = connect !== undefined && exec.config.AttachStdin;
    try {
      const process = await this.#processOf(exec).catch((error) => {
        throw this.#failed(exec, error, connect?.());
      });
      if (connect !== undefined) makeFifos(directory, [...streams, ...(hasStdin ? ['stdin'] : [])]);
      // there before the process, the rest of the engine's ends is made while the daemon works
      const ends = openEnds(directory, streams, hasStdin);
      const { stdin, readers } = ends;
      const running = this.#run(exec, process, directory, streams, hasStdin);
      exec.launching = running;
      running.catch(() => undefined); // met below
      await nextTurn();
      const connection = connectOr(connect, ends.close);
      const outputs =
        connection === undefined
          ? []
          : readers.map(({ stream, fd }) => new ExecOutput(fd, stream, connection, exec.config.Tty));
      try {
        await running;
      } catch (error) {
        stdin?.destroy();
        for (const output of outputs) output.close();
        throw this.#failed(exec, error, connection);
      }
      if (connection !== undefined) await this.#serve(exec, connection, stdin, outputs);
    } finally {
      if (connect !== undefined) disposeTree(directory, this.#context.log);
    }
  }

  /** From the event stream. */
  exited(execId: string, facts: TaskExitFacts): void {
    const exec = this.#execs.get(execId);
    if (exec === undefined || exec.exitCode !== undefined) return;
    exec.exited.resolve(facts);
    exec.isRunning = false;
    exec.exitCode = facts.exitCode;
    this.#retire(exec);
    this.#publish('exec_die', exec, { exitCode: String(facts.exitCode) });
    // off the path: the exit code is known, and the tidying up takes no processor from who was just told
    setTimeout(() => this.#deleteProcess(exec), deletionDelayMs);
  }

  #deleteProcess({ id: execId, container }: Exec): void {
    this.#context.client.tasks.DeleteProcess({ containerId: container.id, execId }).catch((error) => {
      if (!isNotFound(error)) this.#context.log.warn({ execId, err: errorMessageOf(error) }, 'exec not deleted');
    });
  }

  /** Its processes died with it; those whose own event has not come yet are told as killed. */
  containerExited(container: Container): void {
    for (const id of container.execIds) {
      const exec = this.#execs.get(id);
      if (exec?.isRunning) setTimeout(() => this.exited(id, killedFacts), drainTimeoutMs).unref();
    }
  }

  /** Whoever is still attached to one is told its end now: its event finds no container any more. */
  #forget(container: Container): void {
    for (const id of [...container.execIds]) if (this.#execs.get(id)?.isRunning) this.exited(id, killedFacts);
    for (const id of [...container.execIds, ...container.endedExecIds]) this.#execs.delete(id);
    container.execIds.clear();
    container.endedExecIds.clear();
  }

  async resize(exec: Exec, width: number, height: number): Promise<void> {
    await exec.launching?.catch(() => undefined); // told to whoever started it
    if (!exec.isRunning) throw new ContainerError('failed-precondition', `exec ${exec.id} is not running`);
    await this.#context.client.tasks.ResizePty({ containerId: exec.container.id, execId: exec.id, width, height });
  }

  async #run(exec: Exec, process: Process, directory: string, streams: OutputName[], hasStdin: boolean): Promise<void> {
    const { client } = this.#context;
    const { tasks } = client;
    const path = (stream: OutputName | 'stdin') => join(directory, stream);
    const request = {
      containerId: exec.container.id,
      execId: exec.id,
      stdin: hasStdin ? path('stdin') : '',
      stdout: streams.includes('stdout') ? path('stdout') : '',
      stderr: streams.includes('stderr') ? path('stderr') : '',
      terminal: exec.config.Tty,
      spec: { typeUrl: processTypeUrl, value: Buffer.from(JSON.stringify(process)) },
    };
    exec.isRunning = true;
    try {
      const { startedPid } = await askingForStart(client, true, (options) => tasks.Exec(request, options));
      exec.pid = startedPid ?? (await tasks.Start({ containerId: exec.container.id, execId: exec.id })).pid;
    } catch (error) {
      exec.isRunning = false;
      await tasks.DeleteProcess({ containerId: exec.container.id, execId: exec.id }).catch(() => undefined);
      throw error;
    }
    this.#publish('exec_start', exec);
  }

  /** Ends once the process has exited and its output is with the client; then the connection closes. */
  async #serve(
    exec: Exec,
    connection: RawConnection,
    stdin: StdinPipe | undefined,
    outputs: ExecOutput[],
  ): Promise<void> {
    const { tasks } = this.#context.client;
    const closeStdin = async () => {
      await tasks
        .CloseIO({ containerId: exec.container.id, execId: exec.id, stdin: true })
        .catch((error) => this.#context.log.debug({ execId: exec.id, err: errorMessageOf(error) }, 'stdin not closed'));
    };
    if (stdin === undefined) connection.input.resume();
    else
      pumpInput(connection.input, stdin, {
        opened: Promise.resolve(),
        closesAtEnd: !exec.config.Tty,
        onClosed: closeStdin,
        detachKeys: exec.config.Tty ? parseDetachKeys(exec.config.DetachKeys) : undefined,
        onDetach: () => {
          connection.output.end(); // the process goes on, its output is read and dropped
          this.#publish('exec_detach', exec);
        },
      });
    await exec.exited.promise;
    await Promise.all(outputs.map((output) => output.finish(drainTimeoutMs)));
    stdin?.destroy();
    connection.output.end();
  }

  /** After the connection was taken over the reason goes into the stream, as docker has it. */
  #failed(exec: Exec, cause: unknown, connection: RawConnection | undefined): ContainerError {
    const { error, exitCode } = execFailure(exec.config.Cmd[0] ?? '', cause);
    exec.isRunning = false;
    exec.exitCode = exitCode;
    this.#retire(exec);
    if (connection !== undefined) {
      writePiece(connection.output, exec.config.Tty, 'stdout', Buffer.from(`${error.message}\r\n`));
      connection.output.end();
    }
    return error;
  }

  async #processOf(exec: Exec): Promise<Process> {
    const { config, container } = exec;
    const { settings } = container;
    const host = settings.hostConfig;
    const { user } = exec;
    const isPrivileged = config.Privileged || host.Privileged;
    const base = [`PATH=${defaultPath}`, `HOSTNAME=${settings.config.Hostname}`, ...(config.Tty ? ['TERM=xterm'] : [])];
    return {
      terminal: config.Tty,
      user: {
        uid: user.uid,
        gid: user.gid,
        ...(user.additionalGids.length === 0 ? {} : { additionalGids: user.additionalGids }),
      },
      args: config.Cmd,
      env: withHome(mergeEnvironment(base, settings.config.Env, config.Env), user.home),
      cwd: config.WorkingDir || settings.config.WorkingDir || '/',
      capabilities: capabilitySets(containerCapabilities(isPrivileged, host.CapAdd, host.CapDrop), user.uid === 0),
      ...(host.Ulimits === null ? {} : { rlimits: rlimitsOf(host) }),
      noNewPrivileges: hasNoNewPrivileges(host),
    };
  }

  #retire({ id, container }: Exec): void {
    container.execIds.delete(id);
    container.endedExecIds.add(id);
    if (container.endedExecIds.size <= maxEndedPerContainer) return;
    const [oldest = ''] = container.endedExecIds;
    this.#execs.delete(oldest);
    container.endedExecIds.delete(oldest);
  }

  #publish(action: string, exec: Exec, extra: Record<string, string> = {}): void {
    // a program without arguments leaves docker's blank
    const [program = '', ...args] = exec.config.Cmd;
    const command = `${program} ${args.join(' ')}`;
    const suffix = action === 'exec_die' ? '' : `: ${command}`;
    this.#context.events.publish(
      'container',
      `${action}${suffix}`,
      exec.container.id,
      exec.container.eventAttributes({ execID: exec.id, ...extra }),
    );
  }
}

async function userOf(container: Container, { User }: ExecConfig): Promise<ResolvedUser> {
  // without a user of its own it runs as the container does, and nothing is to be read
  if (User === '' && container.user !== undefined) return container.user;
  const files = await readRunningUserFiles(container.state.pid);
  return resolveUser(User || container.settings.config.User, container.settings.hostConfig.GroupAdd ?? [], files);
}

function checkRunning(container: Container): void {
  checkNotRestarting(container);
  if (container.state.status === 'paused')
    throw new ContainerError(
      'failed-precondition',
      `Container ${container.name} is paused, unpause the container before exec`,
    );
  if (!container.isRunning) throw new ContainerError('failed-precondition', `container ${container.id} is not running`);
}

function makeFifos(directory: string, names: string[]): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const name of names) makeFifo(join(directory, name), 0o600);
}

interface FifoEnds {
  stdin: StdinPipe | undefined;
  readers: { stream: OutputName; fd: number }[];
  /** Of all, while nobody has taken them over. */
  close(): void;
}

/** Leaves none open when it throws. */
function openEnds(directory: string, streams: OutputName[], hasStdin: boolean): FifoEnds {
  const readers: FifoEnds['readers'] = [];
  let stdin: StdinPipe | undefined;
  const close = () => {
    stdin?.destroy();
    for (const { fd } of readers) closeSync(fd);
  };
  try {
    if (hasStdin) stdin = new StdinPipe(join(directory, 'stdin'));
    for (const stream of streams) {
      const fd = openSync(join(directory, stream), constants.O_RDONLY | constants.O_NONBLOCK);
      readers.push({ stream, fd });
    }
  } catch (error) {
    close();
    throw error;
  }
  return { stdin, readers, close };
}

/** `onFailure` before what `connect` throws is thrown. */
function connectOr(connect: (() => RawConnection) | undefined, onFailure: () => void): RawConnection | undefined {
  try {
    return connect?.();
  } catch (error) {
    onFailure();
    throw error;
  }
}

/** What was written in this turn of the event loop has left by then. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** One output of an exec: FIFO to client, held back while the client lags behind. */
class ExecOutput {
  readonly #socket: net.Socket;
  readonly #ended: Promise<void>;

  constructor(fd: number, stream: OutputName, connection: RawConnection, isRaw: boolean) {
    const { output } = connection;
    this.#socket = new net.Socket({ fd, readable: true, writable: false });
    this.#ended = new Promise((resolve) => this.#socket.once('close', () => resolve()));
    this.#socket.on('error', () => this.#socket.destroy());
    this.#socket.on('data', (piece) => {
      // a client that is gone does not stop the process: its output is read and dropped
      if (output.destroyed || output.writableEnded) return;
      if (writePiece(output, isRaw, stream, piece)) return;
      this.#socket.pause();
      const resume = () => {
        output.off('drain', resume);
        output.off('close', resume);
        this.#socket.resume();
      };
      output.on('drain', resume);
      output.on('close', resume);
    });
  }

  async finish(timeoutMs: number): Promise<void> {
    const timer = setTimeout(() => this.close(), timeoutMs);
    await this.#ended;
    clearTimeout(timer);
  }

  close(): void {
    this.#socket.destroy();
  }
}
