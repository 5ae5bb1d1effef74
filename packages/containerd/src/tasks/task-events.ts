// Between the shims and the event bus: passes their events on, once each, and tells what a dead shim could not.

import { failpoint } from '@tscontainer/platform/failpoint';
import { wireMessage } from '@tscontainer/platform/wire-codec';
import type { Envelope, EventExchange } from '../events/event-exchange.ts';
import { containerOf, type ExitFacts } from './event-ledger.ts';
import type { TaskRecord } from './task-record.ts';
import type { TaskTable } from './task-table.ts';

export class TaskEvents {
  readonly #exchange: EventExchange;
  readonly #table: TaskTable;

  constructor(exchange: EventExchange, table: TaskTable) {
    this.#exchange = exchange;
    this.#table = table;
  }

  /** An event of a shim, in the order in which the shim sent it. */
  forward(envelope: Envelope): void {
    const record = envelope.topic.startsWith('/tasks/')
      ? this.#table.ofEvent(envelope.namespace, containerOf(envelope.event))
      : undefined;
    if (record !== undefined && !record.ledger.accept(envelope.topic, envelope.event)) return;
    const isExit = envelope.topic === '/tasks/exit';
    if (isExit) failpoint('task.exit.heard');
    this.#exchange.forward(envelope);
    if (isExit) failpoint('task.exit.told');
    if (record?.ledger.isDeleted === true) this.#table.closed(record);
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
    if (!record.ledger.isDeleted) this.#publish(record, '/tasks/delete', 'TaskDelete', { ...exit });
    record.ledger.isDeleted = true;
    this.#table.closed(record);
  }

  #publish(record: TaskRecord, topic: string, name: string, fields: Record<string, unknown>): void {
    const typeUrl = `containerd.events.${name}`;
    const value = wireMessage<Record<string, unknown>>(typeUrl).encode({ containerId: record.id, ...fields });
    this.#exchange.publish(record.namespace, topic, { typeUrl, value });
  }
}
