// Restarts containers whose labels ask for it (containerd.io/restart.*), and stops those that are to be stopped.
//
// As containerd's monitor it looks at the labels every interval, first when the daemon starts; between two looks a
// client may do what it likes with a task that has ended. A daemon without such containers does nothing at all.
import { errorMessageOf, isNotFound } from '@tscontainer/core/errors';
import type { Logger } from '@tscontainer/platform/logger';
import type { Container, ContainerStore } from '../containers/container-store.ts';
import type { EventPublisher } from '../events/event-publisher.ts';
import type { NamespaceStore } from '../namespaces/namespace-store.ts';
import { isToBeRestarted, logTargetOf, restartCountOf, restartLabels } from './restart-policy.ts';
import type { TaskManager } from './task-manager.ts';

type RootfsMount = { type: string; source: string; target: string; options: string[] };

export interface RestartMonitorOptions {
  containers: ContainerStore;
  namespaces: NamespaceStore;
  tasks: TaskManager;
  publisher: EventPublisher;
  log: Logger;
  intervalMs: number;
  /** The mounts of a container's snapshot. Throws not-found. */
  rootfsOf: (namespace: string, snapshotter: string, key: string) => Promise<RootfsMount[]>;
}

const sigkill = 9;
const callTimeoutMs = 10_000;
const labelFilter = `labels."${restartLabels.status}"`;

export class RestartMonitor {
  readonly #options: RestartMonitorOptions;
  /** Changes under way, by namespace and id: a slow one is not begun again. */
  readonly #changing = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  /** The containers' revision at which nothing was labelled: until it moves there is nothing to look at. */
  #idleRevision = -1;

  constructor(options: RestartMonitorOptions) {
    this.#options = options;
  }

  start(): void {
    this.#look();
    this.#timer = setInterval(() => this.#look(), this.#options.intervalMs);
    this.#timer.unref();
  }

  /** Waits for what is under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#changing.values());
  }

  #look(): void {
    const { containers, namespaces } = this.#options;
    const { revision } = containers;
    if (revision === this.#idleRevision) return;
    let found = 0;
    for (const { name } of namespaces.list())
      for (const container of containers.list(name, [labelFilter])) {
        found += 1;
        this.#consider(name, container);
      }
    this.#idleRevision = found === 0 ? revision : -1;
  }

  #consider(namespace: string, container: Container): void {
    const key = `${namespace}/${container.id}`;
    if (this.#changing.has(key)) return;
    const change = this.#reconcile(namespace, container)
      .catch((error: unknown) => {
        const { log } = this.#options;
        log.error({ namespace, id: container.id, err: errorMessageOf(error) }, 'container not restarted or stopped');
      })
      .finally(() => this.#changing.delete(key));
    this.#changing.set(key, change);
  }

  async #reconcile(namespace: string, container: Container): Promise<void> {
    const { labels } = container;
    const state = await this.#stateOf(namespace, container.id);
    const isAlive = state?.status === 'RUNNING' || state?.status === 'PAUSED' || state?.status === 'CREATED';
    const wanted = labels[restartLabels.status];
    if (wanted === 'stopped' && isAlive) await this.#end(namespace, container.id, true);
    // a task that is created and not started is in some client's hands
    if (wanted !== 'running' || isAlive) return;
    if (isToBeRestarted(labels, { exitStatus: state?.exitStatus }))
      await this.#restart(namespace, container, state !== undefined);
  }

  async #stateOf(namespace: string, id: string): Promise<{ status: string | number; exitStatus: number } | undefined> {
    try {
      return await this.#options.tasks.call(namespace, id, 'State', { execId: '' }, { timeoutMs: callTimeoutMs });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #restart(namespace: string, container: Container, hasTask: boolean): Promise<void> {
    const { tasks, rootfsOf, log } = this.#options;
    const { id, snapshotter, snapshotKey, labels } = container;
    if (hasTask) await this.#end(namespace, id, false);
    await this.#count(namespace, container);
    const target = logTargetOf(labels);
    const rootfs = snapshotKey === '' ? [] : await rootfsOf(namespace, snapshotter, snapshotKey);
    const io = { stdin: '', stdout: target, stderr: target, terminal: false };
    await tasks.create(namespace, { container, rootfs, ...io, options: null });
    try {
      await tasks.startProcess(namespace, id, '');
    } catch (error) {
      await tasks.delete(namespace, id);
      throw error;
    }
    log.info({ namespace, id }, 'container restarted');
  }

  /** Durable before the start: a container that takes the daemon down with it is counted, too. */
  async #count(namespace: string, container: Container): Promise<void> {
    const { containers, publisher } = this.#options;
    const labels = { ...container.labels, [restartLabels.count]: String(restartCountOf(container.labels) + 1) };
    const mask = [`labels.${restartLabels.count}`];
    const updated = await containers.update({ namespace }, { ...container, labels }, mask);
    const { id, image, snapshotKey } = updated;
    publisher.publish(namespace, '/containers/update', 'containerd.events.ContainerUpdate', {
      id,
      image,
      labels: updated.labels,
      snapshotKey,
    });
  }

  async #end(namespace: string, id: string, isAlive: boolean): Promise<void> {
    const { tasks } = this.#options;
    if (isAlive) {
      await tasks.call(namespace, id, 'Kill', { execId: '', signal: sigkill, all: true }, { timeoutMs: callTimeoutMs });
      await tasks.wait(namespace, id, '', AbortSignal.timeout(callTimeoutMs));
    }
    await tasks.delete(namespace, id);
  }
}
