// Mounts that the engine holds for a container's run, because no path of the host stands for what is mounted: a part of a
// volume, an image, a volume of a plugin. They lie below the exec root, from the start to the end of the run.
import { existsSync, lstatSync, mkdirSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ContainerError, errorMessageOf, isNotFound } from '@tscontainer/core/errors';
import { bindBeneath, mountAll, unmountBelow } from '@tscontainer/linux/mounts';
import type { CleanupStack } from '@tscontainer/platform/cleanup-stack';
import type { ContainerSettings, MountPoint } from '../containers/container-record.ts';
import { containerLabel, rootLabel } from '../containers/container-snapshot.ts';
import type { EngineContext } from '../containers/engine-context.ts';
import { ownerLabel } from '../containers/spec-store.ts';
import type { EnginePaths } from '../engine-paths.ts';

function isHeld(point: MountPoint): boolean {
  return (
    point.type === 'image' || (point.type === 'volume' && (point.subpath !== undefined || point.driver !== undefined))
  );
}

/** Paths to mount instead of the sources, by destination. */
export function heldPaths(paths: EnginePaths, settings: ContainerSettings): Map<string, string> {
  const directory = paths.heldMounts(settings.id);
  return new Map(
    settings.mountPoints.flatMap((point, index) =>
      isHeld(point) ? [[point.destination, join(directory, String(index))] as const] : [],
    ),
  );
}

/** After the volumes were mounted, before the task. Rejects invalid-argument for what is not there or leads out. */
export async function openHeldMounts(
  context: EngineContext,
  settings: ContainerSettings,
  cleanup: CleanupStack,
): Promise<void> {
  const held = heldPaths(context.paths, settings);
  if (held.size === 0) return;
  await closeHeldMounts(context, settings.id); // of a run that nobody saw end
  mkdirSync(context.paths.heldMounts(settings.id), { recursive: true, mode: 0o700 });
  cleanup.defer('held mounts', () => closeHeldMounts(context, settings.id));
  for (const point of settings.mountPoints) {
    const target = held.get(point.destination);
    if (target === undefined) continue;
    if (point.type === 'image') await holdImage(context, settings, point, target);
    else await holdPart(context.volumes.mountpoint(point.name), point, target);
  }
}

async function holdPart(root: string, point: MountPoint, target: string): Promise<void> {
  try {
    await bindBeneath(root, point.subpath ?? '.', target);
  } catch (error) {
    const { errnoName } = (error as ContainerError).details as { errnoName?: string };
    const why = errnoName === 'EXDEV' ? 'it leads out of what is mounted' : errorMessageOf(error);
    throw new ContainerError(
      'invalid-argument',
      `mount ${point.name || point.destination}: cannot access path ${point.subpath ?? root}: ${why}`,
      {
        cause: error,
      },
    );
  }
}

/** Of the image that is mounted at `path`. */
function viewKey(id: string, path: string): string {
  return `${id}-mount-${basename(path)}`;
}

/** Read-only; the snapshot keeps the layers while it is mounted. */
async function holdImage(
  context: EngineContext,
  settings: ContainerSettings,
  point: MountPoint,
  target: string,
): Promise<void> {
  const { snapshotter, id } = settings;
  const whole = point.subpath === undefined ? target : `${target}-whole`;
  mkdirSync(whole, { mode: 0o700 }); // first: by it the snapshot is found again
  const key = viewKey(id, whole);
  await removeView(context, key); // of a run before the machine's last start
  const { mounts } = await context.client.snapshots.View({
    snapshotter,
    key,
    parent: point.chainId ?? '',
    labels: { [rootLabel]: settings.created, [ownerLabel]: context.engineId, [containerLabel]: id },
  });
  await mountAll(mounts, whole);
  if (point.subpath !== undefined) await holdPart(whole, point, target);
}

async function removeView(context: EngineContext, key: string): Promise<void> {
  await context.client.snapshots.Remove({ snapshotter: context.config.snapshotter, key }).catch((error) => {
    if (!isNotFound(error)) throw error;
  });
}

/** After the run, or for one that a crash cut short. Nothing when there are none. */
export async function closeHeldMounts(context: EngineContext, id: string): Promise<void> {
  const directory = context.paths.heldMounts(id);
  if (!existsSync(directory)) return;
  await unmountBelow(directory);
  // only places that are empty now are taken away: what was mounted there is somebody's data
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (lstatSync(path).isDirectory()) rmdirSync(path);
    else unlinkSync(path);
    await removeView(context, viewKey(id, path));
  }
  rmdirSync(directory);
}
