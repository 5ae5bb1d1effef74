// Makes execs and starts processes, in one call or in two, and tells of both from the answers. Called by the task manager.
import { isNotFound } from '@tscontainer/core/errors';
import type { StartResponse } from '@tscontainer/platform/contracts/containerd/task/v2/task';
import { failpoint } from '@tscontainer/platform/failpoint';
import { isConnectionLost } from './shim-connection.ts';
import type { Named, TaskCalls } from './task-calls.ts';
import type { TaskEvents } from './task-events.ts';
import type { TaskRecord } from './task-record.ts';

export type ExecRequest = Named<'Exec'> & { execId: string };

export class ProcessStarter {
  readonly #calls: TaskCalls;
  readonly #events: TaskEvents;

  constructor(calls: TaskCalls, events: TaskEvents) {
    this.#calls = calls;
    this.#events = events;
  }

  /** Registers a process; with `isStarted` starts it too. Resolves with its pid, 0 when it was not started. */
  async exec(record: TaskRecord, request: ExecRequest, isStarted: boolean): Promise<number> {
    const { isOwn } = record;
    const { execId } = request;
    let start: Promise<StartResponse> | undefined;
    if (isStarted && isOwn) ({ start } = await this.#execAtOnce(record, request));
    else await this.#calls.attempt(record, 'Exec', request, record.tellingOptions);
    failpoint('task.exec.answered');
    this.#notePending(record, request);
    if (isOwn) this.#events.ensureAdded(record, execId);
    return isStarted ? this.started(record, execId, start ?? this.askStart(record, execId)) : 0;
  }

  /** Idempotent across a lost shim: a process that the lost one had started is not started again. */
  start(record: TaskRecord, execId: string): Promise<number> {
    return this.started(record, execId, this.askStart(record, execId));
  }

  /** The end of a start that was asked for: asked again when the shim was lost before it answered. */
  async started(record: TaskRecord, execId: string, asked: Promise<StartResponse>): Promise<number> {
    let pid = 0;
    try {
      ({ pid } = await asked);
      failpoint('task.start.answered');
      record.pendingExecs.delete(execId);
    } catch (error) {
      if (!isConnectionLost(error)) throw error;
      pid = await this.#startAgain(record, execId);
    }
    if (execId === '') record.pid = pid; // of a task from a checkpoint it was not known before
    if (record.isOwn) this.#events.ensureStarted(record, execId, pid);
    return pid;
  }

  askStart(record: TaskRecord, execId: string, options = record.tellingOptions): Promise<StartResponse> {
    if (execId === '') record.isStartAsked = true;
    failpoint('task.start.asked');
    return this.#calls.attempt(record, 'Start', { execId }, options);
  }

  /** Exec and Start in one write, answered in one. Resolves when the first is answered, with the second. */
  async #execAtOnce(record: TaskRecord, request: ExecRequest): Promise<{ start: Promise<StartResponse> }> {
    const { execId } = request;
    const forget = this.#notePending(record, request);
    const added = this.#calls.attempt(record, 'Exec', request, record.startingOptions);
    const start = this.askStart(record, execId, record.startingOptions);
    start.catch(() => undefined); // when exec fails, its failure is what the caller learns
    try {
      await added;
    } catch (error) {
      // the next shim knows it: what the lost one had begun is adopted, and what it had not is registered again
      if (!isConnectionLost(error) || !(await this.#hasProcess(record, execId))) {
        forget();
        throw error;
      }
    }
    return { start };
  }

  /** Whether or not the shim lives to answer it. Gives what undoes the note. */
  #notePending(record: TaskRecord, request: ExecRequest): () => void {
    const { execId } = request;
    if (record.pendingExecs.has(execId)) return () => undefined; // another one of that id: this one will be refused
    record.notePendingExec({ ...request, id: record.id } as Parameters<TaskRecord['notePendingExec']>[0]);
    return () => record.pendingExecs.delete(execId);
  }

  async #hasProcess(record: TaskRecord, execId: string): Promise<boolean> {
    try {
      await this.#calls.ask(record, 'State', { execId }, {});
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async #startAgain(record: TaskRecord, execId: string): Promise<number> {
    const { status, pid } = await this.#calls.ask(record, 'State', { execId }, {});
    if (status !== 'CREATED') return pid;
    return (await this.#calls.ask(record, 'Start', { execId }, record.tellingOptions)).pid;
  }
}
