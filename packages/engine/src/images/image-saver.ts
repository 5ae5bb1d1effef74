// GET /images/get: streams images as one tar that is a docker-archive and an OCI layout at once, as docker 25 writes it.
import type { Readable } from 'node:stream';
import { ContainerError } from '@tscontainer/core/errors';
import { type Descriptor, type ImageIndex, mediaTypes } from '@tscontainer/core/oci-image';
import tar from 'tar-stream';
import type { ContainerdClient } from '../containerd/containerd-client.ts';
import type { CatalogImage } from './image-catalog.ts';
import { referenceOf, repoTagOf } from './image-names.ts';

/** An image with the record names to save it under. */
export interface SavedImage {
  image: CatalogImage;
  names: string[];
}

const epoch = new Date(0);

/** The stream of the tar. A failure on the way destroys it, since its headers are long gone then. */
export function saveImages(client: ContainerdClient, images: SavedImage[], signal: AbortSignal): Readable {
  const pack = tar.pack();
  writeAll(client, pack, images, signal).then(
    () => pack.finalize(),
    (error) => pack.destroy(error as Error),
  );
  return pack as unknown as Readable;
}

async function writeAll(
  client: ContainerdClient,
  pack: tar.Pack,
  images: SavedImage[],
  signal: AbortSignal,
): Promise<void> {
  await writeDirectories(pack, ['blobs', 'blobs/sha256']);
  const written = new Set<string>();
  for (const { image } of images) {
    const { manifest, configDescriptor, layers } = image.details;
    for (const blob of [manifest, configDescriptor, ...layers]) {
      if (written.has(blob.digest)) continue;
      written.add(blob.digest);
      await writeBlob(client, pack, blob, signal);
    }
  }
  await writeFile(pack, 'index.json', JSON.stringify(toIndex(images)));
  await writeFile(pack, 'manifest.json', JSON.stringify(images.map(toDockerEntry)));
  await writeFile(pack, 'oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  const repositories = toRepositories(images);
  if (Object.keys(repositories).length > 0) await writeFile(pack, 'repositories', JSON.stringify(repositories));
}

function blobPath({ digest }: Descriptor): string {
  return `blobs/${digest.replace(':', '/')}`;
}

async function writeDirectories(pack: tar.Pack, names: string[]): Promise<void> {
  for (const name of names) {
    await new Promise<void>((resolve, reject) =>
      pack.entry({ name, type: 'directory', mode: 0o755, mtime: epoch }, (error) =>
        error ? reject(error) : resolve(),
      ),
    );
  }
}

function writeFile(pack: tar.Pack, name: string, content: string): Promise<void> {
  return new Promise((resolve, reject) => {
    pack.entry({ name, mode: 0o644, mtime: epoch }, content, (error) => (error ? reject(error) : resolve()));
  });
}

async function writeBlob(
  client: ContainerdClient,
  pack: tar.Pack,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<void> {
  const finished = Promise.withResolvers<true>();
  finished.promise.catch(() => undefined); // awaited below; an early failure also destroys the pack
  const entry = pack.entry({ name: blobPath(blob), size: blob.size, mode: 0o644, mtime: epoch }, (error) =>
    error ? finished.reject(error) : finished.resolve(true),
  );
  // destroyed with the pack when the client goes away: nobody else listens, and an error that nobody hears ends the process
  entry.on('error', (error: Error) => finished.reject(error));
  for await (const { data } of client.content.Read({ digest: blob.digest }, { signal })) {
    if (signal.aborted || pack.destroyed) throw new ContainerError('cancelled', 'save image: the client went away');
    if (!entry.write(data)) await drained(entry, signal);
  }
  entry.end(undefined);
  await finished.promise;
}

/** `entry` is a stream of its own kind: it tells by 'drain', or closes when the pack was destroyed. */
function drained(entry: NodeJS.WritableStream, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      entry.removeListener('drain', done);
      entry.removeListener('close', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    entry.on('drain', done);
    entry.on('close', done);
    signal.addEventListener('abort', done, { once: true });
  });
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
