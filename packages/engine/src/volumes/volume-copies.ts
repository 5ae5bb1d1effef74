// Renames and copies of volumes that containers use: who runs is paused or refused, who does not is told the new name.
import { ContainerError } from '@tscontainer/core/errors';
import type { Container } from '../containers/container.ts';
import type { ContainerSettings } from '../containers/container-record.ts';
import { pauseContainer, unpauseContainer } from '../containers/container-stopper.ts';
import type { EngineContext } from '../containers/engine-context.ts';
import type { Volume } from './volume-manager.ts';

function usersOf(context: EngineContext, name: string): Container[] {
  return context.volumes.usersOf(name).flatMap((id) => context.index.get(id) ?? []);
}

/** Rejects failed-precondition while a running container has it; stopped ones find it under its new name. */
export async function renameVolume(context: EngineContext, name: string, target: string): Promise<Volume> {
  // one that is being made is not in the index yet
  const busy = context.volumes.usersOf(name).filter((id) => context.index.get(id)?.isRunning ?? true);
  if (busy.length > 0)
    throw new ContainerError('failed-precondition', `rename ${name}: volume is in use - [${busy.join(', ')}]`);
  const users = usersOf(context, name);
  const volume = await context.volumes.rename(name, target);
  for (const container of users)
    await container.queue.run(async () => {
      const settings = withVolumeName(context, container.settings, name, target);
      await context.store.updateSettings(settings);
      container.settings = settings;
      container.isSpecCurrent = false;
    });
  return volume;
}

function withVolumeName(
  context: EngineContext,
  settings: ContainerSettings,
  name: string,
  target: string,
): ContainerSettings {
  const { hostConfig } = settings;
  const binds = hostConfig.Binds?.map((bind) =>
    bind.startsWith(`${name}:`) ? `${target}${bind.slice(name.length)}` : bind,
  );
  const mounts = hostConfig.Mounts?.map((mount) =>
    mount.Type === 'volume' && mount.Source === name ? { ...mount, Source: target } : mount,
  );
  return {
    ...settings,
    hostConfig: { ...hostConfig, Binds: binds ?? null, ...(mounts === undefined ? {} : { Mounts: mounts }) },
    mountPoints: settings.mountPoints.map((point) =>
      point.type === 'volume' && point.name === name
        ? { ...point, name: target, source: context.volumes.mountpoint(target), isAnonymous: false }
        : point,
    ),
  };
}

/** Running users are paused while the copy is made, so that it is of one moment. */
export async function cloneVolume(
  context: EngineContext,
  name: string,
  target: string,
  labels: Record<string, string>,
): Promise<Volume> {
  const paused: Container[] = [];
  try {
    for (const container of usersOf(context, name)) {
      if (container.state.status !== 'running') continue;
      await pauseContainer(context, container);
      paused.push(container);
    }
    return await context.volumes.clone(name, target, labels);
  } finally {
    for (const container of paused) if (container.state.status === 'paused') await unpauseContainer(context, container);
  }
}
