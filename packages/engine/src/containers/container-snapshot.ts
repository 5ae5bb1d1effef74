// The writable snapshot of a container, its id-shifted parent when it has a user namespace, and volumes filled from it.
import { lchownSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessageOf, isAlreadyExists, isNotFound } from '@tscontainer/core/errors';
import type { IdMapping } from '@tscontainer/core/oci-runtime';
import { type Mount, mountAll, unmountAll } from '@tscontainer/linux/mounts';
import { copyTree } from '@tscontainer/linux/tree';
import type { ContainerSettings } from './container-record.ts';
import type { EngineContext } from './engine-context.ts';
import { resolveInRoot } from './root-path.ts';
import { makeRuntimePlaces, withRuntimePlaces } from './runtime-places.ts';
import { ownerLabel } from './spec-store.ts';

/** On a snapshot that is a container's: whose it is. */
export const containerLabel = 'tscontainer.engine/container';
/** Keeps a snapshot from the collector until the engine removes it. */
export const rootLabel = 'containerd.io/gc.root';

/** Makes it and says how it is mounted. Rejects already-exists for a key that is taken. */
export async function prepareSnapshot(context: EngineContext, settings: ContainerSettings): Promise<Mount[]> {
  const { client } = context;
  const parent =
    settings.idMapping === undefined ? settings.chainId : await shiftedParent(context, settings, settings.idMapping);
  const labels = { [rootLabel]: settings.created, [ownerLabel]: context.engineId, [containerLabel]: settings.id };
  const { mounts } = await client.snapshots.Prepare({
    snapshotter: settings.snapshotter,
    key: settings.snapshotKey,
    parent,
    labels,
  });
  return mounts;
}

export async function snapshotMounts(context: EngineContext, settings: ContainerSettings): Promise<Mount[]> {
  const { mounts } = await context.client.snapshots.Mounts({
    snapshotter: settings.snapshotter,
    key: settings.snapshotKey,
  });
  return mounts;
}

export async function removeSnapshot(
  context: EngineContext,
  settings: Pick<ContainerSettings, 'snapshotter' | 'snapshotKey'>,
): Promise<void> {
  try {
    await context.client.snapshots.Remove({ snapshotter: settings.snapshotter, key: settings.snapshotKey });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Runs `work` on the snapshot mounted in a scratch directory. */
async function withMounted<T>(
  context: EngineContext,
  mounts: Mount[],
  work: (root: string) => T | Promise<T>,
): Promise<T> {
  mkdirSync(context.paths.temporary, { recursive: true, mode: 0o700 });
  const root = mkdtempSync(join(context.paths.temporary, 'mount-'));
  try {
    await mountAll(mounts, root);
    try {
      return await work(root);
    } finally {
      await unmountAll(root);
    }
  } finally {
    rmdirSync(root);
  }
}

/** The image's top layer and the runtime's places, every owner moved into the mapped range; made once per image and range. */
async function shiftedParent(context: EngineContext, settings: ContainerSettings, mapping: IdMapping): Promise<string> {
  const { client, log } = context;
  const { snapshotter, chainId } = settings;
  const name = `${chainId}-shifted-${mapping.hostID}-${mapping.size}`;
  try {
    await client.snapshots.Stat({ snapshotter, key: name });
    return name;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  const key = `${name}-${settings.id.slice(0, 12)}`;
  const labels = { [rootLabel]: settings.created };
  const { mounts } = await client.snapshots.Prepare({ snapshotter, key, parent: chainId, labels });
  try {
    await withMounted(context, mounts, (root) => {
      makeRuntimePlaces(root);
      shiftOwners(root, mapping);
    });
    await client.snapshots.Commit({ snapshotter, key, name, labels });
  } catch (error) {
    await client.snapshots
      .Remove({ snapshotter, key })
      .catch((failure) => log.warn({ key, err: errorMessageOf(failure) }, 'snapshot left behind'));
    // another create has made the same meanwhile
    if (!isAlreadyExists(error)) throw error;
  }
  return name;
}

function shiftOwners(path: string, mapping: IdMapping): void {
  const stat = lstatSync(path);
  const shifted = (id: number) => (id < mapping.size ? mapping.hostID + id : mapping.hostID + mapping.size - 1);
  lchownSync(path, shifted(stat.uid), shifted(stat.gid));
  if (!stat.isDirectory()) return;
  for (const name of readdirSync(path)) shiftOwners(join(path, name), mapping);
}

/** Fills volumes that are empty with what the image has at their place, as docker does at the first use. */
export async function copyUpVolumes(
  context: EngineContext,
  settings: ContainerSettings,
  mounts: Mount[],
): Promise<void> {
  const empty = settings.mountPoints.filter(
    (point) =>
      point.type === 'volume' && point.driver === undefined && point.copiesUp && readdirSync(point.source).length === 0,
  );
  if (empty.length === 0) return;
  await withMounted(context, withRuntimePlaces(context, settings, mounts), async (root) => {
    for (const point of empty) {
      const source = resolveInRoot(root, point.destination);
      if (lstatSync(source, { throwIfNoEntry: false })?.isDirectory()) await copyTree(source, point.source);
    }
  });
}
