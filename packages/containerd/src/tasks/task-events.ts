// Between the shims and the event bus: tells what their answers say, passes their events on, once each, and tells what a
// dead shim could not.
//
// Our own shims leave the event of a call that we make to us (eventsKey): what comes from them by itself, an exit for
// instance, waits for the answer to a call of the same process that is under way, which the shim has sent before.
import { failpoint } from '@tscontainer/platform/failpoint';
import type { Logger } from '@tscontainer/platform/logger';
import { wireMessage } from '@tscontainer/platform/wire-codec';
import type { Envelope, EventExchange } from '../events/event-exchange.ts';
import type { ExitFacts } from './event-ledger.ts';
import { type ReadTaskEvent, readTaskEvent } from './task-event-reader.ts';
import type { TaskRecord } from './task-record.ts';
import type { TaskTable } from './task-table.ts';

export interface CreatedFields {
  rootfs: { type: string; source: string; options: string[] }[];
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
}

export class TaskEvents {
  readonly #exchange: EventExchange;
  readonly #table: TaskTable;
  readonly #log: Logger;

  constructor(exchange: EventExchange, table: TaskTable, log: Logger) {
    this.#exchange = exchange;
    this.#table = table;
    this.#log = log;
  }

  /** An event of a shim, in the order in which the shim sent it. */
  forward(envelope: Envelope): Promise<void> | void {
    const { topic, namespace } = envelope;
    if (!topic.startsWith('/tasks/')) return this.#exchange.forward(envelope);
    const event = readTaskEvent(topic, envelope.event);
    const record = this.#table.ofEvent(namespace, event.containerId);
    const told = record?.underWay(event.execId);
    return told === undefined
      ? this.#pass(envelope, event, record)
      : told.then(() => this.#pass(envelope, event, record));
  }

  /** The shim has answered create. */
  ensureCreated(record: TaskRecord, { rootfs, stdin, stdout, stderr, terminal }: CreatedFields): void {
    if (!record.ledger.acceptCreate()) return;
    const { pid, bundle } = record;
    const mounts = rootfs.map(({ type, source, options }) => ({ type, source, options }));
    const io = { stdin, stdout, stderr, terminal };
    this.#publish(record, '/tasks/create', 'TaskCreate', { bundle: bundle.path, rootfs: mounts, io, pid });
  }

  ensureAdded(record: TaskRecord, execId: string): void {
    if (record.ledger.acceptAdded(execId)) this.#publish(record, '/tasks/exec-added', 'TaskExecAdded', { execId });
  }

  /** A process runs, and nobody may have said so. */
  ensureStarted(record: TaskRecord, execId: string, pid: number): void {
    if (!record.ledger.acceptStart(execId)) return;
    if (execId === '') this.#publish(record, '/tasks/start', 'TaskStart', { pid });
    else this.#publish(record, '/tasks/exec-started', 'TaskExecStarted', { execId, pid });
  }

  ensureExited(record: TaskRecord, execId: string, exit: ExitFacts): void {
    if (!record.ledger.acceptExit(execId, exit)) return;
    this.#publish(record, '/tasks/exit', 'TaskExit', { id: execId === '' ? record.id : execId, ...exit });
  }

  ensureDeleted(record: TaskRecord, exit: ExitFacts): void {
    if (record.ledger.acceptDelete()) this.#publish(record, '/tasks/delete', 'TaskDelete', { ...exit });
    this.#table.closed(record);
  }

  #pass(envelope: Envelope, event: ReadTaskEvent, record: TaskRecord | undefined): void {
    const isKnown = record !== undefined && !isOfEarlierTask(event, record);
    if (isKnown && !record.ledger.accept(event)) return;
    this.#log.debug({ id: event.containerId, topic: event.topic }, 'event of a shim');
    const isExit = event.exit !== undefined;
    if (isExit) failpoint('task.exit.heard');
    this.#exchange.forward(envelope);
    if (isExit) failpoint('task.exit.told');
    if (isKnown && record.ledger.isDeleted) this.#table.closed(record);
  }

  #publish(record: TaskRecord, topic: string, name: string, fields: object): void {
    const typeUrl = `containerd.events.${name}`;
    const encode = () => ({ typeUrl, value: wireMessage(typeUrl).encode({ containerId: record.id, ...fields }) });
    this.#exchange.publishEncoded(record.namespace, topic, encode);
  }
}

/** Told late, by a shim whose daemon died: the id has a new task since. */
function isOfEarlierTask({ execId, exit, pid }: ReadTaskEvent, record: TaskRecord): boolean {
  return execId === '' && exit === undefined && pid !== 0 && record.pid !== 0 && pid !== record.pid;
}
