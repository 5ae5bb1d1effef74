// Transfer from the image store into an archive on a client's stream: `ctr images export` of containerd 2.
import { ContainerError } from '@tscontainer/core/errors';
import { type Descriptor, isForeignLayerType, isIndexType, mediaTypes } from '@tscontainer/core/oci-image';
import { familiarName, parseReference, withDefaultTag } from '@tscontainer/core/reference';
import { ArchiveWriter, blobPath } from '@tscontainer/distribution/archive-writer';
import { parseManifest } from '@tscontainer/distribution/image-documents';
import { type ImageGraph, imageGraph } from '@tscontainer/distribution/image-graph';
import { hostPlatform, normalizePlatform } from '@tscontainer/distribution/platform-match';
import type { ImageStore } from '@tscontainer/platform/contracts/containerd/types/transfer/imagestore';
import type { ImageExportStream } from '@tscontainer/platform/contracts/containerd/types/transfer/importexport';
import type { Daemon } from '../daemon.ts';
import type { Image } from '../images/image-store.ts';
import type { Scope } from '../metadata/scope.ts';
import { sendBytes } from './byte-stream.ts';
import { localSource } from './local-source.ts';
import type { StreamRegistry } from './stream-registry.ts';
import { TransferProgress } from './transfer-progress.ts';

export interface ArchiveExport {
  source: ImageStore;
  destination: ImageExportStream;
  /** '' is none. */
  progressStream: string;
  scope: Scope;
  signal: AbortSignal;
}

interface ExportedImage {
  name: string;
  target: Descriptor;
  graph: ImageGraph;
}

/** Rejects not-found for an image, a part of it, or a stream; unavailable when the client goes away. */
export async function exportArchive(daemon: Daemon, streams: StreamRegistry, given: ArchiveExport): Promise<void> {
  const { source, destination, scope, signal } = given;
  const stream = streams.get(scope.namespace, destination.stream);
  const progress = given.progressStream === '' ? undefined : streams.get(scope.namespace, given.progressStream);
  const report = new TransferProgress(progress, source.name);
  try {
    const images: ExportedImage[] = [];
    for (const { name, target } of imagesOf(daemon, scope.namespace, source))
      images.push({ name, target, graph: await graphOf(daemon, scope, target, destination) });
    report.step('Exporting');
    const writer = new ArchiveWriter();
    const writing = writeAll(daemon, writer, images, given).then(
      () => writer.end(),
      (error: Error) => writer.fail(error),
    );
    try {
      await sendBytes(stream, writer.pack as unknown as AsyncIterable<Uint8Array>);
    } catch (error) {
      writer.fail(error as Error);
      throw error;
    } finally {
      await writing;
    }
    if (signal.aborted) throw new ContainerError('cancelled', 'export: cancelled');
    report.step('Completed export');
  } finally {
    stream.close();
    report.close();
  }
}

/** The image by its name, and those that further references name. */
function imagesOf({ images }: Pick<Daemon, 'images'>, namespace: string, source: ImageStore): Image[] {
  const named = source.name === '' ? [] : [images.get(namespace, source.name)];
  const further = source.extraReferences.flatMap(({ name, isPrefix }) =>
    isPrefix ? images.list(namespace).filter((image) => image.name.startsWith(name)) : [images.get(namespace, name)],
  );
  const all = [...new Map([...named, ...further].map((image) => [image.name, image])).values()];
  if (all.length > 0) return all;
  throw new ContainerError('not-found', 'export: no image is named so: not found');
}

function graphOf(daemon: Daemon, scope: Scope, target: Descriptor, wanted: ImageExportStream): Promise<ImageGraph> {
  const [platform] = wanted.platforms;
  return imageGraph(localSource(daemon.content, scope), target, {
    platform: platform === undefined || wanted.allPlatforms ? undefined : normalizePlatform(platform),
    includesForeign: false,
    ...(wanted.allPlatforms ? {} : { whenIncomplete: { takePlatform: hostPlatform() } }),
  });
}

async function writeAll(
  daemon: Daemon,
  writer: ArchiveWriter,
  images: ExportedImage[],
  { destination, scope, signal }: ArchiveExport,
): Promise<void> {
  const content = localSource(daemon.content, scope);
  await writer.begin();
  for (const { graph } of images) {
    const manifests = graph.manifests.map(({ descriptor }) => descriptor);
    for (const blob of [...manifests, ...graph.blobs])
      await writer.blob(blob, () => content.stream(blob.digest, 0), signal);
  }
  const manifests = images.map(({ name, graph }) => toEntry(name, graph));
  await writer.document('index.json', { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
  await writer.document('oci-layout', { imageLayoutVersion: '1.0.0' });
  if (destination.skipCompatibilityManifest) return;
  const docker = images.flatMap(({ name, graph }) => toDockerEntry(name, graph));
  if (docker.length > 0) await writer.document('manifest.json', docker);
}

/** The last of a graph is its root. */
function toEntry(name: string, { manifests }: ImageGraph): Descriptor {
  const { mediaType, digest, size } = (manifests.at(-1) as ImageGraph['manifests'][number]).descriptor;
  const tag = /:([^/:@]+)$/.exec(name)?.[1];
  const annotations = {
    'io.containerd.image.name': name,
    ...(tag === undefined ? {} : { 'org.opencontainers.image.ref.name': tag }),
  };
  return { mediaType, digest, size, annotations };
}

/** What docker's load reads: one manifest, whose layers are all here. */
function toDockerEntry(name: string, { manifests }: ImageGraph): object[] {
  const images = manifests.filter(({ descriptor }) => !isIndexType(descriptor.mediaType));
  const [image] = images;
  if (image === undefined || images.length > 1) return [];
  const { config, layers } = parseManifest(image.bytes);
  if (layers.some(({ mediaType }) => isForeignLayerType(mediaType))) return [];
  return [{ Config: blobPath(config), RepoTags: repoTagsOf(name), Layers: layers.map(blobPath) }];
}

/** As docker's users write it; none for a record whose name is no reference. */
function repoTagsOf(name: string): string[] | null {
  try {
    const reference = withDefaultTag(parseReference(name));
    return [`${familiarName(reference)}:${reference.tag ?? 'latest'}`];
  } catch {
    return null; // the image goes without a name, as docker's save has it
  }
}
