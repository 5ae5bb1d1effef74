// POST /images/load: takes an archive in, checks all of it, unpacks every image, and only then names them.
import type { Readable } from 'node:stream';
import { shortId } from '@tscontainer/core/ids';
import { type ArchiveImage, findArchiveImages } from '@tscontainer/distribution/archive-images';
import { ArchiveIntake } from '@tscontainer/distribution/archive-intake';
import { chainIdsOf } from '@tscontainer/distribution/chain-id';
import { putBlob } from '@tscontainer/distribution/content-ingest';
import { indexLabels, manifestLabels } from '@tscontainer/distribution/image-labels';
import { badArchive } from '@tscontainer/distribution/tar-archive';
import type { ContainerdClient } from '../containerd/containerd-client.ts';
import { ContentUpload, containerdSinks, readBlob } from './containerd-sinks.ts';
import type { ImageEventSink } from './image-backend.ts';
import { type ImageCatalog, unpackImage } from './image-catalog.ts';
import { withLease } from './image-lease.ts';
import { danglingName, repoTagOf } from './image-names.ts';
import { nameImage } from './image-tagger.ts';

export interface LoadProgress {
  /** One layer of `layerSize` bytes is unpacked; `id` is the short form of its digest. */
  layer(id: string, layerSize: number): void;
}

export interface LoadedImage {
  id: string;
  /** `busybox:latest`; empty for an image without a name. */
  tags: string[];
}

export class ImageLoader {
  readonly #client: ContainerdClient;
  readonly #snapshotter: string;
  readonly #catalog: ImageCatalog;
  readonly #events: ImageEventSink;

  constructor(client: ContainerdClient, snapshotter: string, catalog: ImageCatalog, events: ImageEventSink) {
    this.#client = client;
    this.#snapshotter = snapshotter;
    this.#catalog = catalog;
    this.#events = events;
  }

  /** All images of the archive or none. Rejects invalid-argument (`bad-archive`), resource-exhausted. */
  async load(source: Readable, progress?: LoadProgress): Promise<LoadedImage[]> {
    const loaded = await withLease(this.#client, 'load', async (lease) => {
      const archive = await ArchiveIntake.read(source, (ref) =>
        ContentUpload.begin(this.#client, ref, undefined, { lease }),
      );
      const images = await findArchiveImages(archive, (digest) => readBlob(this.#client, digest));
      if (images.length === 0) throw badArchive('it has no image');
      for (const image of images) await this.#store(lease, image, progress);
      for (const image of images) await this.#name(lease, image);
      return images.map(({ manifest, names }) => ({
        id: manifest.body.config.digest,
        tags: names.map((name) => repoTagOf(name) ?? name),
      }));
    });
    this.#catalog.invalidate();
    for (const { id, tags } of loaded) this.#events.imageEvent('load', id, { name: tags[0] ?? id });
    return loaded;
  }

  async #store(lease: string, image: ArchiveImage, progress: LoadProgress | undefined): Promise<void> {
    const { content } = containerdSinks(this.#client, this.#snapshotter, lease);
    const { manifest, config, index } = image;
    const details = {
      manifestBody: manifest.body,
      config,
      configDescriptor: manifest.body.config,
      chainIds: chainIdsOf(config.rootfs.diff_ids),
    };
    if (image.configBytes !== undefined) await putBlob(content, manifest.body.config, image.configBytes, {});
    await unpackImage(this.#client, this.#snapshotter, lease, details, (layer) =>
      progress?.layer(shortId(layer.digest), layer.size),
    );
    await putBlob(content, manifest.descriptor, manifest.bytes, manifestLabels(manifest.body));
    if (index !== undefined) await content.addLabels(index.descriptor.digest, indexLabels(index.body));
  }

  async #name(lease: string, image: ArchiveImage): Promise<void> {
    for (const name of image.names) await nameImage(this.#client, this.#snapshotter, lease, name, image.target);
    if (image.names.length > 0) return;
    await containerdSinks(this.#client, this.#snapshotter, lease).images.put(
      danglingName(image.target.digest),
      image.target,
      {},
    );
  }
}
