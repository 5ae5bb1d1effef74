// The volumes of one container over its run: mounted before its start, let go of after its end, and told as events.
import type { CleanupStack } from '@tscontainer/platform/cleanup-stack';
import type { Container } from '../containers/container.ts';
import type { MountPoint } from '../containers/container-record.ts';
import type { EngineContext } from '../containers/engine-context.ts';
import { localDriver } from './volume-manager.ts';

function volumesOf(container: Container): MountPoint[] {
  return container.settings.mountPoints.filter((point) => point.type === 'volume');
}

/** Nothing for a container without volumes. */
export async function mountVolumes(context: EngineContext, container: Container, cleanup: CleanupStack): Promise<void> {
  for (const point of volumesOf(container)) {
    await context.volumes.ensure(point.name); // its directory may have been taken away by hand
    await context.volumes.mount(point.name, container.id);
    cleanup.defer(`volume ${point.name}`, () => release(context, container, point.name));
    context.events.publish('volume', 'mount', point.name, {
      container: container.id,
      destination: point.destination,
      driver: point.driver ?? localDriver,
      propagation: point.propagation,
      'read/write': String(point.isWritable),
    });
  }
}

export async function unmountVolumes(context: EngineContext, container: Container): Promise<void> {
  for (const point of volumesOf(container)) {
    await release(context, container, point.name);
    context.events.publish('volume', 'unmount', point.name, {
      container: container.id,
      driver: point.driver ?? localDriver,
    });
  }
}

async function release(context: EngineContext, container: Container, name: string): Promise<void> {
  await context.volumes.unmount(name, container.id, () => {
    const others = context.volumes.usersOf(name).map((id) => context.index.get(id));
    // one that is being started has it mounted already, or will find it mounted
    return !others.some((other) => other !== container && (other?.isRunning || other?.starting !== undefined));
  });
}
