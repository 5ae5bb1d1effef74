// What happens when a shim is gone: ours is replaced by one that adopts its containers, a foreign one is cleaned up after.
import { ContainerError, errorMessageOf, isNotFound } from '@tscontainer/core/errors';
import type { AdoptedProcess } from '@tscontainer/platform/contracts/tscontainer/shim/v1/shim';
import type { Logger } from '@tscontainer/platform/logger';
import type { BundleStore } from './bundle-store.ts';
import type { ExitFacts } from './event-ledger.ts';
import { deleteByShim } from './shim-command.ts';
import type { ShimConnection } from './shim-connection.ts';
import type { ShimPool } from './shim-pool.ts';
import type { TaskEvents } from './task-events.ts';
import type { TaskRecord } from './task-record.ts';
import type { TaskTable } from './task-table.ts';

/** A shim may die while it adopts, or not start: pauses before the next try, during which calls wait. */
const adoptionDelaysMs = [50, 300, 1000];
/** After the last of these, calls are answered unavailable, and it is tried again in the background. */
const laterRecoveryMs = 5000;
const killedStatus = 137;

export interface RecoveryOptions {
  /** Path of the daemon's gRPC socket, which shims' commands are given. */
  address: string;
  log: Logger;
  pool: ShimPool;
  bundles: BundleStore;
  table: TaskTable;
  events: TaskEvents;
}

export class TaskRecovery {
  readonly #options: RecoveryOptions;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** The shim's connection broke: every task of it is recovered on its own; calls wait for `record.recovery`. */
  onShimLost(shim: ShimConnection): void {
    const records = this.#options.table.servedBy(shim);
    if (records.length > 0) this.#options.log.warn({ shim: shim.address, tasks: records.length }, 'shim lost');
    for (const record of records) {
      if (record.deleted !== undefined) this.#tellLast(record, record.deleted);
      else if (record.isCreated) this.start(record);
    }
  }

  /** Idempotent while one is under way. */
  start(record: TaskRecord): void {
    if (record.recovery !== undefined) return;
    record.shim = undefined;
    const recovery = record.isOwn ? this.#adopt(record) : this.#cleanUp(record);
    record.recovery = recovery
      .catch((error: unknown) => {
        this.#options.log.error({ id: record.id, err: errorMessageOf(error) }, 'task not recovered');
        setTimeout(() => this.#again(record), laterRecoveryMs).unref();
      })
      .finally(() => {
        record.recovery = undefined;
      });
  }

  /** The containers run on without a shim; sooner or later one must start. */
  #again(record: TaskRecord): void {
    if (record.shim === undefined && record.deleted === undefined) this.start(record);
  }

  async #adopt(record: TaskRecord): Promise<void> {
    for (const delayMs of adoptionDelaysMs) {
      try {
        return await this.#adoptOnce(record);
      } catch (error) {
        if (isNotFound(error)) return this.#gone(record);
        this.#options.log.warn({ id: record.id, err: errorMessageOf(error) }, 'adoption failed, tried again');
        await new Promise((resolve) => setTimeout(resolve, delayMs));
      }
    }
    return this.#adoptOnce(record);
  }

  async #adoptOnce(record: TaskRecord): Promise<void> {
    const shim = await this.#options.pool.assign();
    try {
      await this.#adoptBy(shim, record);
    } catch (error) {
      this.#options.pool.release(shim);
      throw error;
    }
  }

  async #adoptBy(shim: ShimConnection, record: TaskRecord): Promise<void> {
    const { namespace, id, bundle } = record;
    const { pid, processes } = await shim.adopt(namespace, id, bundle.path);
    record.pid = pid;
    const { status } = await shim.call('State', { id }, { namespace });
    const isStarted = status === 'RUNNING' || status === 'PAUSED' || (status === 'STOPPED' && record.isStartAsked);
    for (const process of processes) this.#tell(record, process, isStarted);
    for (const request of record.pendingExecs.values()) {
      if (!processes.some(({ execId }) => execId === request.execId))
        await shim.call('Exec', request, { namespace, ...record.tellingOptions });
    }
    record.shim = shim;
    this.#options.log.info({ id, pid, shim: shim.address, processes: processes.length }, 'task adopted');
  }

  /** What the dead shim may have kept to itself. */
  #tell(
    record: TaskRecord,
    { execId, pid, exited, exitStatus, exitedAt }: AdoptedProcess,
    isInitStarted: boolean,
  ): void {
    if (record.pendingExecs.has(execId)) this.#options.events.ensureAdded(record, execId);
    if (execId !== '' || (isInitStarted && record.isStartAsked))
      this.#options.events.ensureStarted(record, execId, pid);
    if (exited) this.#options.events.ensureExited(record, execId, { pid, exitStatus, exitedAt });
  }

  /** Its delete was done and could not be answered, or its state is gone: the task is over. */
  #gone(record: TaskRecord): Promise<void> {
    // of an earlier life and unknown to the runtime: its creation or its delete was under way, nothing is to be told
    if (record.pid === 0) return this.#forget(record);
    const exit = record.ledger.exitOf('') ?? { pid: record.pid, exitStatus: killedStatus, exitedAt: nowTimestamp() };
    return this.#end(record, exit);
  }

  async #cleanUp(record: TaskRecord): Promise<void> {
    const { namespace, id, bundle, runtimeName } = record;
    const { address } = this.#options;
    const command = { address, runtimeName, namespace, id, workingDirectory: bundle.path, stderr: 'pipe' } as const;
    const { pid, exitStatus, exitedAt } = await deleteByShim(command);
    this.#options.bundles.removeSocket(bundle);
    await this.#end(record, { pid: pid || record.pid, exitStatus, exitedAt });
  }

  async #end(record: TaskRecord, exit: ExitFacts): Promise<void> {
    record.deleted = exit;
    await this.#forget(record);
    this.#tellLast(record, exit);
  }

  async #forget(record: TaskRecord): Promise<void> {
    record.closeLog?.();
    this.#options.table.remove(record);
    await this.#options.bundles.remove(record.bundle, !record.isOwn);
  }

  #tellLast(record: TaskRecord, exit: ExitFacts): void {
    this.#options.events.ensureExited(record, '', exit);
    this.#options.events.ensureDeleted(record, exit);
  }
}

/** For an exit that nobody saw. */
function nowTimestamp(): { seconds: number; nanos: number } {
  return { seconds: Math.floor(Date.now() / 1000), nanos: 0 };
}

/** Answers calls for a task that no shim serves, after its recovery failed. */
export function noShim(record: TaskRecord): ContainerError {
  return new ContainerError('unavailable', `task ${record.id}: no shim serves it`, { reason: 'shim-connection-lost' });
}
