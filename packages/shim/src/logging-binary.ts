// stdio as `binary:///path?key=value`: starts the logging program that gets a process's output, as containerd's shims do.
//
// The program has stdout's pipe as fd 3, stderr's as fd 4, and closes fd 5 when it is ready; CONTAINER_ID and
// CONTAINER_NAMESPACE are in its environment, the query's words are its arguments. The pipes are FIFOs in the bundle, so
// that the process's monitor holds their other end and a killed shim does not end the log.
import { spawn } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { ContainerError } from '@tscontainer/core/errors';
import { makeFifo } from '@tscontainer/linux/fifo';
import type { ProcessIo } from '@tscontainer/linux/runtime';

export interface LoggedProcess {
  namespace: string;
  /** Of the container, or of the exec: what the program is told. */
  id: string;
  bundle: string;
}

export interface OpenedLog {
  /** What the runtime is to open in place of the URI. */
  io: ProcessIo;
  /** To be called once the process has been made, or could not be: from then on its end is the log's end, unnamed. */
  release(): void;
}

const scheme = 'binary://';
const readyFd = 5;
const readyTimeoutMs = 10_000;

export function isLoggedByBinary({ stdout }: ProcessIo): boolean {
  return stdout.startsWith(scheme);
}

/** Resolves when the program is ready. Throws when it cannot be run or is not ready in time. */
export async function openLoggingBinary(process: LoggedProcess, io: ProcessIo): Promise<OpenedLog> {
  const directory = join(process.bundle, 'log-pipes', process.id);
  const pipes = ['stdout', 'stderr'].map((name) => join(directory, name));
  const [stdout = '', stderr = ''] = pipes;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const kept: number[] = [];
  const given: number[] = [];
  const close = (fds: number[]) => {
    for (const fd of fds.splice(0)) closeSync(fd);
  };
  const remove = () => rmSync(directory, { recursive: true, force: true });
  try {
    for (const path of pipes) {
      makeFifo(path, 0o600);
      // an end of our own: without a writer the program would see the end at once, and we would wait in open
      kept.push(openSync(path, constants.O_RDWR | constants.O_NONBLOCK));
      given.push(openSync(path, constants.O_RDONLY));
    }
    await start(process, io.stdout, given);
  } catch (error) {
    close(kept);
    remove();
    throw error;
  } finally {
    close(given);
  }
  const release = () => {
    close(kept);
    remove(); // whoever uses them has them open; an exec's id may be used again
  };
  return { io: { ...io, stdout, stderr: io.terminal ? '' : stderr }, release };
}

async function start({ namespace, id }: LoggedProcess, uri: string, [stdout, stderr]: number[]): Promise<void> {
  const { pathname, searchParams } = new URL(uri);
  const program = decodeURIComponent(pathname);
  const words = [...searchParams].flatMap(([key, value]) => (value === '' ? [key] : [key, value]));
  const env = { PATH: process.env.PATH, CONTAINER_ID: id, CONTAINER_NAMESPACE: namespace };
  const child = spawn(program, words, {
    detached: true,
    env,
    stdio: ['ignore', 'ignore', 'ignore', stdout, stderr, 'pipe'],
  });
  const ready = (child.stdio as unknown as Readable[])[readyFd] as Readable;
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: string) => {
      child.kill('SIGKILL');
      reject(new ContainerError('failed-precondition', `start logging binary ${program}: ${cause}`));
    };
    const timer = setTimeout(() => fail(`not ready in ${readyTimeoutMs} ms`), readyTimeoutMs);
    child.on('error', (error) => fail(error.message));
    ready.on('error', () => undefined); // its close is what counts
    ready.on('close', () => {
      clearTimeout(timer);
      // it may close fd 5 by its end: what it was started for is then not done
      setImmediate(() =>
        child.exitCode === null || child.exitCode === 0 ? resolve() : fail(`ended with ${child.exitCode}`),
      );
    });
    ready.resume();
  });
  child.unref();
}
