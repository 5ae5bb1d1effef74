// The pull: resolve, choose the platform, download and unpack layers in parallel, then name the image.
//
// It knows neither disk nor gRPC: the sinks are a daemon's own stores, or a remote containerd's services. The caller
// holds a lease meanwhile, since blobs are referred to only when their manifest's labels are set at the end.
import { ContainerError } from '@tscontainer/core/errors';
import type { Descriptor, ImageConfig } from '@tscontainer/core/oci-image';
import { formatReference } from '@tscontainer/core/reference';
import { downloadBlob } from './blob-download.ts';
import { BoundedQueue } from './bounded-queue.ts';
import { chainIdsOf } from './chain-id.ts';
import { putBlob, putStream } from './content-ingest.ts';
import { parseIndex } from './image-documents.ts';
import { indexLabels, manifestLabels, snapshotLabels, sourceLabels } from './image-labels.ts';
import type { ImageSinks, Labels } from './image-sinks.ts';
import { layerSteps } from './layer-steps.ts';
import { unpackLayers } from './layer-unpacker.ts';
import { type DocumentOptions, fetchDocuments, type ImageDocuments, type PullDocuments } from './pull-documents.ts';
import type { RegistryClient } from './registry-client.ts';

export type PullEvent =
  | { kind: 'resolved'; target: Descriptor }
  /** The manifest is known: its layers in order, the lowest first. */
  | { kind: 'layers'; manifest: Descriptor; layers: Descriptor[] }
  | { kind: 'downloading'; layer: Descriptor; current: number }
  | { kind: 'downloaded' | 'exists' | 'extracting' | 'extracted'; layer: Descriptor };

export interface PullOptions extends DocumentOptions {
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
  /** undefined for an artifact. */
  config: ImageConfig | undefined;
}

const maxParallelLayers = 3;

/**
 * Rejects with the registry's refusal, failed-precondition (`digest-mismatch`), not-found (`no-platform`),
 * invalid-argument (`not-an-image`: an artifact cannot be unpacked), cancelled.
 */
export async function pullImage(
  registry: RegistryClient,
  sinks: ImageSinks,
  options: PullOptions = {},
): Promise<PulledImage> {
  const abort = new AbortController();
  const signal = options.signal === undefined ? abort.signal : AbortSignal.any([options.signal, abort.signal]);
  const { tag, digest } = registry.reference;
  const target = await registry.fetchManifest(digest ?? tag ?? 'latest', signal);
  options.onEvent?.({ kind: 'resolved', target: target.descriptor });
  const documents = await fetchDocuments(registry, sinks.content, target, options, signal);
  for (const { manifest, body } of documents.images)
    options.onEvent?.({ kind: 'layers', manifest: manifest.descriptor, layers: body.layers });
  const { chosen } = documents;
  if (sinks.unpack !== undefined && chosen.config === undefined) {
    const message = `unpack ${chosen.manifest.descriptor.digest}: not an image but ${chosen.body.config.mediaType}`;
    throw new ContainerError('invalid-argument', message, { reason: 'not-an-image' });
  }
  const downloads = startDownloads(registry, sinks, documents, options, signal);
  try {
    await unpackChosen(chosen, downloads, sinks, options, signal);
    await Promise.all(downloads.values());
  } catch (error) {
    abort.abort();
    await Promise.allSettled(downloads.values());
    throw error;
  }
  await sinks.unpack?.snapshots.flush?.(); // before anything refers to it
  await storeDocuments(registry, sinks, documents);
  const name = options.name ?? formatReference(registry.reference);
  if (name !== '') await sinks.images.put(name, target.descriptor, options.labels ?? {});
  return { name, target: target.descriptor, manifest: chosen.manifest.descriptor, config: chosen.config };
}

/** One promise per layer, those to be unpacked first, the lowest foremost; a blob that is named twice comes once. */
function startDownloads(
  registry: RegistryClient,
  sinks: ImageSinks,
  { images, chosen }: PullDocuments,
  options: PullOptions,
  signal: AbortSignal,
): Map<string, Promise<void>> {
  const queue = new BoundedQueue(maxParallelLayers);
  const byDigest = new Map<string, Promise<void>>();
  for (const layer of [chosen, ...images].flatMap(({ body }) => body.layers)) {
    if (byDigest.has(layer.digest)) continue;
    const download = queue.run(() => downloadLayer(registry, sinks, layer, options, signal));
    download.catch(() => undefined); // seen by who awaits it; a later layer's failure must not be an unhandled one
    byDigest.set(layer.digest, download);
  }
  return byDigest;
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

async function unpackChosen(
  { body, config }: ImageDocuments,
  downloads: Map<string, Promise<void>>,
  sinks: ImageSinks,
  options: PullOptions,
  signal: AbortSignal,
): Promise<void> {
  if (sinks.unpack === undefined || config === undefined) return;
  await unpackLayers(layerSteps(body, config), sinks.content, sinks.unpack, {
    ready: (layer) => awaitLayer(layer, downloads),
    onLayer: (kind, layer) => options.onEvent?.({ kind, layer }),
    signal,
  });
}

/** Waits for one layer, but fails as soon as any other has failed: no need to unpack what will not be complete. */
function awaitLayer(layer: Descriptor, downloads: Map<string, Promise<void>>): Promise<void> {
  const own = downloads.get(layer.digest) ?? Promise.resolve();
  return new Promise((resolve, reject) => {
    own.then(resolve, reject);
    for (const other of downloads.values()) other.catch(reject);
  });
}

/** Children before parents, so that no stored document refers to what is not there. */
async function storeDocuments(
  registry: RegistryClient,
  sinks: ImageSinks,
  { images, indexes, chosen }: PullDocuments,
): Promise<void> {
  const source = sourceLabels(registry.reference);
  for (const image of images) {
    const { manifest, body, configBytes, config } = image;
    const chainId = chainIdsOf(config?.rootfs.diff_ids ?? []).at(-1) ?? '';
    const isUnpacked = sinks.unpack !== undefined && image === chosen;
    const kept = isUnpacked ? snapshotLabels(sinks.unpack?.snapshots.name ?? '', chainId) : {};
    await putBlob(sinks.content, body.config, configBytes, { ...source, ...kept });
    await putBlob(sinks.content, manifest.descriptor, manifest.bytes, { ...source, ...manifestLabels(body) });
  }
  for (const index of indexes)
    await putBlob(sinks.content, index.descriptor, index.bytes, { ...source, ...indexLabels(parseIndex(index.bytes)) });
}
