// All tasks of this shim, and the runtime of each namespace: routes the runtime's exits to their tasks.
import { ContainerError } from '@tscontainer/core/errors';
import type { ProcessIo, Runtime, RuntimeOptions } from '@tscontainer/linux/runtime';
import type { RuntimeChoice } from './bundle.ts';
import type { StepLog } from './step-log.ts';
import { Task } from './task.ts';
import type { TaskEvents } from './task-events.ts';

/** Containers that one shim takes; a daemon that wants more starts another. */
const maxContainers = 256;

export interface RegistryOptions {
  events: TaskEvents;
  steps: StepLog;
  tsrunc: string;
  openRuntime: (choice: RuntimeChoice, options: RuntimeOptions) => Runtime;
  /** Told after each task that came or went. */
  onChanged: (count: number) => void;
}

export class TaskRegistry {
  readonly #options: RegistryOptions;
  readonly #tasks = new Map<string, Task>();
  readonly #runtimes = new Map<string, Runtime>();

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#tasks.size;
  }

  /** Throws not-found. */
  get(namespace: string, id: string): Task {
    const task = this.#tasks.get(`${namespace}/${id}`);
    if (task === undefined) throw new ContainerError('not-found', `task ${id}: not found`);
    return task;
  }

  has(namespace: string, id: string): boolean {
    return this.#tasks.has(`${namespace}/${id}`);
  }

  /** Registers a task before the runtime knows it, so that no exit can miss it; `remove` undoes it. */
  add(namespace: string, id: string, bundle: string, io: ProcessIo, choice: RuntimeChoice): Task {
    const key = `${namespace}/${id}`;
    if (this.#tasks.has(key)) throw new ContainerError('already-exists', `task ${id}: already exists`);
    if (this.#tasks.size >= maxContainers) {
      throw new ContainerError(
        'resource-exhausted',
        `create task ${id}: this shim has ${maxContainers} containers already`,
      );
    }
    const { events, steps } = this.#options;
    const task = new Task(namespace, id, bundle, io, { runtime: this.#runtime(namespace, choice), events, steps });
    this.#tasks.set(key, task);
    this.#options.onChanged(this.#tasks.size);
    return task;
  }

  remove(task: Task): void {
    this.#tasks.delete(`${task.namespace}/${task.id}`);
    task.dispose();
    this.#options.onChanged(this.#tasks.size);
  }

  close(): void {
    for (const runtime of this.#runtimes.values()) runtime.close();
  }

  #runtime(namespace: string, choice: RuntimeChoice): Runtime {
    const { root, binary, isSystemdCgroup } = choice;
    const key = `${namespace} ${root} ${binary} ${isSystemdCgroup}`;
    const known = this.#runtimes.get(key);
    if (known !== undefined) return known;
    const runtime = this.#options.openRuntime(choice, {
      root,
      tsrunc: this.#options.tsrunc,
      onExit: (exit) => this.#tasks.get(`${namespace}/${exit.id}`)?.onExit(exit),
      onOom: (id) => this.#tasks.get(`${namespace}/${id}`)?.onOom(),
    });
    this.#runtimes.set(key, runtime);
    return runtime;
  }
}
