// The serving process: the task service on the inherited socket, until no container and no connection is left.
import { closeSync, rmSync, writeSync } from 'node:fs';
import { peerCredentials, setSubreaper, trimMalloc } from '@tscontainer/linux/process';
import { IdleMemory } from '@tscontainer/platform/idle-memory';
import { serveTtrpc, type TtrpcServer } from '@tscontainer/platform/ttrpc/ttrpc-server';
import { wireService } from '@tscontainer/platform/wire-codec';
import type { ShimArguments } from './arguments.ts';
import { openChosenRuntime } from './chosen-runtime.ts';
import { EventPublisher } from './event-publisher.ts';
import type { ShimLog } from './shim-log.ts';
import { ShimService, shimServiceName } from './shim-service.ts';
import { listenFd, readyWord } from './start-command.ts';
import { StepLog } from './step-log.ts';
import { TaskEvents } from './task-events.ts';
import { TaskRegistry } from './task-registry.ts';
import { TaskService, taskServiceName } from './task-service.ts';
import { tsruncPath } from './tsrunc-path.ts';

/** How long the last events may take to reach the daemon before an orderly end. */
const drainTimeoutMs = 5000;

export async function serve(args: ShimArguments, log: ShimLog): Promise<void> {
  setSubreaper(); // what a container's monitor leaves behind comes to us, not to the host's init
  const publisher = new EventPublisher(process.env['TTRPC_ADDRESS'] || `${args.address}.ttrpc`, log);
  const events = new TaskEvents(publisher);
  const idle = new IdleTimer(args.idleMs, () => void end('idle'));
  const memory = new IdleMemory(trimMalloc);
  const registry = new TaskRegistry({
    events,
    steps: new StepLog(log),
    tsrunc: tsruncPath(),
    openRuntime: openChosenRuntime,
    onChanged: (count) => {
      idle.setContainers(count);
      memory.touch();
    },
  });
  const service = new TaskService({
    registry,
    namespace: args.namespace,
    onShutdown: () => setImmediate(() => void end('shutdown')),
  });
  const services = [
    { name: taskServiceName, definition: wireService(taskServiceName), handlers: { ...service } },
    { name: shimServiceName, definition: wireService(shimServiceName), handlers: { ...new ShimService(registry) } },
  ];
  const uid = process.getuid?.();
  const server: TtrpcServer = await serveTtrpc({ fd: listenFd }, services, log, {
    isPeerAllowed: (fd) => peerCredentials(fd).uid === uid,
    onConnectionsChanged: (count) => idle.setConnections(count),
  });
  idle.start();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => onSignal(signal));
  tellStarter(args.readyFd, readyWord);
  log.info({ socket: args.socket }, 'shim serves');

  /** A shim with containers stays: it ends only when they have ended. */
  function onSignal(signal: string): void {
    if (registry.count === 0) void end(signal);
    else log.warn({ signal, containers: registry.count }, 'signal ignored: containers run');
  }

  async function end(why: string): Promise<void> {
    if (registry.count > 0) return;
    log.info({ why }, 'shim ends');
    if (args.socket !== '') rmSync(args.socket, { force: true }); // no new connection finds us from here on
    await publisher.drained(drainTimeoutMs);
    server.close();
    publisher.close();
    registry.close();
    process.exit(0);
  }
}

/** Says to the start command that we serve, or why not, and lets it go. */
export function tellStarter(fd: number, word: string): void {
  if (fd < 0) return;
  writeSync(fd, word);
  closeSync(fd);
}

/** Tells once when there has been neither container nor connection for a while. */
class IdleTimer {
  readonly #idleMs: number;
  readonly #onIdle: () => void;
  #containers = 0;
  #connections = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(idleMs: number, onIdle: () => void) {
    this.#idleMs = idleMs;
    this.#onIdle = onIdle;
  }

  start(): void {
    clearTimeout(this.#timer);
    if (this.#containers === 0 && this.#connections === 0) this.#timer = setTimeout(this.#onIdle, this.#idleMs);
  }

  setContainers(count: number): void {
    this.#containers = count;
    this.start();
  }

  setConnections(count: number): void {
    this.#connections = count;
    this.start();
  }
}
