// What has been told of one task's processes: each exit is published once, whoever tells it, and none is left out.
import type { Timestamp } from '@tscontainer/platform/contracts/google/protobuf/well-known';
import type { ReadTaskEvent } from './task-event-reader.ts';

export interface ExitFacts {
  pid: number;
  exitStatus: number;
  exitedAt: Timestamp | null;
}

interface ProcessEntry {
  isAdded: boolean;
  isStarted: boolean;
  /** Deleted before its exit was told: the entry goes with that. */
  isForgotten: boolean;
  exit: ExitFacts | undefined;
}

export class EventLedger {
  readonly #processes = new Map<string, ProcessEntry>();
  #isCreated = false;
  isDeleted = false;

  /** Notes an event of the shim. False when it was told before and must not be told again. */
  accept({ topic, execId, exit }: ReadTaskEvent): boolean {
    if (topic === '/tasks/create') return this.acceptCreate();
    if (topic === '/tasks/start' || topic === '/tasks/exec-started') return this.acceptStart(execId);
    if (exit !== undefined) return this.acceptExit(execId, exit);
    if (topic === '/tasks/exec-added') return this.acceptAdded(execId);
    return topic !== '/tasks/delete' || this.acceptDelete();
  }

  acceptCreate(): boolean {
    const isNew = !this.#isCreated;
    this.#isCreated = true;
    return isNew;
  }

  acceptDelete(): boolean {
    const isNew = !this.isDeleted;
    this.isDeleted = true;
    return isNew;
  }

  acceptStart(execId: string): boolean {
    const entry = this.#entry(execId);
    const isNew = !entry.isStarted;
    entry.isStarted = true;
    return isNew;
  }

  /** An exec id may be used again by a further process: then the pid differs. */
  acceptExit(execId: string, exit: ExitFacts): boolean {
    const entry = this.#entry(execId);
    if (entry.exit !== undefined && entry.exit.pid === exit.pid) return false;
    entry.exit = exit;
    if (entry.isForgotten) this.#processes.delete(execId);
    return true;
  }

  exitOf(execId: string): ExitFacts | undefined {
    return this.#processes.get(execId)?.exit;
  }

  /** The exec is deleted; its id may be used again. */
  forget(execId: string): void {
    const entry = this.#processes.get(execId);
    if (entry === undefined) return;
    if (entry.exit !== undefined || !entry.isStarted) this.#processes.delete(execId);
    else entry.isForgotten = true;
  }

  acceptAdded(execId: string): boolean {
    const entry = this.#entry(execId);
    const isNew = !entry.isAdded;
    entry.isAdded = true;
    return isNew;
  }

  #entry(execId: string): ProcessEntry {
    const entry = this.#processes.get(execId) ?? {
      isAdded: false,
      isStarted: false,
      isForgotten: false,
      exit: undefined,
    };
    this.#processes.set(execId, entry);
    return entry;
  }
}
