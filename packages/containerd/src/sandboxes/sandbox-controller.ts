// Runs sandboxes of our own runtime: the life between Create and Shutdown that a pod's containers stand on.
//
// Story: create -> start -> (status, wait ...) -> stop -> shutdown. A sandbox has no process: what its containers share
// is made by the client (a network namespace) or by the runtime, so only its state is kept, in a file below the daemon's
// state directory, and a daemon that comes back goes on with it.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ContainerError } from '@tscontainer/core/errors';
import { checkIdentifier } from '@tscontainer/core/ids';
import type { EventPublisher } from '../events/event-publisher.ts';
import { now, type Timestamp } from '../metadata/timestamp.ts';
import { isOwnRuntime } from '../tasks/shim-command.ts';

export interface SandboxState {
  phase: 'created' | 'ready' | 'stopped';
  createdAt: Timestamp;
  exitedAt: Timestamp | null;
  netnsPath: string;
  annotations: Record<string, string>;
}

export interface CreateSandbox {
  id: string;
  runtimeName: string;
  netnsPath: string;
  annotations: Record<string, string>;
}

const directoryName = 'io.containerd.sandbox.controller.v1.shim';

export class SandboxController {
  readonly #root: string;
  readonly #publisher: EventPublisher;
  readonly #waiters = new Map<string, Set<(state: SandboxState) => void>>();

  /** `state`: the daemon's state directory. */
  constructor(state: string, publisher: EventPublisher) {
    this.#root = join(state, directoryName);
    this.#publisher = publisher;
  }

  /** Throws already-exists; unimplemented for a runtime of somebody else's, whose shim would have to be the sandbox. */
  create(namespace: string, { id, runtimeName, netnsPath, annotations }: CreateSandbox): void {
    checkIdentifier('', id);
    if (runtimeName !== '' && !isOwnRuntime(runtimeName))
      throw new ContainerError('unimplemented', `create sandbox ${id}: runtime ${runtimeName} has no sandboxes here`);
    if (existsSync(this.#file(namespace, id)))
      throw new ContainerError('already-exists', `sandbox "${id}": already exists`);
    this.#save(namespace, id, { phase: 'created', createdAt: now(), exitedAt: null, netnsPath, annotations });
    this.#announce(namespace, 'create', 'SandboxCreate', { sandboxId: id });
  }

  /** Throws not-found, failed-precondition unless it was just created. */
  start(namespace: string, id: string): SandboxState {
    const state = this.status(namespace, id);
    if (state.phase !== 'created')
      throw new ContainerError('failed-precondition', `start sandbox ${id}: it is ${state.phase}`);
    const started = { ...state, phase: 'ready' as const };
    this.#save(namespace, id, started);
    this.#announce(namespace, 'start', 'SandboxStart', { sandboxId: id });
    return started;
  }

  /** Idempotent. Throws not-found. */
  stop(namespace: string, id: string): void {
    const state = this.status(namespace, id);
    if (state.phase === 'stopped') return;
    const stopped = { ...state, phase: 'stopped' as const, exitedAt: now() };
    this.#save(namespace, id, stopped);
    this.#announce(namespace, 'exit', 'SandboxExit', { sandboxId: id, exitStatus: 0, exitedAt: stopped.exitedAt });
    const key = `${namespace}/${id}`;
    for (const tell of this.#waiters.get(key) ?? []) tell(stopped);
    this.#waiters.delete(key);
  }

  /** Resolves once it is stopped; rejects cancelled when the caller leaves. */
  wait(namespace: string, id: string, signal: AbortSignal): Promise<SandboxState> {
    const state = this.status(namespace, id);
    if (state.phase === 'stopped') return Promise.resolve(state);
    const key = `${namespace}/${id}`;
    const waiters = this.#waiters.get(key) ?? new Set();
    this.#waiters.set(key, waiters);
    return new Promise((resolve, reject) => {
      waiters.add(resolve);
      const leave = () => {
        waiters.delete(resolve);
        reject(new ContainerError('cancelled', `wait for sandbox ${id}: the caller left`));
      };
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  /** Throws not-found. */
  status(namespace: string, id: string): SandboxState {
    try {
      return JSON.parse(readFileSync(this.#file(namespace, id), 'utf8')) as SandboxState;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw new ContainerError('not-found', `sandbox "${id}": not found`, { cause: error });
    }
  }

  /** Stops it, too, and forgets it. Idempotent. */
  shutdown(namespace: string, id: string): void {
    if (!existsSync(this.#file(namespace, id))) return;
    this.stop(namespace, id);
    rmSync(dirname(this.#file(namespace, id)), { recursive: true, force: true });
  }

  #file(namespace: string, id: string): string {
    checkIdentifier('', id); // it becomes part of a path
    return join(this.#root, namespace, id, 'sandbox.json');
  }

  /** Whole or not at all; not synced: the state directory ends with the machine's uptime, as sandboxes do. */
  #save(namespace: string, id: string, state: SandboxState): void {
    const file = this.#file(namespace, id);
    mkdirSync(dirname(file), { recursive: true, mode: 0o711 });
    writeFileSync(`${file}.new`, JSON.stringify(state), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  #announce(namespace: string, verb: string, typeName: string, message: object): void {
    this.#publisher.publish(namespace, `/sandboxes/${verb}`, `containerd.events.${typeName}`, message);
  }
}
