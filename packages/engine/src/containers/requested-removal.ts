// A removal that somebody asked for: with force it kills first, whatever the restart policy does meanwhile.
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import type { Container } from './container.ts';
import { type RemoveOptions, removeContainer } from './container-remover.ts';
import { killContainer } from './container-stopper.ts';
import type { EngineContext } from './engine-context.ts';

const maxRemovalTries = 5;

export interface RequestedRemoval extends RemoveOptions {
  /** Kills one that runs. */
  isForced: boolean;
}

/** Rejects failed-precondition for one that runs, unless forced, and for one that is being removed. */
export async function removeOnRequest(
  context: EngineContext,
  container: Container,
  options: RequestedRemoval,
): Promise<void> {
  if (container.state.status === 'removing')
    throw new ContainerError('failed-precondition', `removal of container ${container.name} is already in progress`);
  for (let tries = 1; ; tries++) {
    if (options.isForced) await keepFromRestarting(container);
    if (!options.isForced) checkRemovable(container);
    if (container.isRunning) await killContainer(context, container, 'SIGKILL');
    try {
      await container.queue.run(() => removeContainer(context, container, options));
      return;
    } catch (error) {
      // its policy was faster and has started it again
      if (!options.isForced || !container.isRunning || tries >= maxRemovalTries) throw error;
    }
  }
}

/** One that waits for its restart counts as running, as in docker. */
function checkRemovable(container: Container): void {
  const { status } = container.state;
  if (!container.isRunning && status !== 'restarting') return;
  const why =
    status === 'paused'
      ? 'container is paused and must be unpaused first'
      : `container is ${status}: stop the container before removing or force remove`;
  throw new ContainerError('failed-precondition', `cannot remove container "${container.name}": ${why}`);
}

/** Between two runs of its restart policy there is nothing to kill, and a moment later there is. */
async function keepFromRestarting(container: Container): Promise<void> {
  container.state.isStoppedByUser = true;
  clearTimeout(container.restartTimer);
  container.restartTimer = undefined;
  await container.starting;
}

/** Before an engine goes whose containers go with it. What cannot be removed is logged, and left. */
export async function removeEveryContainer(context: EngineContext): Promise<void> {
  const removal = { isForced: true, removesVolumes: true };
  await Promise.all(
    context.index
      .values()
      .map((container) =>
        removeOnRequest(context, container, removal).catch((error) =>
          context.log.warn({ id: container.id, err: errorMessageOf(error) }, 'container stays'),
        ),
      ),
  );
}
