// What happens when a container's process has ended: output drained, state committed, everybody told, policy applied.
import { errorCodeOf, errorMessageOf } from '@tscontainer/core/errors';
import { formatNs, parseRfc3339 } from '../go-time.ts';
import { unmountVolumes } from '../volumes/container-volumes.ts';
import { closeHeldMounts } from '../volumes/held-mounts.ts';
import type { Container } from './container.ts';
import type { ContainerState } from './container-record.ts';
import { holdsHostState, removeContainer } from './container-remover.ts';
import { deleteTask, startContainer } from './container-starter.ts';
import { disposeAside } from './disposal.ts';
import type { EngineContext } from './engine-context.ts';
import type { ExecManager } from './exec-manager.ts';
import { noteExit, type TaskExitFacts } from './exit-note.ts';
import { closeSharedShm } from './shared-shm.ts';

/** Longest wait for output after the exit, for what something outside of the container still writes. */
const drainTimeoutMs = 2000;
const firstRestartDelayMs = 100;
const maxRestartDelayMs = 60_000;
/** The task's deletion takes the processors from those who were just told: they remove the container, or start the next. */
const deletionDelayMs = 4;
/** A run at least this long makes the next delay the first again. */
const stableRunNs = 10_000_000_000n;

export class ExitHandler {
  readonly #context: EngineContext;
  readonly #execs: ExecManager;
  readonly #delaysMs = new WeakMap<Container, number>();
  /** The engine ends: no restarts. */
  isStopping = false;

  constructor(context: EngineContext, execs: ExecManager) {
    this.#context = context;
    this.#execs = execs;
  }

  /** Idempotent for one run; resolves when the exit was told. */
  async handle(container: Container, facts: TaskExitFacts): Promise<void> {
    const { run } = container;
    if (run?.hasExited || (run === undefined && !container.isRunning)) return;
    if (run !== undefined) run.hasExited = true;
    await container.starting;
    if (container.run !== run) return; // the start failed after all, and has undone everything
    const { events } = this.#context;
    this.#execs.containerExited(container);
    const drained = run?.pump.finish(drainTimeoutMs);
    container.taskGone = this.#deleteTask(container, facts);
    const { state } = container;
    const wouldRestart = this.#willRestart(container, facts.exitCode);
    const change: Partial<ContainerState> = {
      status: wouldRestart ? 'restarting' : 'exited',
      pid: 0,
      exitCode: facts.exitCode,
      finishedAt: formatNs(facts.exitedAtNs),
      network: undefined,
    };
    const { network } = state;
    // on disk a moment after the exit is told: the note keeps it should the engine be killed before
    this.#save(container, change);
    await drained;
    // it may have been stopped while its last output was on its way
    const willRestart = wouldRestart && this.#willRestart(container, facts.exitCode);
    if (willRestart !== wouldRestart) this.#save(container, Object.assign(change, { status: 'exited' }));
    // seen by others only now: a remove that follows at once meets nothing half done
    Object.assign(state, change);
    run?.stdin?.destroy();
    container.run = undefined;
    container.hub.onDrain = undefined;
    container.hub.endAll();
    // off the path: what the run had of the host is given back while the exit is told
    this.#releaseNetworks(container, network);
    const durationNs = facts.exitedAtNs - (parseRfc3339(state.startedAt) ?? facts.exitedAtNs);
    events.publish(
      'container',
      'die',
      container.id,
      container.eventAttributes({
        execDuration: String(durationNs / 1_000_000_000n),
        exitCode: String(facts.exitCode),
      }),
    );
    container.tellExit();
    if (willRestart) this.#planRestart(container, durationNs);
    else if (container.settings.hostConfig.AutoRemove && !container.outlivesExit) this.#autoRemove(container);
    else void container.taskGone.then(() => this.#removeRunDirectory(container));
  }

  #save({ id, state }: Container, change: Partial<ContainerState>): void {
    const { store, log } = this.#context;
    store
      .updateState(id, { ...state, ...change })
      .catch((error) => log.error({ id, err: errorMessageOf(error) }, 'exit not saved'));
  }

  #releaseNetworks(container: Container, network: ContainerState['network']): void {
    if (network === undefined) return;
    this.#context.networks
      .release(container, network)
      .catch((error) =>
        this.#context.log.error({ id: container.id, err: errorMessageOf(error) }, 'networks not released'),
      );
  }

  /** Off the path. The note, which is there at once, keeps the exit code should the engine be killed meanwhile. */
  async #deleteTask(container: Container, facts: TaskExitFacts): Promise<void> {
    const { log, paths } = this.#context;
    try {
      if (container.run !== undefined) noteExit(paths.containerRun(container.id), facts);
      if (!holdsHostState(container.settings)) await container.teardownPause(deletionDelayMs);
      await deleteTask(this.#context, container.id);
      await closeSharedShm(this.#context, container.settings);
      await closeHeldMounts(this.#context, container.id);
      await unmountVolumes(this.#context, container);
    } catch (error) {
      log.warn({ id: container.id, err: errorMessageOf(error) }, 'task not deleted');
    }
  }

  #removeRunDirectory(container: Container): void {
    if (container.run === undefined && container.starting === undefined)
      disposeAside(this.#context.paths.containerRun(container.id), this.#context.log);
  }

  #willRestart(container: Container, exitCode: number): boolean {
    const { Name, MaximumRetryCount } = container.settings.hostConfig.RestartPolicy;
    const { state } = container;
    if (this.isStopping || state.isStoppedByUser) return false;
    if (Name === 'always' || Name === 'unless-stopped') return true;
    return (
      Name === 'on-failure' && exitCode !== 0 && (MaximumRetryCount === 0 || state.restartCount < MaximumRetryCount)
    );
  }

  #planRestart(container: Container, lastRunNs: bigint): void {
    const last = this.#delaysMs.get(container);
    const isFirst = container.state.restartCount === 0 || lastRunNs >= stableRunNs;
    const delayMs = last === undefined || isFirst ? firstRestartDelayMs : Math.min(last * 2, maxRestartDelayMs);
    this.#delaysMs.set(container, delayMs);
    container.restartTimer = setTimeout(() => this.restart(container), delayMs);
  }

  /** Starts it again as its policy says; a failure is kept in its state. */
  restart(container: Container): void {
    container.queue
      .run(async () => {
        if (container.isDestroyed || container.state.isStoppedByUser || container.isRunning) return;
        await startContainer(this.#context, container, container.state.restartCount + 1);
      })
      .catch((error) => {
        this.#context.log.warn({ id: container.id, err: errorMessageOf(error) }, 'restart failed');
        // the lifecycle daemon is away for a moment: that is no failure of the container's
        if (errorCodeOf(error) === 'unavailable') this.#restartLater(container);
      });
  }

  #restartLater(container: Container): void {
    if (container.isDestroyed || !this.#willRestart(container, container.state.exitCode)) return;
    container.state.status = 'restarting';
    this.#save(container, {});
    this.#planRestart(container, 0n);
  }

  #autoRemove(container: Container): void {
    container.queue
      .run(() => removeContainer(this.#context, container, { removesVolumes: true }))
      .catch((error) =>
        this.#context.log.error({ id: container.id, err: errorMessageOf(error) }, 'automatic removal failed'),
      );
  }
}
