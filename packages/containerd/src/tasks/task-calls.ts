// The calls of one task's shim: they wait for a recovery under way, and name the shim that serves the task then.
// The task manager and its process starter make them.
import type { CallOptions } from '@tscontainer/platform/call-context';
import type { Task, WaitResponse } from '@tscontainer/platform/contracts/containerd/task/v2/task';
import type { Sent } from '@tscontainer/platform/contracts/message-forms';
import { isConnectionLost } from './shim-connection.ts';
import type { TaskRecord } from './task-record.ts';
import { noShim, type TaskRecovery } from './task-recovery.ts';

export type Method = keyof Task;
export type Named<M extends Method> = Omit<Sent<Task[M]['request']>, 'id'>;

/** A call may fail a moment before its connection is known to be gone. */
const lostTimeoutMs = 1000;

export class TaskCalls {
  readonly #recovery: TaskRecovery;

  constructor(recovery: TaskRecovery) {
    this.#recovery = recovery;
  }

  /** Asks again when the shim is lost meanwhile: for calls that may be made twice. */
  async ask<M extends Method>(
    record: TaskRecord,
    method: M,
    request: Named<M>,
    options: CallOptions,
  ): Promise<Task[M]['response']> {
    try {
      return await this.attempt(record, method, request, options);
    } catch (error) {
      if (!isConnectionLost(error) || record.deleted !== undefined) throw error;
    }
    await record.shim?.closedWithin(lostTimeoutMs);
    return this.attempt(record, method, request, options);
  }

  /** Waits for an exit, however often the shim is lost meanwhile: the next one is asked, or the task has ended with it. */
  async exitOf(record: TaskRecord, execId: string): Promise<WaitResponse> {
    for (;;) {
      try {
        return await this.ask(record, 'Wait', { execId }, {});
      } catch (error) {
        if (!isConnectionLost(error)) throw error;
        if (record.deleted !== undefined && execId === '') return record.deleted;
        if (record.shim === undefined && record.recovery === undefined) throw error; // none could take over
      }
    }
  }

  /** Asks once. */
  async attempt<M extends Method>(
    record: TaskRecord,
    method: M,
    request: Named<M>,
    options: CallOptions,
  ): Promise<Task[M]['response']> {
    if (record.shim?.isLost === true) this.#recovery.start(record);
    await record.recovery;
    const { shim, namespace, id } = record;
    if (shim === undefined) throw noShim(record);
    return shim.call(method, { id, ...request } as Sent<Task[M]['request']>, { ...options, namespace });
  }
}
