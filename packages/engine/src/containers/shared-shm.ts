// /dev/shm of a container whose IPC namespace others may join: a tmpfs on the host, there from its start to its exit.
import { mkdirSync, rmSync } from 'node:fs';
import { ContainerError } from '@tscontainer/core/errors';
import { mountAll, unmountAll } from '@tscontainer/linux/mounts';
import type { CleanupStack } from '@tscontainer/platform/cleanup-stack';
import type { HostConfig } from './container-config.ts';
import type { ContainerSettings } from './container-record.ts';
import type { EngineContext } from './engine-context.ts';

function isShareable({ IpcMode }: HostConfig): boolean {
  return IpcMode === 'shareable';
}

/**
 * Host path that is bound to /dev/shm; undefined: the container has a tmpfs of its own. `donor`: whose namespace is
 * joined. Throws failed-precondition when the donor does not share.
 */
export function sharedShmOf(
  context: EngineContext,
  settings: ContainerSettings,
  donor: ContainerSettings | undefined,
): string | undefined {
  if (donor === undefined) return isShareable(settings.hostConfig) ? context.paths.sharedShm(settings.id) : undefined;
  if (donor.hostConfig.IpcMode === 'host') return '/dev/shm';
  if (isShareable(donor.hostConfig)) return context.paths.sharedShm(donor.id);
  throw new ContainerError(
    'failed-precondition',
    `cannot join IPC of container ${donor.id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
  );
}

/** Nothing unless the container is shareable. What an earlier run left is replaced. */
export async function openSharedShm(
  context: EngineContext,
  { id, hostConfig }: ContainerSettings,
  cleanup: CleanupStack,
): Promise<void> {
  if (!isShareable(hostConfig)) return;
  const path = context.paths.sharedShm(id);
  mkdirSync(path, { recursive: true, mode: 0o1777 });
  await unmountAll(path);
  const options = ['nosuid', 'noexec', 'nodev', 'mode=1777', `size=${hostConfig.ShmSize}`];
  await mountAll([{ type: 'tmpfs', source: 'shm', options }], path);
  cleanup.defer(`shared memory ${path}`, () => unmountAll(path));
}

/** After the exit, and before the container's directory goes: who joined keeps his own mount of it. */
export async function closeSharedShm(context: EngineContext, { id, hostConfig }: ContainerSettings): Promise<void> {
  if (!isShareable(hostConfig)) return;
  const path = context.paths.sharedShm(id);
  await unmountAll(path);
  rmSync(path, { recursive: true, force: true });
}
