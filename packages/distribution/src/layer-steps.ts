// Pairs an image's layers with what its config says of them: the steps of unpacking, the lowest first.
import type { ImageConfig, ImageManifest } from '@tscontainer/core/oci-image';
import { chainIdsOf } from './chain-id.ts';
import type { LayerStep } from './layer-unpacker.ts';

export function layerSteps(manifest: ImageManifest, config: ImageConfig): LayerStep[] {
  const chain = chainIdsOf(config.rootfs.diff_ids);
  return manifest.layers.map((layer, index) => ({
    layer,
    diffId: config.rootfs.diff_ids[index] ?? '',
    parent: chain[index - 1] ?? '',
    chainId: chain[index] ?? '',
  }));
}
