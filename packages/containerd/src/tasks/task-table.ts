// The tasks of this daemon by namespace and id: live ones, and deleted ones whose last events are still on their way.
import { ContainerError } from '@tscontainer/core/errors';
import type { ShimConnection } from './shim-connection.ts';
import type { TaskRecord } from './task-record.ts';

/** How long an id may be kept from a new task by the last events of the old one. */
const lastEventsTimeoutMs = 2000;

export class TaskTable {
  readonly #live = new Map<string, TaskRecord>();
  readonly #closing = new Map<string, { record: TaskRecord; told: Promise<void>; tell: () => void }>();

  readonly #hasContainer: (namespace: string, id: string) => boolean;

  /** `hasContainer` is asked when there is no task, for the words of the error. */
  constructor(hasContainer: (namespace: string, id: string) => boolean) {
    this.#hasContainer = hasContainer;
  }

  /** Throws not-found also while the task is being created. */
  get(namespace: string, id: string): TaskRecord {
    const record = this.#live.get(keyOf(namespace, id));
    if (record?.isCreated !== true) throw this.#missing(namespace, id);
    return record;
  }

  list(namespace: string): TaskRecord[] {
    return [...this.#live.values()].filter((record) => record.namespace === namespace && record.isCreated);
  }

  /** All of one shim, the closing ones too. */
  servedBy(shim: ShimConnection): TaskRecord[] {
    return [...this.#live.values(), ...[...this.#closing.values()].map(({ record }) => record)].filter(
      (record) => record.shim === shim,
    );
  }

  get size(): number {
    return this.#live.size;
  }

  /** Throws already-exists. */
  checkFree(namespace: string, id: string): void {
    if (this.#live.has(keyOf(namespace, id))) throw new ContainerError('already-exists', `task ${id}: already exists`);
  }

  add(record: TaskRecord): void {
    this.checkFree(record.namespace, record.id);
    this.#live.set(keyOf(record.namespace, record.id), record);
  }

  remove(record: TaskRecord): void {
    const key = keyOf(record.namespace, record.id);
    if (this.#live.get(key) === record) this.#live.delete(key);
  }

  /** The task is deleted; it stays known here until `/tasks/delete` has come from its shim. */
  close(record: TaskRecord): void {
    this.remove(record);
    if (record.ledger.isDeleted) return;
    let tell = () => {};
    const told = new Promise<void>((resolve) => {
      tell = resolve;
    });
    this.#closing.set(keyOf(record.namespace, record.id), { record, told, tell });
  }

  closed(record: TaskRecord): void {
    const key = keyOf(record.namespace, record.id);
    const closing = this.#closing.get(key);
    if (closing?.record !== record) return;
    this.#closing.delete(key);
    closing.tell();
  }

  /** Resolves when the last events of an earlier task of that id have been told, or soon after. */
  async free(namespace: string, id: string): Promise<void> {
    const closing = this.#closing.get(keyOf(namespace, id));
    if (closing === undefined) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, lastEventsTimeoutMs);
    });
    await Promise.race([closing.told, late]);
    clearTimeout(timer);
    this.#closing.delete(keyOf(namespace, id));
  }

  /** Whose event it is: the closing task's before a new one's of the same id. */
  ofEvent(namespace: string, id: string): TaskRecord | undefined {
    const key = keyOf(namespace, id);
    return this.#closing.get(key)?.record ?? this.#live.get(key);
  }

  #missing(namespace: string, id: string): ContainerError {
    const words = this.#hasContainer(namespace, id)
      ? `task ${id} not found`
      : `container "${id}" in namespace "${namespace}": not found`;
    return new ContainerError('not-found', words);
  }
}

function keyOf(namespace: string, id: string): string {
  return `${namespace}/${id}`;
}
