// What has been told of one task's processes: each exit is published once, whoever tells it, and none is left out.
import type { Any, Timestamp } from '@tscontainer/platform/contracts/google/protobuf/well-known';
import { wireMessage } from '@tscontainer/platform/wire-codec';

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

/** The event that has no other field: the others' are skipped as unknown. */
const anyTaskEvent = wireMessage<{ containerId: string }>('containerd.events.TaskOOM');
/** Also of TaskExecAdded, whose fields are the same but for the pid. */
const execEvent = wireMessage<{ containerId: string; execId: string }>('containerd.events.TaskExecStarted');
const exited = wireMessage<ExitFacts & { containerId: string; id: string }>('containerd.events.TaskExit');

/** The container that a task event is about; it is field 1 of all of them. */
export function containerOf(event: Any): string {
  return anyTaskEvent.decode(event.value).containerId;
}

export class EventLedger {
  readonly #containerId: string;
  readonly #processes = new Map<string, ProcessEntry>();
  isDeleted = false;

  constructor(containerId: string) {
    this.#containerId = containerId;
  }

  /** Notes an event of the shim. False when it was told before and must not be told again. */
  accept(topic: string, event: Any): boolean {
    if (topic === '/tasks/start') return this.acceptStart('');
    if (topic === '/tasks/exec-started') return this.acceptStart(execEvent.decode(event.value).execId);
    if (topic === '/tasks/exit') {
      const { id, pid, exitStatus, exitedAt } = exited.decode(event.value);
      return this.acceptExit(id === this.#containerId ? '' : id, { pid, exitStatus, exitedAt });
    }
    if (topic === '/tasks/exec-added') return this.#acceptAdded(execEvent.decode(event.value).execId);
    if (topic === '/tasks/delete') this.isDeleted = true;
    return true;
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

  #acceptAdded(execId: string): boolean {
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
