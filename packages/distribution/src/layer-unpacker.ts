// Unpacks layers into snapshots named by chain id, as containerd's client does: prepare, apply, verify, commit.
import type { Digest } from '@tscontainer/core/digest';
import { ContainerError, isAlreadyExists, withContext } from '@tscontainer/core/errors';
import { randomHex } from '@tscontainer/core/ids';
import type { Descriptor } from '@tscontainer/core/oci-image';
import { withCleanup } from '@tscontainer/platform/cleanup-stack';
import { uncompressedLabel } from './image-labels.ts';
import type { ContentSink, LayerApplier, SnapshotSink } from './image-sinks.ts';

export interface LayerStep {
  layer: Descriptor;
  /** What the config says the uncompressed layer's digest is. */
  diffId: Digest;
  /** '' for the lowest layer. */
  parent: Digest;
  chainId: Digest;
}

/** Unpacks one layer over its parent. Rejects failed-precondition (reason `digest-mismatch`) when the diff id differs. */
export async function unpackLayer(
  step: LayerStep,
  content: ContentSink,
  snapshots: SnapshotSink,
  applier: LayerApplier,
): Promise<void> {
  const key = `extract-${Date.now()}-${randomHex(4)} ${step.chainId}`;
  await withCleanup(async (cleanup) => {
    const mounts = await snapshots.prepare(key, step.parent, {});
    cleanup.defer(`snapshot ${key}`, () => snapshots.remove(key));
    const applied = await applier.apply(step.layer, mounts).catch((error) => {
      throw withContext(`unpack layer ${step.layer.digest}`, error);
    });
    if (applied !== step.diffId) {
      const message = `unpack layer ${step.layer.digest}: diff id is ${applied}, the config says ${step.diffId}`;
      throw new ContainerError('failed-precondition', message, { reason: 'digest-mismatch' });
    }
    await commitLayer(step, key, snapshots);
  });
  await content.addLabels(step.layer.digest, { [uncompressedLabel]: step.diffId });
}

/** Another pull may have unpacked the same layer first: then ours goes. */
async function commitLayer(step: LayerStep, key: string, snapshots: SnapshotSink): Promise<void> {
  try {
    await snapshots.commit(step.chainId, key, {});
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    await snapshots.remove(key);
  }
}
