// All that the engine does with images, behind one object: the routes call it, and main builds it.
import type { Readable } from 'node:stream';
import { ContainerError, isNotFound } from '@tscontainer/core/errors';
import { isIndexType, type Platform } from '@tscontainer/core/oci-image';
import {
  familiarName,
  familiarReference,
  formatReference,
  parseReference,
  type Reference,
} from '@tscontainer/core/reference';
import type { RegistryCredentials } from '@tscontainer/distribution/credentials';
import { formatPlatform, isSamePlatform } from '@tscontainer/distribution/platform-match';
import type { RegistryHostOptions } from '@tscontainer/distribution/registry-hosts';
import type { Logger } from '@tscontainer/platform/logger';
import type { ContainerdClient } from '../containerd/containerd-client.ts';
import type { Filters } from '../http/query.ts';
import type { ImageEventSink, ImageResolver, ImageUsage, ResolvedImage } from './image-backend.ts';
import { type CatalogImage, ImageCatalog, repoTagsOf } from './image-catalog.ts';
import type { ImportRequest } from './image-importer.ts';
import { dropStaleLeases, withLease } from './image-lease.ts';
import { listImages } from './image-list.ts';
import type { LoadedImage, LoadProgress } from './image-loader.ts';
import { recordNameOf, referenceOf, repoTagOf } from './image-names.ts';
import type { PullRequest } from './image-puller.ts';
import { ImageRemover, type RemovalOptions, type RemovalRow } from './image-removal.ts';
import type { SavedImage } from './image-saver.ts';
import { nameImage, tagName } from './image-tagger.ts';

export interface ImageManagerOptions {
  client: ContainerdClient;
  snapshotter: string;
  log: Logger;
  usage: ImageUsage;
  events: ImageEventSink;
  registries: RegistryHostOptions;
}

/** Pull, load and save are imported when first used: an idle engine does without them. */
export class ImageManager implements ImageResolver {
  readonly catalog: ImageCatalog;
  readonly snapshotter: string;
  readonly #options: ImageManagerOptions;
  readonly #remover: ImageRemover;
  readonly #startedAt = new Date();
  /** While the embedded image is being loaded: who misses an image waits for it before he is told so. */
  #starting: Promise<void> | undefined;

  constructor(options: ImageManagerOptions) {
    this.#options = options;
    this.snapshotter = options.snapshotter;
    this.catalog = new ImageCatalog(options.client, options.snapshotter, options.log);
    this.#remover = new ImageRemover(options, this.catalog);
  }

  /**
   * Ends what a killed engine left half done, and loads the image that ships with the engine; off the start path.
   * `marker`: a file below the data root, see `ensureEmbeddedImage`. Failures are logged: the engine works on.
   */
  start(marker: string): Promise<void> {
    this.#starting = this.#start(marker).finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #start(marker: string): Promise<void> {
    const { client, log } = this.#options;
    const { ensureEmbeddedImage } = await import('./embedded-image.ts');
    await dropStaleLeases(client, this.#startedAt).catch((error: Error) =>
      log.warn({ err: error.message }, 'stale leases not dropped'),
    );
    await ensureEmbeddedImage(this, marker, log);
  }

  resolve(reference: string): Promise<ResolvedImage> {
    return this.#afterStart(() => this.catalog.resolve(reference));
  }

  /** To be called for every `/images/...` event of containerd: others change images too. */
  invalidate(): void {
    this.catalog.invalidate();
  }

  /** `isAll`: with the images between a build's base and its result. */
  list(filters: Filters, options: { isAll?: boolean } = {}): Promise<CatalogImage[]> {
    return listImages(this.catalog, filters, options);
  }

  find(name: string): Promise<CatalogImage> {
    return this.#afterStart(() => this.catalog.find(name));
  }

  async tag(source: string, repository: string, tag: string | undefined): Promise<void> {
    const { client, snapshotter, events } = this.#options;
    const name = tagName(repository, tag);
    const { details } = await this.catalog.find(source);
    await withLease(client, 'tag', (lease) => nameImage(client, snapshotter, lease, name, details.target));
    this.catalog.invalidate();
    events.imageEvent('tag', details.id, { name: familiarReference(parseReference(name)) });
  }

  remove(name: string, options: RemovalOptions): Promise<RemovalRow[]> {
    return this.#remover.remove(name, options);
  }

  prune(candidates: CatalogImage[]): Promise<{ rows: RemovalRow[]; bytes: number }> {
    return this.#remover.prune(candidates);
  }

  async pull(request: PullRequest): Promise<void> {
    const { pullIntoContainerd } = await import('./image-puller.ts');
    try {
      await pullIntoContainerd(this.#options, request);
    } finally {
      this.catalog.invalidate();
    }
    const name = familiarReference(request.reference);
    this.#options.events.imageEvent('pull', name, { name });
    if (request.platform !== undefined) await this.#warnOfPlatform(request, request.platform);
  }

  /** An image of one platform is pulled whichever is asked for, as docker does; of an index only what was asked for. */
  async #warnOfPlatform({ reference, onProgress }: PullRequest, wanted: Platform): Promise<void> {
    const { details } = await this.catalog.find(formatReference(reference));
    const { os, architecture } = details.config;
    const found = details.config.variant === undefined ? { os, architecture } : { ...details.config };
    if (isIndexType(details.target.mediaType) || isSamePlatform(found, wanted)) return;
    onProgress({
      status: `WARNING: image with reference ${familiarReference(reference)} was found but its platform (${formatPlatform(found)}) does not match the specified platform (${formatPlatform(wanted)})`,
    });
  }

  /** Every tag of the repository that the reference names without one. */
  async pullAll(request: PullRequest): Promise<void> {
    const { pullRepository } = await import('./repository-puller.ts');
    await pullRepository(this.#options.registries, request, (each) => this.pull(each));
  }

  async load(source: Readable, progress?: LoadProgress): Promise<LoadedImage[]> {
    const { ImageLoader } = await import('./image-loader.ts');
    const { client, snapshotter, events } = this.#options;
    return new ImageLoader(client, snapshotter, this.catalog, events).load(source, progress);
  }

  /** `tag` undefined: every tag of that repository. What it refuses comes in-band, behind the first line, as docker's. */
  async push(request: {
    name: string;
    tag: string | undefined;
    credentials: RegistryCredentials | undefined;
    signal: AbortSignal;
    onProgress(line: object): void;
  }): Promise<void> {
    const { pushFromContainerd, pushHeader } = await import('./image-pusher.ts');
    const { client, registries, events } = this.#options;
    request.onProgress(pushHeader(parseReference(request.name)));
    const references = await this.#referencesToPush(request.name, request.tag);
    for (const reference of references) {
      const { details } = await this.catalog.find(formatReference(reference));
      await pushFromContainerd(client, registries, { ...request, reference, target: details.target });
      events.imageEvent('push', familiarReference(reference), { name: familiarReference(reference) });
    }
  }

  async #referencesToPush(name: string, tag: string | undefined): Promise<Reference[]> {
    const base = parseReference(name);
    const known = (await this.catalog.all()).flatMap(({ records }) =>
      records.map((record) => referenceOf(record.name)),
    );
    const inRepository = known
      .filter((found) => found !== undefined)
      .filter(({ domain, path }) => domain === base.domain && path === base.path);
    const wanted = tag || base.tag;
    const found = inRepository.filter((reference) =>
      base.digest !== undefined ? reference.digest === base.digest : wanted ? reference.tag === wanted : reference.tag,
    );
    if (found.length > 0) return found;
    throw new ContainerError(
      'not-found',
      inRepository.length > 0 && wanted
        ? `tag does not exist: ${familiarName(base)}:${wanted}`
        : `An image does not exist locally with the tag: ${familiarName(base)}`,
      { reason: 'no-such-image' },
    );
  }

  /** Resolves with the new image's id. */
  async import(request: ImportRequest): Promise<string> {
    const { importImage } = await import('./image-importer.ts');
    const { client, snapshotter, events } = this.#options;
    const id = await importImage(client, snapshotter, request);
    this.catalog.invalidate();
    events.imageEvent('import', id, { name: request.name === undefined ? id : (repoTagOf(request.name) ?? id) });
    return id;
  }

  /** The tar of the images named; all of an image's tags when it is named by id. Rejects before the first byte. */
  async save(names: string[], signal: AbortSignal): Promise<Readable> {
    const { saveImages } = await import('./image-saver.ts');
    const saved = new Map<string, SavedImage>();
    for (const name of names) {
      const image = await this.#toSave(name);
      const entry = saved.get(image.details.id) ?? { image, names: [] };
      entry.names = [...new Set([...entry.names, ...namesToSave(image, name)])];
      saved.set(image.details.id, entry);
    }
    for (const { image } of saved.values())
      this.#options.events.imageEvent('save', image.details.id, { name: repoTagsOf(image)[0] ?? image.details.id });
    return saveImages(this.#options.client, [...saved.values()], signal);
  }

  /** Docker names what is missing as it was asked for, here without a tag of its own. */
  async #toSave(name: string): Promise<CatalogImage> {
    try {
      return await this.catalog.find(name);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      throw new ContainerError('not-found', `No such image: ${name}`, { reason: 'no-such-image', cause: error });
    }
  }

  async #afterStart<T>(lookUp: () => Promise<T>): Promise<T> {
    const starting = this.#starting;
    if (starting === undefined) return lookUp();
    try {
      return await lookUp();
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await starting;
      return lookUp();
    }
  }
}

/** By name: that name. By id: none, as docker does, since the caller asked for the image and not for its tags. */
function namesToSave(image: CatalogImage, text: string): string[] {
  try {
    const name = recordNameOf(text);
    return image.records.filter((record) => record.name === name).map((record) => record.name);
  } catch {
    return []; // an id
  }
}
