// One process that another OCI runtime made: its directory below the bundle, its supervisor, and how its end is learnt.
//
// The supervisor (`tsrunc supervise`) is the process's parent and outlives us; its files are described in
// addon/src/cli/supervise-command.cc. What it wrote is the truth: a further shim finds the same process by `open`.
import { spawn } from 'node:child_process';
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { ContainerError } from '@tscontainer/core/errors';
import { makeFifo } from '@tscontainer/linux/fifo';
import type { ProcessIo } from '@tscontainer/linux/runtime';

export interface ProcessEnd {
  pid: number;
  exitStatus: number;
  exitedAtNs: bigint;
}

/** What the supervisor's one line said. */
export type MakeOutcome = { pid: number } | { failedStatus: number };

const reportFd = 3;
const ioFile = 'io.json';

export class SupervisedProcess {
  readonly directory: string;
  readonly io: ProcessIo;
  pid: number;
  #watcher: Socket | undefined;

  private constructor(directory: string, io: ProcessIo, pid: number) {
    this.directory = directory;
    this.io = io;
    this.pid = pid;
  }

  /** Makes the directory and runs `command(pidFile, consoleSocket)` under a supervisor. A failure leaves no directory. */
  static async make(
    directory: string,
    tsrunc: string,
    io: ProcessIo,
    command: (pidFile: string, consoleSocket: string | undefined) => string[],
  ): Promise<SupervisedProcess | { failedStatus: number }> {
    rmSync(directory, { recursive: true, force: true }); // of a making that was cut off
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of ['alive', 'control']) makeFifo(join(directory, name), 0o600);
    await writeFile(join(directory, ioFile), JSON.stringify(io), { mode: 0o600 });
    // a socket's path is bounded and a bundle's is not
    const consoleDirectory = io.terminal ? mkdtempSync('/tmp/tsc-console-') : undefined;
    try {
      const socket = consoleDirectory === undefined ? undefined : join(consoleDirectory, 's');
      const flags = [...flagsOf(directory, io), ...(socket === undefined ? [] : ['--console', socket])];
      const words = ['supervise', ...flags, '--', ...command(join(directory, 'pid'), socket)];
      const outcome = await supervise(tsrunc, words);
      if ('pid' in outcome) return new SupervisedProcess(directory, io, outcome.pid);
      rmSync(directory, { recursive: true, force: true });
      return outcome;
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    } finally {
      if (consoleDirectory !== undefined) rmSync(consoleDirectory, { recursive: true, force: true });
    }
  }

  /** One that an earlier shim made; undefined when its making was never finished. */
  static open(directory: string): SupervisedProcess | undefined {
    const pid = Number(textOf(join(directory, 'pid')) ?? '0');
    const io = textOf(join(directory, ioFile));
    return pid > 0 && io !== undefined ? new SupervisedProcess(directory, JSON.parse(io) as ProcessIo, pid) : undefined;
  }

  /** How it ended, once it has and the supervisor has written it down. */
  get end(): ProcessEnd | undefined {
    const [pid, status, atNs] = (textOf(join(this.directory, 'exit')) ?? '').trim().split(' ');
    if (pid === undefined || status === undefined || atNs === undefined) return undefined;
    return { pid: Number(pid), exitStatus: exitStatusOf(Number(status)), exitedAtNs: BigInt(atNs) };
  }

  /** Calls back once when the supervisor is gone: `end` is known then, unless it was killed. */
  watch(onGone: () => void): void {
    const fd = openSync(join(this.directory, 'alive'), constants.O_RDONLY | constants.O_NONBLOCK);
    if (isEnded(fd)) {
      closeSync(fd);
      setImmediate(onGone);
      return;
    }
    this.#watcher = new Socket({ fd, readable: true, writable: false });
    this.#watcher.unref();
    this.#watcher.on('error', () => undefined); // `close` follows
    this.#watcher.on('close', () => {
      if (this.#watcher === undefined) return;
      this.#watcher = undefined;
      onGone();
    });
    this.#watcher.resume();
  }

  unwatch(): void {
    const watcher = this.#watcher;
    this.#watcher = undefined;
    watcher?.destroy();
  }

  resize(columns: number, rows: number): void {
    this.#tell(`resize ${columns} ${rows}`);
  }

  closeStdin(): void {
    this.#tell('close-stdin');
  }

  remove(): void {
    this.unwatch();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** One write, which a FIFO takes whole; with no supervisor to read it there is nothing to do. */
  #tell(line: string): void {
    let fd: number;
    try {
      fd = openSync(join(this.directory, 'control'), constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENXIO') return;
      throw error;
    }
    const stream = new Socket({ fd, readable: false, writable: true });
    stream.on('error', () => undefined); // it ended meanwhile
    stream.end(`${line}\n`);
  }
}

function flagsOf(directory: string, { stdin, stdout, stderr }: ProcessIo): string[] {
  const given = Object.entries({ directory, stdin, stdout, stderr }).filter(([, value]) => value !== '');
  return given.flatMap(([name, value]) => [`--${name}`, value]);
}

/** A session of its own, which our end does not touch. */
function supervise(tsrunc: string, words: string[]): Promise<MakeOutcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(tsrunc, words, { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
    const report = child.stdio[reportFd] as Readable;
    let said = '';
    report.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    report.on('error', () => undefined); // its end is what counts
    report.on('close', () => {
      const [word, ...rest] = said.trim().split(' ');
      if (word === 'created') resolve({ pid: Number(rest[0]) });
      else if (word === 'failed') resolve({ failedStatus: Number(rest[0]) });
      else reject(new ContainerError('internal', `supervise: ${rest.join(' ') || 'it ended without a word'}`));
    });
    child.on('error', (error) => reject(new ContainerError('internal', `run ${tsrunc}: ${error.message}`)));
    child.unref();
  });
}

/** No writer is left: the supervisor is gone. A FIFO that never had one would not be told as ended by epoll. */
function isEnded(fd: number): boolean {
  try {
    return readSync(fd, Buffer.alloc(1)) === 0;
  } catch {
    return false; // EAGAIN: somebody holds it open
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // not there (yet)
  }
}

/** wait4's status as a shell reports it. */
function exitStatusOf(status: number): number {
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}
