// What the lifecycle daemon still has of containers that are removed: taken away when nobody waits for it.
//
// A removal is durable with our own row. Should the engine end before the rest is gone, the next one finds records and
// snapshots that bear its label and have no row, and removes them (recovery.ts).
import { errorMessageOf } from '@tscontainer/core/errors';
import type { Container } from './container.ts';
import { deleteRecord } from './container-creator.ts';
import type { ContainerSettings } from './container-record.ts';
import { removeSnapshot } from './container-snapshot.ts';
import type { EngineContext } from './engine-context.ts';

/** With a pause that doubles from `firstRetryMs`: about a minute, in which a daemon that died is there again. */
const maxTries = 8;
const firstRetryMs = 250;

/** Story: `discard` after each removal; `settled` before the engine ends. */
export class ContainerRemains {
  readonly #pending = new Set<Promise<void>>();
  #isClosing = false;

  /** Returns at once. */
  discard(context: EngineContext, container: Container): void {
    const work = this.#discard(context, container).finally(() => this.#pending.delete(work));
    this.#pending.add(work);
  }

  /** Resolves when all is gone, or left to the next start; nothing is tried again from now on. */
  async settled(): Promise<void> {
    this.#isClosing = true;
    await Promise.all(this.#pending);
  }

  async #discard(context: EngineContext, { made, taskGone, settings }: Container): Promise<void> {
    // what is still being made would outlive its removal, and a task needs its snapshot
    await Promise.allSettled([made, taskGone]);
    for (let tries = 1; !(await removed(context, settings)); tries++) {
      if (tries === maxTries || this.#isClosing) {
        context.log.error({ id: settings.id, tries }, 'record or snapshot stays until the next start');
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, firstRetryMs * 2 ** (tries - 1)).unref());
    }
  }
}

async function removed(context: EngineContext, settings: ContainerSettings): Promise<boolean> {
  const outcomes = await Promise.allSettled([deleteRecord(context, settings.id), removeSnapshot(context, settings)]);
  const failures = outcomes.filter((outcome) => outcome.status === 'rejected');
  for (const { reason } of failures)
    context.log.warn({ id: settings.id, err: errorMessageOf(reason) }, 'record or snapshot not removed yet');
  return failures.length === 0;
}
