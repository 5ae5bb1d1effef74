// What belongs to an image in a content store: its manifests, children before parents, and the blobs that they name.
import { ContainerError, withContext } from '@tscontainer/core/errors';
import {
  type Descriptor,
  isForeignLayerType,
  isIndexType,
  isManifestType,
  type Platform,
} from '@tscontainer/core/oci-image';
import { parseIndex, parseManifest } from './image-documents.ts';
import type { ContentSource } from './image-source.ts';
import { formatPlatform, selectManifest } from './platform-match.ts';

export interface StoredManifest {
  descriptor: Descriptor;
  bytes: Buffer;
  /** What it is about, when it is a referrer. */
  subject: Descriptor | undefined;
  artifactType: string;
  annotations: Record<string, string> | undefined;
}

export interface ImageGraph {
  /** The last is the root. */
  manifests: StoredManifest[];
  /** Configs and layers, each once. Foreign layers are not among them unless asked for. */
  blobs: Descriptor[];
}

export interface GraphOptions {
  /** Only the manifest of an index that runs there; undefined takes the whole index. */
  platform?: Platform | undefined;
  /** Foreign layers too. */
  includesForeign?: boolean | undefined;
  /** When an index is not here as a whole: refuse, or take the one manifest that this platform runs. Default refuse. */
  whenIncomplete?: { takePlatform: Platform } | undefined;
}

/** An index may hold indexes; a chain of them is bounded. */
const maxDepth = 4;
const maxManifests = 2048;

/** Rejects not-found (reason `missing-content`) when a part of the image is not in the store. */
export async function imageGraph(
  source: ContentSource,
  target: Descriptor,
  options: GraphOptions = {},
): Promise<ImageGraph> {
  const { platform, whenIncomplete } = options;
  if (platform !== undefined) return walkPlatform(source, target, platform, options);
  try {
    return await walk(source, target, options);
  } catch (error) {
    const isIncomplete = error instanceof ContainerError && error.reason === 'missing-content';
    if (!isIncomplete || whenIncomplete === undefined || !isIndexType(target.mediaType)) throw error;
    return walkPlatform(source, target, whenIncomplete.takePlatform, options);
  }
}

async function walkPlatform(
  source: ContentSource,
  target: Descriptor,
  platform: Platform,
  options: GraphOptions,
): Promise<ImageGraph> {
  if (!isIndexType(target.mediaType)) return walk(source, target, options);
  const index = parseIndex(await readManifest(source, target));
  const chosen = selectManifest(index, platform);
  return walk(source, chosen, options).catch((error: unknown) => {
    throw withContext(`platform ${formatPlatform(platform)}`, error);
  });
}

async function walk(source: ContentSource, target: Descriptor, options: GraphOptions): Promise<ImageGraph> {
  const manifests = new Map<string, StoredManifest>();
  const blobs = new Map<string, Descriptor>();
  const visit = async (descriptor: Descriptor, depth: number): Promise<void> => {
    if (manifests.has(descriptor.digest)) return;
    if (depth > maxDepth || manifests.size >= maxManifests)
      throw new ContainerError('invalid-argument', `read index ${descriptor.digest}: too many manifests or too deep`);
    const bytes = await readManifest(source, descriptor);
    const document = isIndexType(descriptor.mediaType) ? parseIndex(bytes) : parseManifest(bytes);
    if ('manifests' in document) for (const child of document.manifests) await visit(child, depth + 1);
    else for (const blob of [document.config, ...document.layers]) await addBlob(blob);
    const { subject, annotations } = document;
    const artifactType = 'config' in document ? document.artifactType || document.config.mediaType : '';
    manifests.set(descriptor.digest, { descriptor, bytes, subject, annotations, artifactType });
  };
  const addBlob = async (blob: Descriptor): Promise<void> => {
    if (isForeignLayerType(blob.mediaType) && options.includesForeign !== true) return;
    if (blobs.has(blob.digest)) return;
    if ((await source.info(blob.digest)) === undefined) throw missing(blob);
    blobs.set(blob.digest, blob);
  };
  if (!isIndexType(target.mediaType) && !isManifestType(target.mediaType))
    throw new ContainerError('unimplemented', `read image ${target.digest}: media type ${target.mediaType}`);
  await visit(target, 0);
  return { manifests: [...manifests.values()], blobs: [...blobs.values()] };
}

async function readManifest(source: ContentSource, descriptor: Descriptor): Promise<Buffer> {
  if ((await source.info(descriptor.digest)) === undefined) throw missing(descriptor);
  return source.read(descriptor.digest);
}

function missing({ digest }: Descriptor): ContainerError {
  return new ContainerError('not-found', `content ${digest}: not found`, {
    reason: 'missing-content',
    details: { digest },
  });
}
