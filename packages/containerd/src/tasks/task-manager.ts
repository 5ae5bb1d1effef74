// The tasks of the daemon: creates them in shims, asks their shims about them, and outlives both shims and itself.
//
// Story of one task: create -> start -> (kill, exec, pause ...) -> exit, told by the shim's events -> delete. The shim
// holds the truth; a record here only says where to ask. One ttrpc call serves create, one start.
import { ContainerError, errorMessageOf, isNotFound } from '@tscontainer/core/errors';
import type { CallOptions } from '@tscontainer/platform/call-context';
import type { Task, WaitResponse } from '@tscontainer/platform/contracts/containerd/task/v2/task';
import { failpoint } from '@tscontainer/platform/failpoint';
import type { Logger } from '@tscontainer/platform/logger';
import type { DaemonConfig } from '../daemon-config.ts';
import type { EventExchange } from '../events/event-exchange.ts';
import { BundleStore, type FoundBundle } from './bundle-store.ts';
import type { ExitFacts } from './event-ledger.ts';
import { ForeignShims } from './foreign-shims.ts';
import { type ExecRequest, ProcessStarter } from './process-starter.ts';
import { SharedAnswer } from './shared-answer.ts';
import { isConnectionLost, type ShimConnection } from './shim-connection.ts';
import { ShimPool } from './shim-pool.ts';
import { type Method, type Named, TaskCalls } from './task-calls.ts';
import { type CreatedTask, type CreateTask, TaskCreator } from './task-creator.ts';
import { TaskEvents } from './task-events.ts';
import { TaskRecord } from './task-record.ts';
import { TaskRecovery } from './task-recovery.ts';
import { TaskTable } from './task-table.ts';

export interface TaskManagerOptions {
  config: DaemonConfig;
  log: Logger;
  events: EventExchange;
  hasContainer: (namespace: string, id: string) => boolean;
}

const reattachTimeoutMs = 5000;

export class TaskManager {
  readonly #log: Logger;
  readonly #bundles: BundleStore;
  readonly #table: TaskTable;
  readonly #pool: ShimPool;
  readonly #recovery: TaskRecovery;
  readonly #foreign: ForeignShims;
  readonly #creator: TaskCreator;
  readonly #events: TaskEvents;
  readonly #calls: TaskCalls;
  readonly #starter: ProcessStarter;

  constructor({ config, log, events, hasContainer }: TaskManagerOptions) {
    this.#table = new TaskTable(hasContainer);
    this.#log = log;
    this.#bundles = new BundleStore(config.state, config.root);
    this.#events = new TaskEvents(events, this.#table, log);
    this.#pool = new ShimPool(config, log, (shim) => this.#watch(shim));
    const { address } = config;
    const shared = { address, log, pool: this.#pool, bundles: this.#bundles, table: this.#table, events: this.#events };
    this.#recovery = new TaskRecovery(shared);
    this.#calls = new TaskCalls(this.#recovery);
    this.#starter = new ProcessStarter(this.#calls, this.#events);
    this.#foreign = new ForeignShims(config, log, (shim) => this.#watch(shim));
    this.#creator = new TaskCreator({ ...shared, foreign: this.#foreign });
  }

  /** Takes the events of shims. */
  get shimEvents(): TaskEvents {
    return this.#events;
  }

  /** Finds the tasks of an earlier life of the daemon, and warms the pool up. */
  async start(): Promise<void> {
    await this.#pool.findLiving();
    await Promise.all(this.#bundles.find().map((found) => this.#reattach(found)));
    this.#pool.fill();
  }

  async stop(): Promise<void> {
    this.#foreign.close();
    await this.#pool.close();
  }

  list(namespace: string): string[] {
    return this.#table.list(namespace).map(({ id }) => id);
  }

  /** Throws not-found. */
  runtimeOf(namespace: string, id: string): string {
    return this.#table.get(namespace, id).runtimeName;
  }

  /** Throws already-exists. */
  checkFree(namespace: string, id: string): void {
    this.#table.checkFree(namespace, id);
  }

  async create(namespace: string, given: CreateTask): Promise<number> {
    const { container } = given;
    const runtimeName = container.runtime?.name ?? '';
    this.#table.checkFree(namespace, container.id);
    await this.#table.free(namespace, container.id);
    this.#table.checkFree(namespace, container.id);
    const bundle = this.#bundles.create(namespace, container.id, container.spec?.value ?? new Uint8Array());
    failpoint('task.create.bundle');
    const record = new TaskRecord(bundle, runtimeName);
    this.#table.add(record);
    return record.telling('', () => this.#create(record, given));
  }

  /** Runs `method` of the task's shim; waits for a recovery under way, and asks again when the shim is lost meanwhile. */
  async call<M extends Method>(
    namespace: string,
    id: string,
    method: M,
    request: Named<M>,
    options: CallOptions = {},
  ): Promise<Task[M]['response']> {
    const record = this.#table.get(namespace, id);
    return this.#calls.ask(record, method, request, options);
  }

  /** Idempotent across a lost shim: a process that the lost one had started is not started again. */
  async startProcess(namespace: string, id: string, execId: string): Promise<number> {
    const record = this.#table.get(namespace, id);
    return record.telling(execId, () => this.#starter.start(record, execId));
  }

  /** Resolves with the exit, at once when there is one; rejects cancelled when the caller leaves. */
  async wait(namespace: string, id: string, execId: string, signal: AbortSignal): Promise<WaitResponse> {
    const record = this.#table.get(namespace, id);
    let answer = record.waits.get(execId);
    if (answer === undefined) {
      answer = new SharedAnswer(this.#calls.exitOf(record, execId).finally(() => record.waits.delete(execId)));
      record.waits.set(execId, answer);
    }
    return answer.wait(signal, `wait ${id}`);
  }

  /** Registers a process; with `isStarted` it is started in the same call, and the pid is the answer's. */
  async exec(namespace: string, id: string, request: ExecRequest, isStarted = false): Promise<number> {
    const record = this.#table.get(namespace, id);
    return record.telling(request.execId, () => this.#starter.exec(record, request, isStarted));
  }

  /** Removes a stopped task, its bundle, and a foreign shim. */
  async delete(namespace: string, id: string): Promise<ExitFacts> {
    const record = this.#table.get(namespace, id);
    failpoint('task.delete.asked');
    const exit = await this.#deleteInShim(record);
    failpoint('task.delete.answered');
    record.deleted = exit;
    if (record.isOwn) this.#events.ensureDeleted(record, exit);
    this.#table.close(record);
    await this.#creator.release(record);
    await this.#bundles.remove(record.bundle, !record.isOwn);
    failpoint('task.delete.removed');
    return exit;
  }

  async deleteExec(namespace: string, id: string, execId: string): Promise<ExitFacts> {
    const record = this.#table.get(namespace, id);
    const exit = await this.#calls.ask(record, 'Delete', { execId }, record.tellingOptions);
    failpoint('task.exec.deleted');
    record.pendingExecs.delete(execId);
    record.ledger.forget(execId);
    return exit;
  }

  async #create(record: TaskRecord, given: CreateTask): Promise<number> {
    let created: CreatedTask;
    try {
      created = await this.#creator.create(record, given);
    } catch (error) {
      await this.#undoCreate(record, isConnectionLost(error));
      throw error;
    }
    failpoint('task.create.answered');
    record.isCreated = true;
    if (record.isOwn) this.#events.ensureCreated(record, given);
    // the shim may have died between its answer and now
    if (record.shim?.isLost === true) this.#recovery.start(record);
    if (given.isStarted !== true) return record.pid;
    return this.#starter.started(record, '', created.start ?? this.#starter.askStart(record, ''));
  }

  async #deleteInShim(record: TaskRecord): Promise<ExitFacts> {
    try {
      return await this.#calls.ask(record, 'Delete', { execId: '' }, record.tellingOptions);
    } catch (error) {
      // the lost shim had deleted it: recovery found nothing and told the rest
      if (isConnectionLost(error) && record.deleted !== undefined) return record.deleted;
      throw error;
    }
  }

  async #undoCreate(record: TaskRecord, isShimLost: boolean): Promise<void> {
    await this.#creator.undo(record, isShimLost);
    this.#table.remove(record);
    await this.#bundles.remove(record.bundle, !record.isOwn);
  }

  #watch(shim: ShimConnection): void {
    void shim.closed.then(() => {
      if (!shim.isRetired) this.#recovery.onShimLost(shim);
    });
  }

  async #reattach(found: FoundBundle): Promise<void> {
    const { id, runtimeName, address } = found;
    failpoint('task.reattach.found');
    const record = new TaskRecord(found, runtimeName);
    record.isCreated = true;
    this.#table.add(record);
    try {
      if (record.isOwn) await this.#findOwn(record);
      else await this.#findForeign(record, address);
    } catch (error) {
      this.#log.info({ id, err: errorMessageOf(error) }, 'task of an earlier life has no shim');
      if (isNotFound(error))
        await this.#undoCreate(record, false); // the daemon died within create or delete
      else this.#recovery.start(record);
      await record.recovery;
    }
  }

  /** Asks every living shim of ours: they are few. */
  async #findOwn(record: TaskRecord): Promise<void> {
    const { namespace, id } = record;
    for (const shim of this.#pool.shims) {
      try {
        record.pid = (await shim.call('State', { id }, { namespace, timeoutMs: reattachTimeoutMs })).pid;
        shim.containerCount += 1;
        record.shim = shim;
        return;
      } catch (error) {
        if (!isNotFound(error)) this.#log.warn({ id, err: errorMessageOf(error) }, 'shim does not answer');
      }
    }
    throw new ContainerError('unavailable', `reattach ${id}: none of our shims knows it`);
  }

  async #findForeign(record: TaskRecord, address: string): Promise<void> {
    const { namespace, id } = record;
    if (address === '') throw new ContainerError('unavailable', `reattach ${id}: no address in its bundle`);
    record.shim = await this.#foreign.reconnect(record, address);
    record.pid = (await record.shim.call('State', { id }, { namespace, timeoutMs: reattachTimeoutMs })).pid;
  }
}
