// What a pull has to fetch: the index, the manifests of the platforms wanted, and each one's config, all checked.
import { ContainerError } from '@tscontainer/core/errors';
import {
  type Descriptor,
  type ImageConfig,
  type ImageManifest,
  isConfigType,
  isIndexType,
  type Platform,
} from '@tscontainer/core/oci-image';
import { fetchBlob } from './blob-download.ts';
import { parseConfig, parseIndex, parseManifest } from './image-documents.ts';
import type { ContentSink } from './image-sinks.ts';
import { hostPlatform, isSamePlatform, selectManifest } from './platform-match.ts';
import { type FetchedManifest, maxManifestBytes, type RegistryClient } from './registry-client.ts';

export interface ImageDocuments {
  manifest: FetchedManifest;
  body: ImageManifest;
  configBytes: Buffer;
  /** undefined for an artifact, whose config is no image's. */
  config: ImageConfig | undefined;
}

export interface PullDocuments {
  target: FetchedManifest;
  /** Indexes, children before parents; the target is the last if it is one. */
  indexes: FetchedManifest[];
  images: ImageDocuments[];
  /** The one of `images` that the wanted platform runs. */
  chosen: ImageDocuments;
}

export interface DocumentOptions {
  /** What is unpacked, and what is stored when `platforms` does not say more. Default: this machine's. */
  platform?: Platform | undefined;
  /** What is stored of an index. */
  platforms?: 'all' | Platform[] | undefined;
}

/** An index may hold indexes; a chain of them is bounded. */
const maxDepth = 3;

/** Rejects not-found (`no-platform`), invalid-argument (`bad-manifest`), and as the registry says. */
export async function fetchDocuments(
  registry: RegistryClient,
  content: ContentSink,
  target: FetchedManifest,
  options: DocumentOptions,
  signal: AbortSignal,
): Promise<PullDocuments> {
  const indexes: FetchedManifest[] = [];
  const images = new Map<string, ImageDocuments>();
  const visit = async (fetched: FetchedManifest, depth: number): Promise<ImageDocuments | undefined> => {
    if (!isIndexType(fetched.descriptor.mediaType)) {
      const known = images.get(fetched.descriptor.digest);
      const image = known ?? (await fetchImage(registry, content, fetched, signal));
      images.set(fetched.descriptor.digest, image);
      return image;
    }
    if (depth === maxDepth) throw bad(`read manifest ${fetched.descriptor.digest}: an index inside an index`);
    const { chosen, wanted } = childrenOf(fetched, options);
    let found: ImageDocuments | undefined;
    for (const child of wanted) {
      const image = await visit(await registry.fetchManifest(child.digest, signal), depth + 1);
      if (child === chosen || found === undefined) found = image;
    }
    indexes.push(fetched);
    return found;
  };
  const chosen = await visit(target, 0);
  if (chosen === undefined) throw bad(`read index ${target.descriptor.digest}: it has no manifests`);
  return { target, indexes, images: [...images.values()], chosen };
}

function childrenOf(
  index: FetchedManifest,
  { platform = hostPlatform(), platforms }: DocumentOptions,
): { chosen: Descriptor | undefined; wanted: Descriptor[] } {
  const body = parseIndex(index.bytes);
  if (platforms === undefined) {
    const chosen = selectManifest(body, platform);
    return { chosen, wanted: [chosen] };
  }
  if (platforms !== 'all') {
    const wanted = platforms.map((one) => selectManifest(body, one));
    const chosen = wanted[platforms.findIndex((one) => isSamePlatform(one, platform))] ?? wanted[0];
    return { chosen, wanted: [...new Set(wanted)] };
  }
  return { chosen: bestOf(body.manifests, () => selectManifest(body, platform)), wanted: body.manifests };
}

/** With all platforms asked for, ours need not be among them. */
function bestOf(manifests: Descriptor[], select: () => Descriptor): Descriptor | undefined {
  try {
    return select();
  } catch (error) {
    if (error instanceof ContainerError && error.reason === 'no-platform') return manifests[0];
    throw error;
  }
}

async function fetchImage(
  registry: RegistryClient,
  content: ContentSink,
  manifest: FetchedManifest,
  signal: AbortSignal,
): Promise<ImageDocuments> {
  const body = parseManifest(manifest.bytes);
  const configBytes = await fetchConfig(registry, content, body.config, signal);
  if (!isConfigType(body.config.mediaType)) return { manifest, body, configBytes, config: undefined };
  const config = parseConfig(configBytes);
  const isImage = config.rootfs.diff_ids.length === body.layers.length;
  if (isImage) return { manifest, body, configBytes, config };
  throw bad(
    `read image config ${body.config.digest}: ${config.rootfs.diff_ids.length} diff ids for ${body.layers.length} layers`,
  );
}

async function fetchConfig(
  registry: RegistryClient,
  content: ContentSink,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<Buffer> {
  if (descriptor.size > maxManifestBytes) throw bad(`read image config ${descriptor.digest}: ${descriptor.size} bytes`);
  if (await content.has(descriptor.digest)) return content.read(descriptor.digest);
  return fetchBlob(registry, descriptor, signal);
}

function bad(what: string): ContainerError {
  return new ContainerError('invalid-argument', what, { reason: 'bad-manifest' });
}
