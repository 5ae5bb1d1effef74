// What the daemon knows of one task: where it lives, who serves it, what has been told of it.
import { type CallOptions, eventsAnswered, eventsKey, startKey } from '@tscontainer/platform/call-context';
import type { ExecProcessRequest, WaitResponse } from '@tscontainer/platform/contracts/containerd/task/v2/task';
import type { Bundle } from './bundle-store.ts';
import { EventLedger, type ExitFacts } from './event-ledger.ts';
import type { SharedAnswer } from './shared-answer.ts';
import { isOwnRuntime } from './shim-command.ts';
import type { ShimConnection } from './shim-connection.ts';

/** Execs that were registered but not started: a shim that dies takes them along, the next one is told again. */
const maxPendingExecs = 1024;

const answeredEvents: CallOptions = { metadata: { [eventsKey]: eventsAnswered } };
const startingEvents: CallOptions = { metadata: { [eventsKey]: eventsAnswered, [startKey]: '1' } };

export class TaskRecord {
  readonly bundle: Bundle;
  readonly runtimeName: string;
  readonly ledger: EventLedger;
  readonly pendingExecs = new Map<string, ExecProcessRequest>();
  /** One Wait per process in the shim, however many clients wait: ttrpc cannot take a call back. */
  readonly waits = new Map<string, SharedAnswer<WaitResponse>>();
  /** Of calls whose answers are told as events, by exec id: settled once that is done. */
  readonly #underWay = new Map<string, Promise<unknown>>();
  shim: ShimConnection | undefined;
  pid = 0;
  /** While create is under way nothing else may be asked of the task. */
  isCreated = false;
  /** start was asked: a process found running later was really started. */
  isStartAsked = false;
  /** Set by delete: how it ended, until its last events have been told. */
  deleted: ExitFacts | undefined;
  /** Under way when the shim was lost; rejects when no other shim could take over. */
  recovery: Promise<void> | undefined;
  closeLog: (() => void) | undefined;

  constructor(bundle: Bundle, runtimeName: string) {
    this.bundle = bundle;
    this.runtimeName = runtimeName;
    this.ledger = new EventLedger();
  }

  get namespace(): string {
    return this.bundle.namespace;
  }

  get id(): string {
    return this.bundle.id;
  }

  get isOwn(): boolean {
    return isOwnRuntime(this.runtimeName);
  }

  /** For calls that make, start or delete a process: a shim of ours leaves their events to us. */
  get tellingOptions(): CallOptions {
    return this.isOwn ? answeredEvents : {};
  }

  /** The same, for a start and what it follows in the same write. */
  get startingOptions(): CallOptions {
    return this.isOwn ? startingEvents : {};
  }

  /** What must be told before anything else of that process; undefined when nothing is under way. */
  underWay(execId: string): Promise<unknown> | undefined {
    return this.#underWay.get(execId);
  }

  /** Runs calls whose answers `work` tells as events: what the shim tells meanwhile of that process waits. */
  async telling<T>(execId: string, work: () => Promise<T>): Promise<T> {
    const done = work();
    const earlier = this.#underWay.get(execId);
    const settled = Promise.allSettled(earlier === undefined ? [done] : [earlier, done]);
    this.#underWay.set(execId, settled);
    try {
      return await done;
    } finally {
      if (this.#underWay.get(execId) === settled) this.#underWay.delete(execId);
    }
  }

  notePendingExec(request: ExecProcessRequest): void {
    if (this.pendingExecs.size < maxPendingExecs) this.pendingExecs.set(request.execId, request);
  }
}
