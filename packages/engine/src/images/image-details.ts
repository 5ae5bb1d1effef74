// Reads what one image is from the content store: the platform's manifest, its config, its layers' sizes.
import type { Digest } from '@tscontainer/core/digest';
import { isNotFound } from '@tscontainer/core/errors';
import { type Descriptor, type ImageConfig, type ImageManifest, isIndexType } from '@tscontainer/core/oci-image';
import { chainIdsOf } from '@tscontainer/distribution/chain-id';
import { parseConfig, parseIndex, parseManifest } from '@tscontainer/distribution/image-documents';
import { hostPlatform, selectManifest } from '@tscontainer/distribution/platform-match';
import type { ContainerdClient } from '../containerd/containerd-client.ts';
import { readBlob } from './containerd-sinks.ts';
import { buildParentLabel } from './image-names.ts';

/** All of it follows from the target's digest, so it never changes. */
export interface ImageDetails {
  /** The config's digest. */
  id: Digest;
  target: Descriptor;
  /** The manifest for this platform: the target itself, or one of the index. */
  manifest: Descriptor;
  layers: Descriptor[];
  manifestBody: ImageManifest;
  configDescriptor: Descriptor;
  config: ImageConfig;
  /** One per layer, the lowest first. */
  chainIds: Digest[];
  /** Bytes of each unpacked layer, the lowest first. */
  layerSizes: number[];
  isUnpacked: boolean;
  /** Of an image that a build's step made here: the image it was made on, or `scratch`. */
  parent: Digest | 'scratch' | undefined;
}

/** undefined when the content is not there, or the index has nothing for this platform. */
export async function readImageDetails(
  client: ContainerdClient,
  snapshotter: string,
  target: Descriptor,
): Promise<ImageDetails | undefined> {
  try {
    const manifest = isIndexType(target.mediaType)
      ? selectManifest(parseIndex(await readBlob(client, target.digest)), hostPlatform())
      : target;
    const manifestBody = parseManifest(await readBlob(client, manifest.digest));
    const config = parseConfig(await readBlob(client, manifestBody.config.digest));
    const chainIds = chainIdsOf(config.rootfs.diff_ids);
    const sizes = await layerSizes(client, snapshotter, chainIds);
    return {
      id: manifestBody.config.digest,
      target,
      manifest,
      manifestBody,
      layers: manifestBody.layers,
      configDescriptor: manifestBody.config,
      config,
      chainIds,
      layerSizes: sizes ?? manifestBody.layers.map((layer) => layer.size),
      isUnpacked: sizes !== undefined,
      parent: config.container_config === undefined ? undefined : await parentOf(client, manifestBody.config.digest),
    };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function parentOf(client: ContainerdClient, digest: Digest): Promise<Digest | undefined> {
  const { info } = await client.content.Info({ digest });
  return info?.labels[buildParentLabel];
}

/** undefined unless all layers are unpacked. */
async function layerSizes(
  client: ContainerdClient,
  snapshotter: string,
  chainIds: Digest[],
): Promise<number[] | undefined> {
  try {
    const usages = await Promise.all(chainIds.map((key) => client.snapshots.Usage({ snapshotter, key })));
    return usages.map(({ size }) => size);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
