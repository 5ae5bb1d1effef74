// One task: a container's init process and its execs, driven through the runtime, told of by events.
//
// An exit takes effect in the tick in which the runtime tells it, unless create, start or adopt of that process is
// under way: then right after, so that create -> start -> exit -> delete is the order everyone sees.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerError, errorMessageOf, isNotFound } from '@tscontainer/core/errors';
import type {
  AdoptedProcess,
  CheckpointRequest,
  CreateRequest,
  ExitRecord,
  ProcessIo,
  RestoreRequest,
  Runtime,
} from '@tscontainer/linux/runtime';
import { failpoint } from '@tscontainer/platform/failpoint';
import { type CgroupPaths, cgroupsOf } from './cgroup-figures.ts';
import { isLoggedByBinary, openLoggingBinary } from './logging-binary.ts';
import { forgetRestoration, noteRestoration, readRestoration } from './restoration.ts';
import type { StepLog } from './step-log.ts';
import type { HowTold, TaskEventName, TaskEvents } from './task-events.ts';
import { TaskProcess } from './task-process.ts';
import { timestampFromNs } from './timestamp.ts';

const sigkill = 9;
/** How long a killed process, or one whose command could not run, may take to end. */
const exitTimeoutMs = 5000;
/** How soon the exit of a command that could not run is there; later it is asked where the container stands. */
const failedStartMs = 500;
/** Below the bundle: where criu works and logs when the client names no place. */
export const criuDirectory = 'criu';
/** Execs that one container may have at a time, ended but undeleted ones counted. */
export const maxExecs = 1024;

export interface TaskSurroundings {
  runtime: Runtime;
  events: TaskEvents;
  steps: StepLog;
}

export class Task {
  readonly namespace: string;
  readonly id: string;
  readonly bundle: string;
  readonly init: TaskProcess;
  /** For the verbs that change no state here: pids, stats, update, resizePty, closeStdin. */
  readonly runtime: Runtime;
  readonly #events: TaskEvents;
  readonly #steps: StepLog;
  readonly #execs = new Map<string, TaskProcess>();
  readonly #execSpecs = new Map<string, string>();
  #cgroups: CgroupPaths = new Map();
  /** Of a task that was created from a checkpoint, until start has made it. */
  #restoration: RestoreRequest | undefined;
  /** Settled, and never rejected, once `create` is; undefined when none is under way. */
  #creation: Promise<void> | undefined;

  constructor(namespace: string, id: string, bundle: string, io: ProcessIo, around: TaskSurroundings) {
    this.namespace = namespace;
    this.id = id;
    this.bundle = bundle;
    this.init = new TaskProcess(id, '', io);
    this.runtime = around.runtime;
    this.#events = around.events;
    this.#steps = around.steps;
  }

  /** Where the container stands, found once, while its init lives. */
  get cgroups(): CgroupPaths {
    if (this.#cgroups.size === 0) this.#cgroups = cgroupsOf(this.init.pid);
    return this.#cgroups;
  }

  /** Throws not-found. */
  process(execId: string): TaskProcess {
    const found = execId === '' ? this.init : this.#execs.get(execId);
    if (found === undefined) throw new ContainerError('not-found', `process does not exist ${execId}: not found`);
    return found;
  }

  get execs(): Iterable<TaskProcess> {
    return this.#execs.values();
  }

  /** `teller`, here and below: the connection, by its signal, whose peer tells of the event from the answer. */
  create(request: CreateRequest, teller?: AbortSignal): Promise<number> {
    this.init.isBusy = true;
    const creation = this.#create(request, teller);
    // a start that waits for it begins after its answer has left: what runs was then known to be made
    const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
    this.#creation = creation.then(settled, settled).finally(() => {
      this.#creation = undefined;
    });
    return creation;
  }

  async #create(request: CreateRequest, teller: AbortSignal | undefined): Promise<number> {
    const { pid, steps, warnings } = await this.#withIo(this.id, request.io, (io) =>
      this.runtime.create({ ...request, io }),
    );
    failpoint('shim.create.made');
    this.#steps.record('create', this.id, '', steps, warnings);
    this.init.pid = pid;
    const { io } = this.init;
    this.#publish('', 'TaskCreate', { bundle: this.bundle, rootfs: request.rootfs, io, pid }, { teller });
    this.#settle(this.init);
    return pid;
  }

  /** Nothing is made yet, as with containerd's shim for runc: `start` restores. The pid is 0 until then. */
  async createFromCheckpoint(request: RestoreRequest, teller?: AbortSignal): Promise<number> {
    await noteRestoration(request);
    this.#restoration = request;
    const { rootfs, imagePath: checkpoint } = request;
    const { io, pid } = this.init;
    this.#publish('', 'TaskCreate', { bundle: this.bundle, rootfs, io, checkpoint, pid }, { teller });
    return pid;
  }

  /**
   * Of a process that is only just being created: waits for that, and fails when that fails. With `isExpected` it is the
   * one that `expectStart` was told of, and fails when there was none: what it should follow was refused.
   */
  async start(execId: string, teller?: AbortSignal, isExpected = false): Promise<number> {
    if (this.#creation !== undefined) await this.#creation;
    const process = this.process(execId);
    if (execId === '' && process.pid === 0 && this.#restoration === undefined)
      throw new ContainerError('not-found', `task ${this.id}: not found`);
    if (isExpected && !process.isStartExpected)
      throw new ContainerError('failed-precondition', `start ${this.id} ${execId}: what it follows was refused`);
    try {
      return await (execId === '' ? this.#startInit(teller) : this.#startExec(process, teller));
    } finally {
      process.endStart();
    }
  }

  /** Registers a process that `start` will run; `spec` is the OCI process as JSON text. */
  exec(execId: string, spec: string, io: ProcessIo, teller?: AbortSignal): void {
    if (this.#execs.has(execId)) throw new ContainerError('already-exists', `id ${execId}: already exists`);
    if (this.init.status !== 'running' && this.init.status !== 'created') {
      throw new ContainerError('failed-precondition', `cannot exec in a ${this.init.status} state`);
    }
    if (this.#execs.size >= maxExecs)
      throw new ContainerError('resource-exhausted', `exec in ${this.id}: ${maxExecs} execs are there already`);
    this.#execs.set(execId, new TaskProcess(this.id, execId, io));
    this.#execSpecs.set(execId, spec);
    this.#publish(execId, 'TaskExecAdded', { execId }, { teller });
  }

  async kill(execId: string, signal: number, all: boolean): Promise<void> {
    const process = this.process(execId);
    if (process.exit !== undefined || process.heldExit !== undefined) {
      throw new ContainerError('not-found', 'process already finished: not found');
    }
    if (process.pid === 0)
      throw new ContainerError(
        'failed-precondition',
        `kill ${this.id} ${execId}: cannot kill a process that was not started`,
      );
    try {
      await this.runtime.kill(this.id, execId, signal, all);
    } catch (error) {
      throw isAlreadyOver(error) ? new ContainerError('not-found', 'process already finished: not found') : error;
    }
  }

  async pause(): Promise<void> {
    this.init.begin('pause');
    try {
      await this.runtime.pause(this.id);
      this.init.step('pause');
      this.#publish('', 'TaskPaused', {});
    } finally {
      this.#settle(this.init);
    }
  }

  async resume(): Promise<void> {
    this.init.begin('resume');
    try {
      await this.runtime.resume(this.id);
      this.init.step('resume');
      this.#publish('', 'TaskResumed', {});
    } finally {
      this.#settle(this.init);
    }
  }

  /** criu's log is kept in the bundle when it failed, unless the request names a place for it. */
  async checkpoint(request: CheckpointRequest): Promise<void> {
    if (this.init.status !== 'running' && this.init.status !== 'paused')
      throw new ContainerError('unknown', `cannot checkpoint a ${this.init.status} container`);
    const ownWork = join(this.bundle, criuDirectory);
    const workPath = request.workPath || ownWork;
    await this.runtime.checkpoint(this.id, { ...request, workPath });
    if (workPath === ownWork) rmSync(ownWork, { recursive: true, force: true });
    this.#publish('', 'TaskCheckpointed', { checkpoint: request.imagePath });
  }

  /** Removes what is left of a process and returns it. A created one is killed first, a running one is refused. */
  async delete(execId: string, teller?: AbortSignal): Promise<TaskProcess> {
    const process = this.process(execId);
    process.begin('delete');
    try {
      if (execId === '') await this.#deleteInit();
      else if (process.pid !== 0) await this.runtime.deleteExec(this.id, execId);
      // whoever tells of the rest itself has heard of the exit before
      if (teller !== undefined) await this.#events.taken(this.namespace, this.id);
    } catch (error) {
      this.#settle(process);
      throw error;
    }
    process.isBusy = false;
    process.deleted();
    this.#execs.delete(execId);
    this.#execSpecs.delete(execId);
    if (execId === '') this.#publish('', 'TaskDelete', { pid: process.pid, ...exitFields(process.exit) }, { teller });
    return process;
  }

  /** Fails every waiter of execs whose container is gone. */
  dispose(): void {
    for (const process of this.#execs.values()) if (process.can('delete')) process.deleted();
  }

  /** Takes over the processes of a container whose shim died. Their past exits are the caller's to publish. */
  async adopt(): Promise<void> {
    this.init.isBusy = true;
    const adopted = await this.#adoptMade();
    failpoint('shim.adopt.adopted');
    for (const { execId, pid, io, exit } of adopted) {
      const process = execId === '' ? this.init : new TaskProcess(this.id, execId, io);
      if (execId !== '') this.#execs.set(execId, process);
      process.isBusy = true;
      process.restore(execId === '' && exit === undefined ? await this.#initStatus() : 'running', pid);
      if (exit !== undefined) process.ended(exit);
    }
    for (const process of [this.init, ...this.#execs.values()]) this.#settle(process);
  }

  onExit(exit: ExitRecord): void {
    const process = exit.execId === '' ? this.init : this.#execs.get(exit.execId);
    if (process === undefined || process.exit !== undefined) return;
    process.pid ||= exit.pid;
    if (process.isBusy) process.holdExit(exit);
    else this.#ended(process, exit, { isAtOnce: true });
  }

  onOom(): void {
    this.#publish('', 'TaskOOM', {});
  }

  /** None of a container that a checkpoint is still to be made into. */
  async #adoptMade(): Promise<AdoptedProcess[]> {
    const restoration = readRestoration(this.bundle);
    try {
      const made = await this.runtime.adopt(this.id);
      if (restoration !== undefined) forgetRestoration(this.bundle);
      return made;
    } catch (error) {
      if (restoration === undefined || !isNotFound(error)) throw error;
      this.#restoration = restoration;
      return [];
    }
  }

  async #restoreInit(restoration: RestoreRequest, teller: AbortSignal | undefined): Promise<number> {
    const { init } = this;
    init.begin('start');
    try {
      const { pid, steps, warnings } = await this.#withIo(this.id, restoration.io, (io) =>
        this.runtime.restore({ ...restoration, io }),
      );
      this.#steps.record('restore', this.id, '', steps, warnings);
      init.pid = pid;
    } catch (error) {
      init.isBusy = false;
      throw error;
    }
    this.#restoration = undefined;
    forgetRestoration(this.bundle);
    rmSync(join(this.bundle, criuDirectory), { recursive: true, force: true });
    init.step('start');
    this.#publish('', 'TaskStart', { pid: init.pid }, { teller });
    this.#settle(init);
    return init.pid;
  }

  async #startInit(teller: AbortSignal | undefined): Promise<number> {
    const { init } = this;
    if (this.#restoration !== undefined) return this.#restoreInit(this.#restoration, teller);
    init.begin('start');
    try {
      const { steps } = await this.runtime.start(this.id);
      failpoint('shim.start.started');
      this.#steps.record('start', this.id, '', steps, []);
    } catch (error) {
      await this.#startFailed(init);
      throw error;
    }
    init.step('start');
    this.#publish('', 'TaskStart', { pid: init.pid }, { teller });
    this.#settle(init);
    return init.pid;
  }

  async #startExec(process: TaskProcess, teller: AbortSignal | undefined): Promise<number> {
    const { execId } = process;
    process.begin('start');
    try {
      const spec = this.#execSpecs.get(execId) ?? '';
      const { pid, steps, warnings } = await this.#withIo(execId, process.io, (io) =>
        this.runtime.exec({ id: this.id, execId, process: spec, io }),
      );
      failpoint('shim.exec.started');
      this.#steps.record('exec', this.id, execId, steps, warnings);
      process.pid = pid;
    } catch (error) {
      process.isBusy = false;
      throw error;
    }
    this.#execSpecs.delete(execId); // it may be large, and is not needed again
    process.step('start');
    this.#publish(execId, 'TaskExecStarted', { execId, pid: process.pid }, { teller });
    this.#settle(process);
    return process.pid;
  }

  /** A logging program comes up before the process whose output it gets, and ends with it. */
  async #withIo<T>(id: string, io: ProcessIo, make: (io: ProcessIo) => Promise<T>): Promise<T> {
    if (!isLoggedByBinary(io)) return make(io);
    const log = await openLoggingBinary({ namespace: this.namespace, id, bundle: this.bundle }, io);
    try {
      return await make(log.io);
    } finally {
      log.release();
    }
  }

  /** The command could not run: init ended by that. No event tells of it, the caller of start has the error. */
  async #startFailed(init: TaskProcess): Promise<void> {
    await init.exitHeld(failedStartMs);
    if (init.heldExit === undefined && (await this.#initStatus()) !== 'created') await init.exitHeld(exitTimeoutMs);
    const { heldExit } = init;
    init.heldExit = undefined;
    init.isBusy = false;
    if (heldExit !== undefined) init.ended(heldExit);
  }

  async #deleteInit(): Promise<void> {
    const { init } = this;
    if (this.#restoration !== undefined) {
      forgetRestoration(this.bundle);
      this.#restoration = undefined;
      return; // nothing was made of it
    }
    if (init.exit === undefined) {
      await this.runtime.kill(this.id, '', sigkill, true);
      await init.exitHeld(exitTimeoutMs);
      const { heldExit } = init;
      if (heldExit === undefined)
        throw new ContainerError(
          'deadline-exceeded',
          `delete ${this.id}: no exit in ${exitTimeoutMs} ms after the kill`,
        );
      init.heldExit = undefined;
      this.#ended(init, heldExit);
    }
    this.#steps.warn(this.id, '', await this.runtime.delete(this.id, { force: false }));
    failpoint('shim.delete.deleted');
  }

  async #initStatus(): Promise<'created' | 'running' | 'paused' | 'stopped'> {
    const { status } = await this.runtime.state(this.id);
    return status === 'creating' ? 'created' : status;
  }

  /** Ends a step: an exit that came meanwhile takes effect now. */
  #settle(process: TaskProcess): void {
    process.isBusy = false;
    const { heldExit } = process;
    process.heldExit = undefined;
    if (heldExit !== undefined && process.exit === undefined) this.#ended(process, heldExit);
  }

  #ended(process: TaskProcess, exit: ExitRecord, how: HowTold = {}): void {
    failpoint('shim.exit.seen');
    process.ended(exit);
    const id = exit.execId === '' ? this.id : exit.execId;
    this.#publish(exit.execId, 'TaskExit', { id, pid: exit.pid, ...exitFields(exit) }, how);
    failpoint('shim.exit.queued');
  }

  #publish(execId: string, name: TaskEventName, fields: object, how: HowTold = {}): void {
    try {
      this.#events.publish({ namespace: this.namespace, containerId: this.id, execId }, name, fields, how);
    } catch (error) {
      // an event that cannot be encoded is our defect; it must not keep an exit from its waiters
      this.#steps.log.error({ id: this.id, event: name, err: errorMessageOf(error) }, 'event not published');
    }
  }
}

/** It ended, and its exit is on its way: to who would have ended it that is no failure. In the words of any runtime. */
function isAlreadyOver(error: unknown): boolean {
  return /container not running|process already finished|ESRCH|no such process/.test(errorMessageOf(error));
}

/** The exit as the fields that TaskExit, TaskDelete and the answers of the service share. */
export function exitFields(exit: ExitRecord | undefined): {
  exitStatus: number;
  exitedAt: { seconds: number; nanos: number } | null;
} {
  return { exitStatus: exit?.exitStatus ?? 0, exitedAt: exit === undefined ? null : timestampFromNs(exit.exitedAtNs) };
}
