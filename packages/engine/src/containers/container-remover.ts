// Removes a container: the lifecycle daemon's record and snapshot side by side, our commit, and what lies on disk.
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import type { Container } from './container.ts';
import { deleteRecord } from './container-creator.ts';
import type { ContainerStatus } from './container-record.ts';
import { removeSnapshot } from './container-snapshot.ts';
import { deleteTask } from './container-starter.ts';
import { disposeAside, disposeTree } from './disposal.ts';
import type { EngineContext } from './engine-context.ts';
import { closeSharedShm } from './shared-shm.ts';

export interface RemoveOptions {
  isForced: boolean;
  /** Its anonymous volumes go too. */
  removesVolumes: boolean;
}

/** To be called in the container's queue, after a forced removal has killed it. Nothing when it is gone already. */
export async function removeContainer(
  context: EngineContext,
  container: Container,
  options: RemoveOptions,
): Promise<void> {
  if (container.isDestroyed) return;
  if (container.isRunning) {
    throw new ContainerError(
      'failed-precondition',
      `cannot remove container "/${container.name}": container is running: stop the container before removing or force remove`,
    );
  }
  clearTimeout(container.restartTimer);
  const before: ContainerStatus = container.state.status;
  container.state.status = 'removing';
  try {
    await container.taskGone;
    if (before === 'dead') await deleteTask(context, container.id);
    await eraseContainer(context, container);
  } catch (error) {
    container.state.status = before;
    throw error;
  }
  context.events.publish('container', 'destroy', container.id, container.eventAttributes());
  container.hub.endAll();
  container.tellRemoved();
  if (options.removesVolumes) await removeVolumes(context, container);
}

/**
 * Everything but telling. Durable once the lifecycle daemon has deleted its record: a row without one is a removal that
 * was cut short, which the next start of the engine finishes. So nobody waits for the row to go.
 */
export async function eraseContainer(context: EngineContext, container: Container): Promise<void> {
  const outcomes = await Promise.allSettled([
    deleteRecord(context, container.id),
    removeSnapshot(context, container.settings),
  ]);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  await closeSharedShm(context, container.settings);
  context.store
    .remove(container.id)
    .catch((error) => context.log.error({ id: container.id, err: errorMessageOf(error) }, 'row stays'));
  container.isDestroyed = true;
  context.index.delete(container);
  disposeAside(context.paths.containerRun(container.id), context.log);
  disposeTree(context.paths.containerData(container.id), context.log);
}

async function removeVolumes(context: EngineContext, container: Container): Promise<void> {
  for (const point of container.settings.mountPoints) {
    if (point.type !== 'volume' || !point.isAnonymous) continue;
    await context.volumes
      .remove(point.name, true)
      .catch((error) => context.log.warn({ volume: point.name, err: errorMessageOf(error) }, 'volume stays'));
  }
}
