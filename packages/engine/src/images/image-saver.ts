// GET /images/get: streams images as one tar that is a docker-archive and an OCI layout at once, as docker 25 writes it.
import type { Readable } from 'node:stream';
import { type Descriptor, type ImageIndex, mediaTypes } from '@tscontainer/core/oci-image';
import { ArchiveWriter, blobPath } from '@tscontainer/distribution/archive-writer';
import type { ContainerdClient } from '../containerd/containerd-client.ts';
import type { CatalogImage } from './image-catalog.ts';
import { referenceOf, repoTagOf } from './image-names.ts';

/** An image with the record names to save it under. */
export interface SavedImage {
  image: CatalogImage;
  names: string[];
}

/** The stream of the tar. A failure on the way destroys it, since its headers are long gone then. */
export function saveImages(client: ContainerdClient, images: SavedImage[], signal: AbortSignal): Readable {
  const writer = new ArchiveWriter();
  writeAll(client, writer, images, signal).then(
    () => writer.end(),
    (error) => writer.fail(error as Error),
  );
  return writer.pack as unknown as Readable;
}

async function writeAll(
  client: ContainerdClient,
  writer: ArchiveWriter,
  images: SavedImage[],
  signal: AbortSignal,
): Promise<void> {
  await writer.begin();
  for (const { image } of images) {
    const { manifest, configDescriptor, layers } = image.details;
    for (const blob of [manifest, configDescriptor, ...layers])
      await writer.blob(blob, () => readPieces(client, blob, signal), signal);
  }
  await writer.document('index.json', toIndex(images));
  await writer.document('manifest.json', images.map(toDockerEntry));
  await writer.document('oci-layout', { imageLayoutVersion: '1.0.0' });
  const repositories = toRepositories(images);
  if (Object.keys(repositories).length > 0) await writer.document('repositories', repositories);
}

async function* readPieces(
  client: ContainerdClient,
  { digest }: Descriptor,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for await (const { data } of client.content.Read({ digest }, { signal })) yield data;
}

/** One descriptor per name, since an annotation holds one. The platform's manifest, because other platforms are not in it. */
function toIndex(images: SavedImage[]): ImageIndex {
  const manifests = images.flatMap(({ image, names }) => {
    const { mediaType, digest, size } = image.details.manifest;
    if (names.length === 0) return [{ mediaType, digest, size }];
    return names.map((name) => ({
      mediaType,
      digest,
      size,
      annotations: {
        'io.containerd.image.name': name,
        'org.opencontainers.image.ref.name': referenceOf(name)?.tag ?? 'latest',
      },
    }));
  });
  return { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
}

function toDockerEntry({ image, names }: SavedImage): object {
  const tags = names.map((name) => repoTagOf(name)).filter((tag) => tag !== undefined);
  return {
    Config: blobPath(image.details.configDescriptor),
    RepoTags: tags.length === 0 ? null : tags,
    Layers: image.details.layers.map(blobPath),
  };
}

/** docker's oldest form: repository, tag, and the topmost layer. */
function toRepositories(images: SavedImage[]): Record<string, Record<string, string>> {
  const repositories: Record<string, Record<string, string>> = {};
  for (const { image, names } of images) {
    const top = image.details.layers.at(-1)?.digest.replace('sha256:', '');
    for (const tag of names.map((name) => repoTagOf(name))) {
      if (tag === undefined || top === undefined) continue;
      const colon = tag.lastIndexOf(':');
      const repository = tag.slice(0, colon);
      repositories[repository] = { ...repositories[repository], [tag.slice(colon + 1)]: top };
    }
  }
  return repositories;
}
