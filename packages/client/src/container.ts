// One container, by its id or name: everything that the API does with it. Made without asking the engine.
import { type Readable, Readable as ReadableStream } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { isOlderVersion } from './connection.ts';
import type {
  ContainerInspect,
  ContainerStats,
  ContainerUpdateBody,
  ExecCreateBody,
  FilesystemChange,
  ProcessTable,
} from './contracts/engine-api.ts';
import type { EngineCalls, QueryOf } from './engine-calls.ts';
import { EngineStream } from './engine-stream.ts';
import { EngineError, ProtocolError } from './errors.ts';
import { Exec, ExecSession } from './exec-session.ts';
import { readJsonLines } from './json-lines.ts';
import { type LogLine, readLogLines } from './log-lines.ts';
import { ProcessSession } from './process-session.ts';

export interface Abortable {
  signal?: AbortSignal | undefined;
}

export type WaitCondition = NonNullable<QueryOf<'ContainerWait'>['condition']>;

/** What is at a path of a container. */
export interface PathStat {
  name: string;
  size: number;
  /** Bits of Go's os.FileMode. */
  mode: number;
  mtime: string;
  linkTarget: string;
}

/** Between two looks at its health. */
const healthPauseMs = 100;
const framedType = 'application/vnd.docker.multiplexed-stream';
/** From this version on the content type of a stream says whether it is framed. */
const typedStreamsVersion = '1.42';

export class Container {
  /** As it was created or named. */
  readonly id: string;
  readonly #calls: EngineCalls;

  constructor(calls: EngineCalls, id: string) {
    this.#calls = calls;
    this.id = id;
  }

  inspect(options: QueryOf<'ContainerInspect'> & Abortable = {}): Promise<ContainerInspect> {
    const { signal, ...query } = options;
    return this.#calls.json('ContainerInspect', { of: this.id, query, signal });
  }

  /** One that runs already is left as it is. */
  async start({ signal }: Abortable = {}): Promise<void> {
    await this.#calls.status('ContainerStart', { of: this.id, signal });
  }

  /** One that does not run is left as it is. `t`: seconds until it is killed. */
  async stop({ signal: abort, ...query }: { t?: number } & Abortable = {}): Promise<void> {
    await this.#calls.status('ContainerStop', { of: this.id, query, signal: abort });
  }

  async restart({ signal: abort, ...query }: { t?: number } & Abortable = {}): Promise<void> {
    await this.#calls.status('ContainerRestart', { of: this.id, query, signal: abort });
  }

  /** SIGKILL by default. */
  async kill(signalName?: string, { signal }: Abortable = {}): Promise<void> {
    await this.#calls.status('ContainerKill', { of: this.id, query: { signal: signalName }, signal });
  }

  async pause({ signal }: Abortable = {}): Promise<void> {
    await this.#calls.status('ContainerPause', { of: this.id, signal });
  }

  async unpause({ signal }: Abortable = {}): Promise<void> {
    await this.#calls.status('ContainerUnpause', { of: this.id, signal });
  }

  async rename(name: string, { signal }: Abortable = {}): Promise<void> {
    await this.#calls.status('ContainerRename', { of: this.id, query: { name }, signal });
  }

  /** What the engine warns of. */
  async update(body: ContainerUpdateBody, { signal }: Abortable = {}): Promise<string[]> {
    return (await this.#calls.json('ContainerUpdate', { of: this.id, body, signal })).Warnings ?? [];
  }

  /** `force` kills it first; `v` takes its anonymous volumes along. */
  async remove({ signal, ...query }: Omit<QueryOf<'ContainerDelete'>, 'link'> & Abortable = {}): Promise<void> {
    await this.#calls.status('ContainerDelete', { of: this.id, query, signal });
  }

  top(psArguments?: string, { signal }: Abortable = {}): Promise<ProcessTable> {
    return this.#calls.json('ContainerTop', { of: this.id, query: { ps_args: psArguments }, signal });
  }

  async changes({ signal }: Abortable = {}): Promise<FilesystemChange[]> {
    return (await this.#calls.json('ContainerChanges', { of: this.id, signal })) ?? [];
  }

  /** Rows and columns of its terminal. */
  async resize(size: { h: number; w: number }, { signal }: Abortable = {}): Promise<void> {
    await this.#calls.status('ContainerResize', { of: this.id, query: size, signal });
  }

  /** The exit code, when the condition holds: by default when it does not run. */
  async wait(options: { condition?: WaitCondition } & Abortable = {}): Promise<number> {
    return (await this.watchExit({ condition: 'not-running', ...options })).exited;
  }

  /**
   * Resolves once the engine has taken note: whoever starts the container then misses no exit, however short its life.
   * `exited` is the exit code. By default it is the next exit.
   */
  async watchExit(options: { condition?: WaitCondition } & Abortable = {}): Promise<{ exited: Promise<number> }> {
    const { condition = 'next-exit', signal } = options;
    const response = await this.#calls.open('ContainerWait', { of: this.id, query: { condition }, signal });
    const exited = exitCodeFrom(response);
    exited.catch(() => undefined); // told when it is asked for
    return { exited };
  }

  /** Lines of its log. Both streams, unless one is turned off. */
  logs({ signal, ...query }: QueryOf<'ContainerLogs'> & Abortable = {}): EngineStream<LogLine> {
    return new EngineStream(async (end) => {
      const wanted = { stdout: true, stderr: true, ...query };
      const response = await this.#calls.open('ContainerLogs', { of: this.id, query: wanted, signal: end });
      const isTerminal = await this.#isTerminal(response.headers['content-type']);
      return readLogLines(response, { isTerminal, hasTimes: query.timestamps === true });
    }, signal);
  }

  /**
   * The first line of its log, past ones included, that holds a text or matches: whoever asks after the start misses none.
   * Rejects when the container ends without it.
   */
  async waitForLine(wanted: string | RegExp, { signal }: Abortable = {}): Promise<LogLine> {
    for await (const line of this.logs({ follow: true, signal }))
      if (typeof wanted === 'string' ? line.text.includes(wanted) : wanted.test(line.text)) return line;
    throw new EngineError(`container ${this.id} ended, and wrote no line with ${wanted}`, { call: 'wait for a line' });
  }

  /** Until its health check says that it is well. Rejects when it ends, is found unhealthy, or has no health check. */
  async waitHealthy({ signal }: Abortable = {}): Promise<void> {
    for (;;) {
      const { State } = await this.inspect({ signal });
      const status = State.Running ? State.Health?.Status : 'not running';
      if (status === 'healthy') return;
      if (status !== 'starting')
        throw new EngineError(`container ${this.id} is ${status ?? 'without a health check'}`, {
          call: 'wait for health',
        });
      await pause(healthPauseMs, undefined, signal === undefined ? {} : { signal });
    }
  }

  /** A sample a second. The first has no sample before it. */
  stats({ signal }: Abortable = {}): EngineStream<ContainerStats> {
    return new EngineStream(async (end) => {
      const response = await this.#calls.open('ContainerStats', { of: this.id, query: { stream: true }, signal: end });
      return readJsonLines<ContainerStats>(response);
    }, signal);
  }

  /** One sample, with the one of a second before in `precpu_stats`. */
  statsOnce({ signal }: Abortable = {}): Promise<ContainerStats> {
    return this.#calls.json('ContainerStats', { of: this.id, query: { stream: false }, signal });
  }

  /** To its streams, from now on; with `logs` also what it has written. Outputs by default, input if it is asked for. */
  async attach(
    options: {
      stdin?: boolean;
      stdout?: boolean;
      stderr?: boolean;
      logs?: boolean;
      detachKeys?: string;
    } & Abortable = {},
  ): Promise<ProcessSession> {
    const { signal, ...wanted } = options;
    const query = { stream: true, stdin: false, stdout: true, stderr: true, ...wanted };
    const stream = await this.#calls.hijack('ContainerAttach', {
      of: this.id,
      query,
      contentType: 'text/plain',
      signal,
    });
    try {
      return new ProcessSession(stream, { isTerminal: await this.#isTerminal(stream.contentType), signal });
    } catch (error) {
      stream.socket.destroy();
      throw error;
    }
  }

  /** Runs a process in it, attached to. Without `AttachStdin` it reads the end of input at once. */
  async exec(command: readonly string[] | ExecCreateBody, { signal }: Abortable = {}): Promise<ExecSession> {
    const body = { AttachStdout: true, AttachStderr: true, ...toExecBody(command) };
    const { Id } = await this.#calls.json('ContainerExec', { of: this.id, body, signal });
    const isTerminal = body.Tty === true;
    const start = { of: Id, body: { Detach: false, Tty: isTerminal }, signal };
    const stream = await this.#calls.hijack('ExecStart', start);
    return new ExecSession(new Exec(this.#calls, Id), stream, { isTerminal, signal });
  }

  /** Starts a process in it and leaves it alone. */
  async execDetached(command: readonly string[] | ExecCreateBody, { signal }: Abortable = {}): Promise<Exec> {
    const { Id } = await this.#calls.json('ContainerExec', { of: this.id, body: toExecBody(command), signal });
    await this.#calls.status('ExecStart', { of: Id, body: { Detach: true }, signal });
    return new Exec(this.#calls, Id);
  }

  async statPath(path: string, { signal }: Abortable = {}): Promise<PathStat> {
    const response = await this.#calls.open('ContainerArchiveInfo', { of: this.id, query: { path }, signal });
    response.resume();
    return toPathStat(response.headers['x-docker-container-path-stat']);
  }

  /** A file or directory as a tar. */
  async getArchive(path: string, { signal }: Abortable = {}): Promise<{ stat: PathStat; tar: Readable }> {
    const response = await this.#calls.open('ContainerArchive', { of: this.id, query: { path }, signal });
    return { stat: toPathStat(response.headers['x-docker-container-path-stat']), tar: response };
  }

  /** Unpacks a tar into a directory that is there. */
  async putArchive(
    path: string,
    tar: Uint8Array | NodeJS.ReadableStream,
    { signal, ...query }: Omit<QueryOf<'PutContainerArchive'>, 'path'> & Abortable = {},
  ): Promise<void> {
    await this.#calls.status('PutContainerArchive', {
      of: this.id,
      query: { path, ...query },
      bodyStream: toStream(tar),
      contentType: 'application/x-tar',
      signal,
    });
  }

  /** Its whole filesystem as a tar. */
  async export({ signal }: Abortable = {}): Promise<Readable> {
    return await this.#calls.open('ContainerExport', { of: this.id, signal });
  }

  /** Makes an image of it; the image's id. */
  async commit({ signal, ...options }: Omit<QueryOf<'ImageCommit'>, 'container'> & Abortable = {}): Promise<string> {
    const query = { container: this.id, ...options };
    return (await this.#calls.json('ImageCommit', { query, body: {}, signal })).Id;
  }

  async #isTerminal(contentType: string | undefined): Promise<boolean> {
    if (!isOlderVersion(await this.#calls.connection.apiVersion(), typedStreamsVersion))
      return !(contentType ?? '').startsWith(framedType);
    return (await this.inspect()).Config.Tty === true;
  }
}

export function toStream(bytes: Uint8Array | NodeJS.ReadableStream): NodeJS.ReadableStream {
  return bytes instanceof Uint8Array ? ReadableStream.from([bytes], { objectMode: false }) : bytes;
}

function toExecBody(command: readonly string[] | ExecCreateBody): ExecCreateBody {
  return Array.isArray(command) ? { Cmd: command as readonly string[] } : (command as ExecCreateBody);
}

async function exitCodeFrom(response: AsyncIterable<unknown>): Promise<number> {
  for await (const { StatusCode, Error: failure } of readJsonLines<{ StatusCode: number; Error?: { Message: string } }>(
    response,
  )) {
    if (failure?.Message) throw new EngineError(failure.Message, { call: 'POST /containers/{id}/wait' });
    return StatusCode;
  }
  throw new ProtocolError('wait for a container: the answer ended without an exit code');
}

function toPathStat(header: string | string[] | undefined): PathStat {
  try {
    return JSON.parse(Buffer.from(String(header ?? ''), 'base64').toString()) as PathStat;
  } catch (error) {
    throw new ProtocolError('read X-Docker-Container-Path-Stat: not JSON in base64', { cause: error });
  }
}
