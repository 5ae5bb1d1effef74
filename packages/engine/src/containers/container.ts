// A container as the engine holds it in memory: its record, and what belongs to its present run.
import type { Mount } from '@tscontainer/linux/mounts';
import type { OutputPump } from '../logs/output-pump.ts';
import { AttachHub } from './attach-hub.ts';
import type { ContainerSettings, ContainerState } from './container-record.ts';
import { SerialQueue } from './serial-queue.ts';
import type { StdinPipe } from './stdin-pipe.ts';
import type { ResolvedUser } from './user-lookup.ts';

/** What `wait` answers. */
export interface ExitResult {
  exitCode: number;
  error: string;
}

/** What exists only between start and exit. */
export interface ContainerRun {
  pump: OutputPump;
  stdin: StdinPipe | undefined;
  /** The exit was seen: its event, or a look after a restart of the engine. */
  hasExited: boolean;
}

interface Waiter {
  condition: 'next-exit' | 'removed';
  resolve: (result: ExitResult) => void;
}

export class Container {
  settings: ContainerSettings;
  state: ContainerState;
  readonly hub = new AttachHub();
  readonly queue = new SerialQueue();
  run: ContainerRun | undefined;
  /** Its snapshot and record in the lifecycle daemon; see container-making.ts. */
  made: Promise<void> = Promise.resolve();
  /** Where the root filesystem comes from, as the snapshotter said; asked again when undefined. */
  rootfs: Mount[] | undefined;
  /** Who its process runs as; resolved again when undefined. */
  user: ResolvedUser | undefined;
  /** The stored specification is what the next start is to run. */
  isSpecCurrent = false;
  /** The deletion of the last run's task, which goes on after the exit was told. */
  taskGone: Promise<void> = Promise.resolve();
  /** Ends the pause before that deletion: a further start waits for it. */
  hastenTeardown: () => void = () => undefined;
  /** Made or running. */
  execIds = new Set<string>();
  /** Kept for their exit codes. */
  endedExecIds = new Set<string>();
  /** Pending while a start is under way: an exit that comes meanwhile is told after it. */
  starting: Promise<void> | undefined;
  /** A restart that its policy has planned. */
  restartTimer: NodeJS.Timeout | undefined;
  /** While it is restarted by request: `--rm` does not take it at the exit in between. */
  outlivesExit = false;
  isDestroyed = false;
  readonly #waiters = new Set<Waiter>();
  readonly #runListeners = new Set<() => void>();

  constructor(settings: ContainerSettings, state: ContainerState) {
    this.settings = settings;
    this.state = state;
  }

  get id(): string {
    return this.settings.id;
  }

  get name(): string {
    return this.settings.name;
  }

  /** Also while paused; not between two runs of its restart policy. */
  get isRunning(): boolean {
    return this.state.status === 'running' || this.state.status === 'paused';
  }

  get exitResult(): ExitResult {
    return { exitCode: this.state.exitCode, error: this.state.error };
  }

  /** Resolves at the next exit, or when the container is removed; rejects never. Aborting forgets it. */
  waitFor(condition: 'next-exit' | 'removed', signal?: AbortSignal): Promise<ExitResult | undefined> {
    return new Promise((resolve) => {
      const waiter: Waiter = { condition, resolve };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', () => {
        this.#waiters.delete(waiter);
        resolve(undefined);
      });
    });
  }

  /** Calls `listener` once when stdio of a further run is open; the returned function forgets it. */
  onNextRun(listener: () => void): () => void {
    this.#runListeners.add(listener);
    return () => this.#runListeners.delete(listener);
  }

  openRun(run: ContainerRun): void {
    this.run = run;
    const listeners = [...this.#runListeners];
    this.#runListeners.clear();
    for (const listener of listeners) listener();
  }

  /** Resolves after `ms`, or as soon as somebody hastens. */
  teardownPause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.hastenTeardown = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  tellExit(): void {
    this.#answer('next-exit');
  }

  tellRemoved(): void {
    this.#answer('removed');
    this.#answer('next-exit');
  }

  /** Attributes of its events. */
  eventAttributes(extra: Record<string, string> = {}): Record<string, string> {
    return { ...this.settings.config.Labels, ...extra, image: this.settings.config.Image, name: this.settings.name };
  }

  #answer(condition: Waiter['condition']): void {
    for (const waiter of [...this.#waiters]) {
      if (waiter.condition !== condition) continue;
      this.#waiters.delete(waiter);
      // a removal is no failure, whatever the container's last start was
      waiter.resolve(condition === 'removed' ? { ...this.exitResult, error: '' } : this.exitResult);
    }
  }
}
