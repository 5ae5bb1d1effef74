// One container, by its id or name: its streams, processes and files, beside its life. Made without asking the engine.
import { type Readable, Readable as ReadableStream } from 'node:stream';
import { isOlderVersion } from './api-version.ts';
import { type Abortable, ContainerLife } from './container-life.ts';
import type { ContainerStats, ExecCreateBody } from './contracts/engine-api.ts';
import type { QueryOf } from './engine-calls.ts';
import { EngineStream } from './engine-stream.ts';
import { EngineError, ProtocolError } from './errors.ts';
import { Exec, ExecSession } from './exec-session.ts';
import { readJsonLines } from './json-lines.ts';
import { type LogLine, readLogLines } from './log-lines.ts';
import { ProcessSession } from './process-session.ts';

/** What is at a path of a container. */
export interface PathStat {
  name: string;
  size: number;
  /** Bits of Go's os.FileMode. */
  mode: number;
  mtime: string;
  linkTarget: string;
}

const framedType = 'application/vnd.docker.multiplexed-stream';
/** From this version on the content type of a stream says whether it is framed. */
const typedStreamsVersion = '1.42';

export class Container extends ContainerLife {
  /** Lines of its log. Both streams, unless one is turned off. */
  logs({ signal, ...query }: QueryOf<'ContainerLogs'> & Abortable = {}): EngineStream<LogLine> {
    return new EngineStream(async (end) => {
      const wanted = { stdout: true, stderr: true, ...query };
      const response = await this.calls.open('ContainerLogs', { of: this.id, query: wanted, signal: end });
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

  /** A sample a second. The first has no sample before it. */
  stats({ signal }: Abortable = {}): EngineStream<ContainerStats> {
    return new EngineStream(async (end) => {
      const response = await this.calls.open('ContainerStats', { of: this.id, query: { stream: true }, signal: end });
      return readJsonLines<ContainerStats>(response);
    }, signal);
  }

  /** One sample, with the one of a second before in `precpu_stats`. */
  statsOnce({ signal }: Abortable = {}): Promise<ContainerStats> {
    return this.calls.json('ContainerStats', { of: this.id, query: { stream: false }, signal });
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
    const stream = await this.calls.hijack('ContainerAttach', {
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
    const { Id } = await this.calls.json('ContainerExec', { of: this.id, body, signal });
    const isTerminal = body.Tty === true;
    const start = { of: Id, body: { Detach: false, Tty: isTerminal }, signal };
    const stream = await this.calls.hijack('ExecStart', start);
    return new ExecSession(new Exec(this.calls, Id), stream, { isTerminal, signal });
  }

  /** Starts a process in it and leaves it alone. */
  async execDetached(command: readonly string[] | ExecCreateBody, { signal }: Abortable = {}): Promise<Exec> {
    const { Id } = await this.calls.json('ContainerExec', { of: this.id, body: toExecBody(command), signal });
    await this.calls.status('ExecStart', { of: Id, body: { Detach: true }, signal });
    return new Exec(this.calls, Id);
  }

  async statPath(path: string, { signal }: Abortable = {}): Promise<PathStat> {
    const response = await this.calls.open('ContainerArchiveInfo', { of: this.id, query: { path }, signal });
    response.resume();
    return toPathStat(response.headers['x-docker-container-path-stat']);
  }

  /** A file or directory as a tar. */
  async getArchive(path: string, { signal }: Abortable = {}): Promise<{ stat: PathStat; tar: Readable }> {
    const response = await this.calls.open('ContainerArchive', { of: this.id, query: { path }, signal });
    return { stat: toPathStat(response.headers['x-docker-container-path-stat']), tar: response };
  }

  /** Unpacks a tar into a directory that is there. */
  async putArchive(
    path: string,
    tar: Uint8Array | NodeJS.ReadableStream,
    { signal, ...query }: Omit<QueryOf<'PutContainerArchive'>, 'path'> & Abortable = {},
  ): Promise<void> {
    await this.calls.status('PutContainerArchive', {
      of: this.id,
      query: { path, ...query },
      bodyStream: toStream(tar),
      contentType: 'application/x-tar',
      signal,
    });
  }

  /** Its whole filesystem as a tar. */
  async export({ signal }: Abortable = {}): Promise<Readable> {
    return await this.calls.open('ContainerExport', { of: this.id, signal });
  }

  async #isTerminal(contentType: string | undefined): Promise<boolean> {
    if (!isOlderVersion(await this.calls.connection.apiVersion(), typedStreamsVersion))
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

function toPathStat(header: string | string[] | undefined): PathStat {
  try {
    return JSON.parse(Buffer.from(String(header ?? ''), 'base64').toString()) as PathStat;
  } catch (error) {
    throw new ProtocolError('read X-Docker-Container-Path-Stat: not JSON in base64', { cause: error });
  }
}
