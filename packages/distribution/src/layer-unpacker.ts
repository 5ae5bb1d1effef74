// Unpacks layers into snapshots named by chain id, as containerd's client does: prepare, apply, verify, commit.
//
// Where the snapshots allow it, layers are applied side by side, each into a snapshot without a parent, and committed in
// order, the lowest first: whatever ends the unpacking, every committed snapshot stands on committed ones.
import { availableParallelism } from 'node:os';
import type { Digest } from '@tscontainer/core/digest';
import { ContainerError, isAlreadyExists, withContext } from '@tscontainer/core/errors';
import { randomHex } from '@tscontainer/core/ids';
import type { Descriptor } from '@tscontainer/core/oci-image';
import { withCleanup } from '@tscontainer/platform/cleanup-stack';
import { BoundedQueue } from './bounded-queue.ts';
import { uncompressedLabel } from './image-labels.ts';
import type { ContentSink, DetachedSnapshots, ImageSinks, LayerApplier, SnapshotSink } from './image-sinks.ts';

export interface LayerStep {
  layer: Descriptor;
  /** What the config says the uncompressed layer's digest is. */
  diffId: Digest;
  /** '' for the lowest layer. */
  parent: Digest;
  chainId: Digest;
}

export interface UnpackHooks {
  /** Resolves when the layer's blob is there. */
  ready?: (layer: Descriptor) => Promise<void>;
  onLayer?: (what: 'extracting' | 'extracted', layer: Descriptor) => void;
  /** Ends what has not begun. */
  signal?: AbortSignal | undefined;
}

/** Decompression, hashes and file creation keep a processor busy each; memory grows with the count. */
const maxParallelUnpacks = Math.min(4, Math.max(2, availableParallelism()));

/**
 * Unpacks what is missing of an image's layers, given the lowest first. Rejects with the first failure, once nothing is
 * under way any more: failed-precondition (reason `digest-mismatch`), cancelled, what `ready` and the stores reject with.
 */
export async function unpackLayers(
  steps: LayerStep[],
  content: ContentSink,
  { snapshots, applier }: NonNullable<ImageSinks['unpack']>,
  hooks: UnpackHooks = {},
): Promise<void> {
  const { detached } = snapshots;
  const unpack = async (step: LayerStep, work: () => Promise<void>) => {
    await hooks.ready?.(step.layer);
    checkSignal(hooks);
    if (!(await snapshots.has(step.chainId))) {
      await work();
      await content.addLabels(step.layer.digest, { [uncompressedLabel]: step.diffId });
    }
    hooks.onLayer?.('extracted', step.layer);
  };
  if (detached === undefined) {
    for (const step of steps) await unpack(step, () => unpackOver(step, snapshots, applier, hooks));
    return;
  }
  const abort = new AbortController();
  const signal = hooks.signal === undefined ? abort.signal : AbortSignal.any([hooks.signal, abort.signal]);
  const queue = new BoundedQueue(maxParallelUnpacks);
  let below = Promise.resolve();
  const all = steps.map((step) => {
    const parent = below;
    below = unpack(step, () =>
      unpackBeside(step, parent, queue, { snapshots, detached, applier }, { ...hooks, signal }),
    ).then(() => parent); // this one and all below it
    below.catch(() => undefined); // the sum of them is awaited
    return below;
  });
  try {
    await Promise.all(all);
  } catch (error) {
    abort.abort();
    await Promise.allSettled(all);
    throw error;
  }
}

/** Unpacks one layer over its parent. */
async function unpackOver(
  step: LayerStep,
  snapshots: SnapshotSink,
  applier: LayerApplier,
  hooks: UnpackHooks,
): Promise<void> {
  const key = extractionKey(step);
  await withCleanup(async (cleanup) => {
    hooks.onLayer?.('extracting', step.layer);
    const mounts = await snapshots.prepare(key, step.parent, {});
    cleanup.defer(`snapshot ${key}`, () => snapshots.remove(key));
    await applyVerified(step, applier, mounts);
    await commitOrDrop(key, snapshots, () => snapshots.commit(step.chainId, key, {}));
  });
}

/** Unpacks one layer without a parent, and gives it its parent when that is committed. */
async function unpackBeside(
  step: LayerStep,
  parent: Promise<void>,
  queue: BoundedQueue,
  { snapshots, detached, applier }: { snapshots: SnapshotSink; detached: DetachedSnapshots; applier: LayerApplier },
  hooks: UnpackHooks,
): Promise<void> {
  const key = extractionKey(step);
  await withCleanup(async (cleanup) => {
    const implied = await queue.run(async () => {
      checkSignal(hooks);
      hooks.onLayer?.('extracting', step.layer);
      const mounts = await detached.prepare(key);
      cleanup.defer(`snapshot ${key}`, () => snapshots.remove(key));
      return applyVerified(step, applier, mounts);
    });
    await parent;
    await commitOrDrop(key, snapshots, () => detached.commit(step.chainId, key, step.parent, implied));
  });
}

function extractionKey({ chainId }: LayerStep): string {
  return `extract-${Date.now()}-${randomHex(4)} ${chainId}`;
}

function checkSignal({ signal }: UnpackHooks): void {
  if (signal?.aborted) throw new ContainerError('cancelled', 'unpack: cancelled');
}

async function applyVerified(
  { layer, diffId }: LayerStep,
  applier: LayerApplier,
  mounts: Parameters<LayerApplier['apply']>[1],
): Promise<Uint8Array> {
  const applied = await applier.apply(layer, mounts).catch((error) => {
    throw withContext(`unpack layer ${layer.digest}`, error);
  });
  if (applied.diffId === diffId) return applied.implied;
  const message = `unpack layer ${layer.digest}: diff id is ${applied.diffId}, the config says ${diffId}`;
  throw new ContainerError('failed-precondition', message, { reason: 'digest-mismatch' });
}

/** Another pull may have unpacked the same layer first: then ours goes. */
async function commitOrDrop(key: string, snapshots: SnapshotSink, commit: () => Promise<void>): Promise<void> {
  try {
    await commit();
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    await snapshots.remove(key);
  }
}
