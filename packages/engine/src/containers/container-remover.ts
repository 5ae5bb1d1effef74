// Removes a container: our commit first, then what the lifecycle daemon has of it and what lies on disk.
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import type { Container } from './container.ts';
import type { ContainerSettings, ContainerStatus } from './container-record.ts';
import { deleteTask } from './container-starter.ts';
import { disposeAside, disposeTree } from './disposal.ts';
import type { EngineContext } from './engine-context.ts';
import { closeSharedShm } from './shared-shm.ts';

export interface RemoveOptions {
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
      `cannot remove container "${container.name}": container is running: stop the container before removing or force remove`,
    );
  }
  clearTimeout(container.restartTimer);
  const before: ContainerStatus = container.state.status;
  container.state.status = 'removing';
  try {
    if (holdsHostState(container.settings)) await container.taskGone;
    if (before === 'dead') await deleteTask(context, container.id);
    await eraseContainer(context, container);
  } catch (error) {
    container.state.status = before;
    throw error;
  }
  // before anybody is told: who waits for the removal finds them gone
  if (options.removesVolumes) await removeVolumes(context, container);
  context.events.publish('container', 'destroy', container.id, container.eventAttributes());
  container.hub.endAll();
  container.tellRemoved();
}

/** Mounts and directories of the host that its user may want to use, unmount or remove once the container is gone. */
export function holdsHostState({ hostConfig, mountPoints }: ContainerSettings): boolean {
  return mountPoints.length > 0 || hostConfig.IpcMode === 'shareable';
}

/** Everything but telling. Durable with our row; what the lifecycle daemon has of it goes when nobody waits any more. */
export async function eraseContainer(context: EngineContext, container: Container): Promise<void> {
  await closeSharedShm(context, container.settings);
  await context.store.remove(container.id);
  container.isDestroyed = true;
  context.index.delete(container);
  context.remains.discard(context, container);
  disposeAside(context.paths.containerRun(container.id), context.log);
  disposeTree(context.paths.containerData(container.id), context.log);
}

async function removeVolumes(context: EngineContext, container: Container): Promise<void> {
  for (const point of container.settings.mountPoints) {
    if (point.type !== 'volume' || !point.isAnonymous) continue;
    await context.volumes
      .discard(point.name, container.id)
      .catch((error) => context.log.warn({ volume: point.name, err: errorMessageOf(error) }, 'volume stays'));
  }
}
