// Makes an image of a config and layers that the content store has: commit and import end here.
import type { Digest } from '@tscontainer/core/digest';
import { type Descriptor, type ImageConfig, type ImageManifest, mediaTypes } from '@tscontainer/core/oci-image';
import { chainIdsOf, digestOf } from '@tscontainer/distribution/chain-id';
import { putBlob } from '@tscontainer/distribution/content-ingest';
import { manifestLabels, snapshotLabels } from '@tscontainer/distribution/image-labels';
import type { ContainerdClient } from '../containerd/containerd-client.ts';
import { containerdSinks } from './containerd-sinks.ts';
import { unpackImage } from './image-catalog.ts';
import { buildParentLabel, danglingName } from './image-names.ts';
import { nameImage } from './image-tagger.ts';

export interface MadeImage {
  /** The config's digest, docker's image id. */
  id: Digest;
}

export interface ImageParts {
  config: ImageConfig;
  /** One per diff id of the config, the lowest first; their blobs are under the lease. */
  layers: Descriptor[];
  /** Record name; undefined: the image has no name. */
  name: string | undefined;
  /** Of a build's step: the image that it was made on, or `scratch`. */
  parent?: string;
  /** The snapshot of the topmost layer is there and held by the lease. */
  isUnpacked?: boolean;
}

/** An image's documents before anything is stored. */
export interface ComposedImage extends MadeImage {
  parts: ImageParts;
  manifest: ImageManifest;
  /** The manifest. */
  target: Descriptor;
  chainIds: Digest[];
  configBytes: Buffer;
  manifestBytes: Buffer;
}

/** What its ids will be is known at once. */
export function composeImage(parts: ImageParts): ComposedImage {
  const configBytes = Buffer.from(JSON.stringify(parts.config));
  const config = describe(mediaTypes.ociConfig, configBytes);
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config,
    layers: parts.layers,
  };
  const manifestBytes = Buffer.from(JSON.stringify(manifest));
  const target = describe(mediaTypes.ociManifest, manifestBytes);
  const chainIds = chainIdsOf(parts.config.rootfs.diff_ids);
  return { id: config.digest, parts, manifest, target, chainIds, configBytes, manifestBytes };
}

/** Everything it stores is held by `lease` until the image's record refers to it. */
export async function storeImage(
  client: ContainerdClient,
  snapshotter: string,
  lease: string,
  image: ComposedImage,
): Promise<void> {
  const { content, images } = containerdSinks(client, snapshotter, lease);
  const { manifest, target, chainIds } = image;
  const { config, name, parent, isUnpacked = false } = image.parts;
  const configLabels: Record<string, string> = {
    ...(parent === undefined ? {} : { [buildParentLabel]: parent }),
    ...(isUnpacked ? snapshotLabels(snapshotter, chainIds.at(-1) ?? '') : {}),
  };
  await Promise.all([
    putBlob(content, manifest.config, image.configBytes, configLabels),
    putBlob(content, target, image.manifestBytes, manifestLabels(manifest)),
  ]);
  if (!isUnpacked)
    await unpackImage(client, snapshotter, lease, {
      manifestBody: manifest,
      config,
      configDescriptor: manifest.config,
      chainIds,
    });
  if (name === undefined) await images.put(danglingName(target.digest), target, {});
  else await nameImage(client, snapshotter, lease, name, target);
}

export async function makeImage(
  client: ContainerdClient,
  snapshotter: string,
  lease: string,
  parts: ImageParts,
): Promise<MadeImage> {
  const image = composeImage(parts);
  await storeImage(client, snapshotter, lease, image);
  return { id: image.id };
}

function describe(mediaType: string, bytes: Buffer): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}
