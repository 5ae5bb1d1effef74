// The pull: resolve, choose the platform, download layers in parallel, unpack them in order, then name the image.
//
// It knows neither disk nor gRPC: the sinks are a daemon's own stores, or a remote containerd's services. The caller
// holds a lease meanwhile, since blobs are referred to only when their manifest's labels are set at the end.
import { ContainerError } from '@tscontainer/core/errors';
import {
  type Descriptor,
  type ImageConfig,
  type ImageManifest,
  isIndexType,
  type Platform,
} from '@tscontainer/core/oci-image';
import { formatReference } from '@tscontainer/core/reference';
import { downloadBlob } from './blob-download.ts';
import { BoundedQueue } from './bounded-queue.ts';
import { chainIdsOf } from './chain-id.ts';
import { putBlob, putStream } from './content-ingest.ts';
import { parseConfig, parseIndex, parseManifest } from './image-documents.ts';
import { indexLabels, manifestLabels, snapshotLabels, sourceLabels } from './image-labels.ts';
import type { ImageSinks, Labels } from './image-sinks.ts';
import { layerSteps } from './layer-steps.ts';
import { unpackLayer } from './layer-unpacker.ts';
import { hostPlatform, selectManifest } from './platform-match.ts';
import { type FetchedManifest, maxManifestBytes, type RegistryClient } from './registry-client.ts';

export type PullEvent =
  | { kind: 'resolved'; target: Descriptor }
  /** The manifest is known: its layers in order, the lowest first. */
  | { kind: 'layers'; manifest: Descriptor; layers: Descriptor[] }
  | { kind: 'downloading'; layer: Descriptor; current: number }
  | { kind: 'downloaded' | 'exists' | 'extracting' | 'extracted'; layer: Descriptor };

export interface PullOptions {
  /** Default: this machine's. */
  platform?: Platform | undefined;
  /** The record's name; default: the reference in full form. '' makes no record. */
  name?: string;
  /** Labels of the image record. */
  labels?: Labels;
  onEvent?: (event: PullEvent) => void;
  signal?: AbortSignal | undefined;
}

export interface PulledImage {
  name: string;
  target: Descriptor;
  manifest: Descriptor;
  config: ImageConfig;
}

const maxParallelLayers = 3;

interface ImageDocuments {
  target: FetchedManifest;
  manifest: FetchedManifest;
  manifestBody: ImageManifest;
  configBytes: Buffer;
  config: ImageConfig;
}

/** Rejects with the registry's refusal, failed-precondition (`digest-mismatch`), not-found (`no-platform`), cancelled. */
export async function pullImage(
  registry: RegistryClient,
  sinks: ImageSinks,
  options: PullOptions = {},
): Promise<PulledImage> {
  const abort = new AbortController();
  const signal = options.signal === undefined ? abort.signal : AbortSignal.any([options.signal, abort.signal]);
  const documents = await fetchDocuments(registry, sinks, options, signal);
  const { target, manifest, config } = documents;
  const downloads = startDownloads(registry, sinks, documents, options, signal);
  try {
    await unpackInOrder(documents, downloads, sinks, options, signal);
    await Promise.all(downloads);
  } catch (error) {
    abort.abort();
    await Promise.allSettled(downloads);
    throw error;
  }
  await storeDocuments(registry, sinks, documents, chainIdsOf(config.rootfs.diff_ids).at(-1) ?? '');
  const name = options.name ?? formatReference(registry.reference);
  if (name !== '') await sinks.images.put(name, target.descriptor, options.labels ?? {});
  return { name, target: target.descriptor, manifest: manifest.descriptor, config };
}

async function fetchDocuments(
  registry: RegistryClient,
  sinks: ImageSinks,
  options: PullOptions,
  signal: AbortSignal,
): Promise<ImageDocuments> {
  const { tag, digest } = registry.reference;
  const target = await registry.fetchManifest(digest ?? tag ?? 'latest', signal);
  options.onEvent?.({ kind: 'resolved', target: target.descriptor });
  const manifest = await manifestFor(registry, target, options.platform ?? hostPlatform(), signal);
  const manifestBody = parseManifest(manifest.bytes);
  options.onEvent?.({ kind: 'layers', manifest: manifest.descriptor, layers: manifestBody.layers });
  const configBytes = await fetchConfig(registry, sinks, manifestBody.config, signal);
  const config = parseConfig(configBytes);
  if (config.rootfs.diff_ids.length !== manifestBody.layers.length) {
    const message = `read image config ${manifestBody.config.digest}: ${config.rootfs.diff_ids.length} diff ids for ${manifestBody.layers.length} layers`;
    throw new ContainerError('invalid-argument', message, { reason: 'bad-manifest' });
  }
  return { target, manifest, manifestBody, configBytes, config };
}

async function manifestFor(
  registry: RegistryClient,
  target: FetchedManifest,
  platform: Platform,
  signal: AbortSignal,
): Promise<FetchedManifest> {
  if (!isIndexType(target.descriptor.mediaType)) return target;
  const chosen = selectManifest(parseIndex(target.bytes), platform);
  const manifest = await registry.fetchManifest(chosen.digest, signal);
  if (!isIndexType(manifest.descriptor.mediaType)) return manifest;
  throw new ContainerError('invalid-argument', `read manifest ${chosen.digest}: an index inside an index`, {
    reason: 'bad-manifest',
  });
}

async function fetchConfig(
  registry: RegistryClient,
  sinks: ImageSinks,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<Buffer> {
  if (descriptor.size > maxManifestBytes)
    throw new ContainerError('invalid-argument', `read image config ${descriptor.digest}: ${descriptor.size} bytes`, {
      reason: 'bad-manifest',
    });
  if (await sinks.content.has(descriptor.digest)) return sinks.content.read(descriptor.digest);
  const chunks: Buffer[] = [];
  for await (const chunk of downloadBlob(registry, descriptor, 0, signal)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** One promise per layer, in the manifest's order; the same blob twice in one image is downloaded once. */
function startDownloads(
  registry: RegistryClient,
  sinks: ImageSinks,
  documents: ImageDocuments,
  options: PullOptions,
  signal: AbortSignal,
): Promise<void>[] {
  const queue = new BoundedQueue(maxParallelLayers);
  const byDigest = new Map<string, Promise<void>>();
  return documents.manifestBody.layers.map((layer) => {
    const download =
      byDigest.get(layer.digest) ?? queue.run(() => downloadLayer(registry, sinks, layer, options, signal));
    byDigest.set(layer.digest, download);
    download.catch(() => undefined); // seen by who awaits it; a later layer's failure must not be an unhandled one
    return download;
  });
}

async function downloadLayer(
  registry: RegistryClient,
  sinks: ImageSinks,
  layer: Descriptor,
  options: PullOptions,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) throw new ContainerError('cancelled', `download ${layer.digest}: cancelled`);
  const outcome = await putStream(
    sinks.content,
    layer,
    sourceLabels(registry.reference),
    (offset) => downloadBlob(registry, layer, offset, signal),
    (current) => options.onEvent?.({ kind: 'downloading', layer, current }),
    signal,
  );
  options.onEvent?.({ kind: outcome === 'stored' ? 'downloaded' : 'exists', layer });
}

async function unpackInOrder(
  documents: ImageDocuments,
  downloads: Promise<void>[],
  sinks: ImageSinks,
  options: PullOptions,
  signal: AbortSignal,
): Promise<void> {
  const { unpack } = sinks;
  if (unpack === undefined) return;
  const steps = layerSteps(documents.manifestBody, documents.config);
  for (const [index, step] of steps.entries()) {
    await awaitLayer(index, downloads);
    if (signal.aborted) throw new ContainerError('cancelled', 'pull: cancelled');
    if (await unpack.snapshots.has(step.chainId)) {
      options.onEvent?.({ kind: 'extracted', layer: step.layer });
      continue;
    }
    options.onEvent?.({ kind: 'extracting', layer: step.layer });
    await unpackLayer(step, sinks.content, unpack.snapshots, unpack.applier);
    options.onEvent?.({ kind: 'extracted', layer: step.layer });
  }
}

/** Waits for one layer, but fails as soon as any other has failed: no need to unpack what will not be complete. */
function awaitLayer(index: number, downloads: Promise<void>[]): Promise<void> {
  const own = downloads[index] ?? Promise.resolve();
  return new Promise((resolve, reject) => {
    own.then(resolve, reject);
    for (const other of downloads) other.catch(reject);
  });
}

/** Children before parents, so that no stored document refers to what is not there. */
async function storeDocuments(
  registry: RegistryClient,
  sinks: ImageSinks,
  documents: ImageDocuments,
  chainId: string,
): Promise<void> {
  const { target, manifest, manifestBody, configBytes } = documents;
  const source = sourceLabels(registry.reference);
  const kept = sinks.unpack === undefined ? {} : snapshotLabels(sinks.unpack.snapshots.name, chainId);
  await putBlob(sinks.content, manifestBody.config, configBytes, { ...source, ...kept });
  await putBlob(sinks.content, manifest.descriptor, manifest.bytes, { ...source, ...manifestLabels(manifestBody) });
  if (target !== manifest)
    await putBlob(sinks.content, target.descriptor, target.bytes, {
      ...source,
      ...indexLabels(parseIndex(target.bytes)),
    });
}
