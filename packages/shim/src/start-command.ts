// `start`: brings up the serving process for a container, or finds the one of its group, and prints its address.
//
// containerd runs this in the bundle and takes one line: bare `unix:///...`, the form that 1.6 to 2.3 all understand.
import { spawn } from 'node:child_process';
import { chmodSync, closeSync, constants, existsSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { ContainerError } from '@tscontainer/core/errors';
import { connectTtrpc } from '@tscontainer/platform/ttrpc/ttrpc-client';
import type { ShimArguments } from './arguments.ts';
import { groupOf } from './bundle.ts';
import { socketPath } from './socket-address.ts';

/** The descriptor on which the serving process finds its listening socket. */
export const listenFd = 3;
/** The descriptor on which the serving process says that it serves, or why it cannot. */
const readyFd = 4;
export const readyWord = 'ready';
const startTimeoutMs = 15_000;

/** Returns the address to print. */
export async function startShim(args: ShimArguments): Promise<string> {
  if (args.id === '') throw new ContainerError('invalid-argument', 'start shim: -id is required');
  const path = socketPath(args.socketDirectory, args.address, args.namespace, groupOf(args.bundle) ?? args.id);
  if (await isAnswering(path)) return noted(args.bundle, `unix://${path}`);
  rmSync(path, { force: true }); // a dead shim's: it would keep us from binding
  const server = await listen(path);
  try {
    await spawnServing(args, path, descriptorOf(server));
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
  return noted(args.bundle, `unix://${path}`);
}

/** Daemons up to 1.7 leave it to the shim to note its address in the bundle, and find it there when they restart. */
function noted(bundle: string, address: string): string {
  if (existsSync(join(bundle, 'config.json'))) writeFileSync(join(bundle, 'address'), address, { mode: 0o600 });
  return address;
}

/** True when a shim serves there. */
export async function isAnswering(path: string): Promise<boolean> {
  try {
    (await connectTtrpc(path)).close();
    return true;
  } catch {
    return false; // no socket, or nobody behind it
  }
}

function listen(path: string): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new ContainerError('internal', `listen on ${path}: ${error.message}`, { cause: error })),
    );
    const umask = process.umask(0o177); // never reachable by others, not even between bind(2) and chmod(2)
    server.listen(path, () => {
      chmodSync(path, 0o600);
      resolve(server);
    });
    process.umask(umask);
  });
}

function descriptorOf(server: Server): number {
  return (server as unknown as { _handle: { fd: number } })._handle.fd;
}

/** Resolves when the serving process says that it serves; rejects with why it does not. */
async function spawnServing(args: ShimArguments, socket: string, fd: number): Promise<void> {
  const log = openLog(args);
  const [command, first] = ownCommand();
  const flags = ['-namespace', args.namespace, '-id', args.id, '-address', args.address, '-socket', socket];
  const more = ['-log-level', args.logLevel, '-idle-ms', String(args.idleMs), '-ready-fd', String(readyFd)];
  const child = spawn(command, [...first, ...flags, ...more], {
    cwd: args.bundle,
    detached: true,
    stdio: ['ignore', log, log, fd, 'pipe'],
  });
  if (typeof log === 'number') closeSync(log);
  const ready = child.stdio[readyFd] as Readable;
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: string) => {
      child.kill('SIGKILL');
      reject(new ContainerError('internal', `start shim ${command}: ${cause}`));
    };
    const timer = setTimeout(() => fail(`not up in ${startTimeoutMs} ms`), startTimeoutMs);
    let told = '';
    ready.on('data', (chunk) => {
      told += chunk;
    });
    // the end of the pipe: the process serves, or it is gone
    ready.on('close', () => {
      clearTimeout(timer);
      if (told === readyWord) resolve();
      else fail(told || 'it ended at once');
    });
    child.once('error', (error) => fail(error.message));
  });
  child.unref();
}

/** containerd reads a FIFO named `log` in the bundle; without one, the log goes to our stderr if so told, or nowhere. */
function openLog(args: ShimArguments): number | 'inherit' | 'ignore' {
  if (args.logsToStderr) return 'inherit';
  const path = join(args.bundle, 'log');
  if (statSync(path, { throwIfNoEntry: false })?.isFIFO() !== true) return 'ignore';
  // read-write, so that a daemon that dies and reopens the FIFO never makes a write fail
  return openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
}

/** How to run this program again: through its launcher when built, through Node when run from source. */
function ownCommand(): [command: string, args: string[]] {
  const script = process.argv[1] ?? '';
  if (script.endsWith('.ts')) return [process.execPath, [...process.execArgv, script]];
  return [join(dirname(dirname(script)), 'bin', basename(script, '.mjs')), []];
}
