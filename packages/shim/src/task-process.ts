// One process of a task, init or exec: its place in the table, its exit, and who waits for that.
import { ContainerError } from '@tscontainer/core/errors';
import type { ExitRecord, ProcessIo } from '@tscontainer/linux/runtime';
import { canStep, type ProcessStatus, type ProcessStep, statusAfter } from './process-state.ts';

export class TaskProcess {
  /** '' for the init process. */
  readonly execId: string;
  readonly io: ProcessIo;
  readonly #what: string;
  pid = 0;
  exit: ExitRecord | undefined;
  /** An exit that came while create, start or adopt was under way: it takes effect after their event. */
  heldExit: ExitRecord | undefined;
  isBusy = false;
  #status: ProcessStatus = 'created';
  readonly #waiters = new Set<(exit: ExitRecord | undefined) => void>();
  readonly #heldWaiters = new Set<() => void>();
  #startEnded: (() => void) | undefined;

  constructor(containerId: string, execId: string, io: ProcessIo) {
    this.execId = execId;
    this.io = io;
    this.#what = execId === '' ? containerId : `${containerId} exec ${execId}`;
  }

  get status(): ProcessStatus {
    return this.#status;
  }

  can(step: ProcessStep): boolean {
    return canStep(step, this.#status);
  }

  /** Throws failed-precondition when the step is not legal from here. */
  step(step: ProcessStep): void {
    this.#status = statusAfter(step, this.#status, this.#what);
  }

  /** Throws failed-precondition unless `step` is legal and no other step is under way. */
  begin(step: ProcessStep): void {
    statusAfter(step, this.#status, this.#what);
    if (this.isBusy)
      throw new ContainerError('failed-precondition', `${step} ${this.#what}: another step is under way`);
    this.isBusy = true;
  }

  /** Where an adopted process stands. */
  restore(status: ProcessStatus, pid: number): void {
    this.#status = status;
    this.pid = pid;
  }

  /** A start follows what made the process. Resolves when it was done or failed, or the process is deleted. */
  expectStart(): Promise<void> {
    return new Promise((resolve) => {
      this.#startEnded = resolve;
    });
  }

  get isStartExpected(): boolean {
    return this.#startEnded !== undefined;
  }

  endStart(): void {
    this.#startEnded?.();
    this.#startEnded = undefined;
  }

  holdExit(exit: ExitRecord): void {
    this.heldExit = exit;
    for (const tell of [...this.#heldWaiters]) tell();
  }

  /** Resolves once an exit is held, or after `timeoutMs`. */
  exitHeld(timeoutMs: number): Promise<void> {
    if (this.heldExit !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const tell = () => {
        clearTimeout(timer);
        this.#heldWaiters.delete(tell);
        resolve();
      };
      const timer = setTimeout(tell, timeoutMs);
      this.#heldWaiters.add(tell);
    });
  }

  ended(exit: ExitRecord): void {
    this.step('exit');
    this.exit = exit;
    this.#tellWaiters(exit);
  }

  deleted(): void {
    this.step('delete');
    this.endStart();
    this.#tellWaiters(undefined);
  }

  /** Resolves with the exit, at once when there is one. Rejects not-found when the process is deleted without an exit. */
  wait(signal?: AbortSignal): Promise<ExitRecord> {
    if (this.exit !== undefined) return Promise.resolve(this.exit);
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiters.delete(settle);
        signal?.removeEventListener('abort', onAbort);
      };
      const onAbort = () => {
        leave();
        reject(new ContainerError('cancelled', `wait ${this.#what}: the caller left`));
      };
      const settle = (exit: ExitRecord | undefined) => {
        leave();
        if (exit !== undefined) resolve(exit);
        else reject(new ContainerError('not-found', `wait ${this.#what}: the process was deleted`));
      };
      this.#waiters.add(settle);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #tellWaiters(exit: ExitRecord | undefined): void {
    for (const settle of [...this.#waiters]) settle(exit);
  }
}
