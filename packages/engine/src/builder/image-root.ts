// Filesystems of images while a build looks at them or writes to them: snapshots of its own, mounted, and gone at its end.
import { randomHex } from '@tscontainer/core/ids';
import { type ContainerRoot, mountScratch } from '../container-files/container-root.ts';
import type { EngineContext } from '../containers/engine-context.ts';
import { type NewLayer, sealSnapshot } from '../images/layer-writer.ts';
import { chainIdOfStep, type StepImage } from './step-image.ts';

/** Read only. `release` to be called once. */
export async function viewImage(
  context: EngineContext,
  lease: string,
  image: StepImage | undefined,
): Promise<ContainerRoot> {
  const parent = chainIdOfStep(image);
  // what has no layers is an empty directory
  if (parent === '') return mountScratch(context, [], false);
  const { snapshotter } = context.config;
  const key = `build-${randomHex(16)}`;
  const { snapshots } = context.client;
  const { mounts } = await snapshots.View({ snapshotter, key, parent, labels: {} }, { lease });
  const remove = async () => {
    await snapshots.Remove({ snapshotter, key }, { lease });
  };
  const root = await mountScratch(context, mounts, false).catch(async (error) => {
    await remove();
    throw error;
  });
  return {
    path: root.path,
    release: async () => {
      await root.release();
      await remove();
    },
  };
}

/**
 * Runs `write` on a writable copy of the image's filesystem; what it has changed becomes a layer. Undefined when it has
 * changed nothing.
 */
export async function writeLayer(
  context: EngineContext,
  lease: string,
  image: StepImage | undefined,
  write: (root: string) => Promise<void>,
): Promise<NewLayer | undefined> {
  const { client, config } = context;
  const { snapshotter } = config;
  const key = `build-${randomHex(16)}`;
  const parent = chainIdOfStep(image);
  const { mounts } = await client.snapshots.Prepare({ snapshotter, key, parent, labels: {} }, { lease });
  let isSealed = false;
  try {
    const root = await mountScratch(context, mounts, true);
    try {
      await write(root.path);
    } finally {
      await root.release();
    }
    const snapshot = { snapshotter, key, mounts, ids: undefined, isLowest: parent === '' };
    const layer = await sealSnapshot(context, snapshot, image?.config.rootfs.diff_ids ?? [], lease);
    isSealed = layer?.isUnpacked === true;
    return layer;
  } finally {
    if (!isSealed) await client.snapshots.Remove({ snapshotter, key }, { lease });
  }
}
