// The engine's view of containerd's images, kept in memory: listed once, then only after a change. Everybody who looks
// an image up does it here; the container path's `resolve` makes no call at all when nothing has changed.
import type { Digest } from '@tscontainer/core/digest';
import { ContainerError } from '@tscontainer/core/errors';
import type { Descriptor } from '@tscontainer/core/oci-image';
import { snapshotLabels } from '@tscontainer/distribution/image-labels';
import { layerSteps } from '@tscontainer/distribution/layer-steps';
import { unpackLayers } from '@tscontainer/distribution/layer-unpacker';
import type { Image } from '@tscontainer/platform/contracts/containerd/services/images/v1/images';
import type { Logger } from '@tscontainer/platform/logger';
import type { ContainerdClient } from '../containerd/containerd-client.ts';
import { containerdSinks } from './containerd-sinks.ts';
import type { ImageResolver, ResolvedImage } from './image-backend.ts';
import { type ImageDetails, readImageDetails } from './image-details.ts';
import { withLease } from './image-lease.ts';
import { isDanglingName, noSuchImage, recordNameOf, repoDigestOf, repoTagOf } from './image-names.ts';

/** One image with every record that points at it. */
export interface CatalogImage {
  details: ImageDetails;
  records: Image[];
}

interface Snapshot {
  byId: Map<Digest, CatalogImage>;
  byName: Map<string, CatalogImage>;
}

const idPrefixPattern = /^(?:sha256:)?[a-f0-9]{1,64}$/;

export class ImageCatalog implements ImageResolver {
  readonly #client: ContainerdClient;
  readonly #snapshotter: string;
  readonly #log: Logger;
  /** By target digest; those of the records that are there. */
  #details = new Map<Digest, ImageDetails>();
  #current: Promise<Snapshot> | undefined;
  #resolved = new Map<string, ResolvedImage>();

  constructor(client: ContainerdClient, snapshotter: string, log: Logger) {
    this.#client = client;
    this.#snapshotter = snapshotter;
    this.#log = log;
  }

  /** Something about images changed: own changes call it, and `/images/...` events. */
  invalidate(): void {
    this.#current = undefined;
    this.#resolved = new Map();
  }

  /** What a new image is, known by whoever made it: the next listing need not read it. Its record is there already. */
  learn(details: ImageDetails): void {
    this.#details.set(details.target.digest, details);
    this.invalidate();
  }

  /** All images, in no order. */
  async all(): Promise<CatalogImage[]> {
    return [...(await this.#snapshot()).byId.values()];
  }

  /** Finds by name, id or unique prefix of an id. Rejects not-found, invalid-argument. */
  async find(text: string): Promise<CatalogImage> {
    const { byId, byName } = await this.#snapshot();
    const name = nameOrUndefined(text);
    const named = name === undefined ? undefined : byName.get(name);
    if (named !== undefined) return named;
    if (name?.includes('@')) return byDigest(byId, name.slice(name.indexOf('@') + 1), text);
    if (!idPrefixPattern.test(text)) {
      recordNameOf(text); // a malformed name is the user's error, not a missing image
      throw noSuchImage(text);
    }
    return byPrefix(byId, text);
  }

  /** The images that a build made it on, the nearest first, as far as they are here. */
  async ancestors(image: CatalogImage): Promise<CatalogImage[]> {
    const { byId } = await this.#snapshot();
    const found: CatalogImage[] = [];
    for (
      let next = byId.get(image.details.parent ?? '');
      next !== undefined;
      next = byId.get(next.details.parent ?? '')
    ) {
      if (found.includes(next)) break; // a label that somebody has bent
      found.push(next);
    }
    return found;
  }

  async resolve(text: string): Promise<ResolvedImage> {
    const resolved = this.#resolved;
    const known = resolved.get(text);
    if (known !== undefined) return known;
    const image = await this.find(text);
    if (!image.details.isUnpacked) await this.#unpack(image);
    const answer = toResolved(image, text);
    resolved.set(text, answer);
    return answer;
  }

  async #snapshot(): Promise<Snapshot> {
    this.#current ??= this.#list();
    const pending = this.#current;
    try {
      return await pending;
    } catch (error) {
      if (this.#current === pending) this.#current = undefined;
      throw error;
    }
  }

  async #list(): Promise<Snapshot> {
    const { images: records } = await this.#client.images.List({});
    const byId = new Map<Digest, CatalogImage>();
    const byName = new Map<string, CatalogImage>();
    const kept = new Map<Digest, ImageDetails>();
    for (const record of records) {
      const details = await this.#detailsOf(record);
      if (details === undefined) continue;
      kept.set(details.target.digest, details);
      const image = byId.get(details.id) ?? { details, records: [] };
      image.records.push(record);
      byId.set(details.id, image);
      byName.set(record.name, image);
    }
    this.#details = kept;
    return { byId, byName };
  }

  async #detailsOf(record: Image): Promise<ImageDetails | undefined> {
    const { target } = record;
    if (target === null) return undefined;
    const known = this.#details.get(target.digest);
    if (known?.isUnpacked) return known;
    const details = await readImageDetails(this.#client, this.#snapshotter, target).catch((error: Error) => {
      this.#log.warn({ image: record.name, err: error.message }, 'image is unreadable: left out'); // one bad image must not hide the others
      return undefined;
    });
    return details;
  }

  /** An image that another client pulled without unpacking. */
  async #unpack(image: CatalogImage): Promise<void> {
    await withLease(this.#client, 'unpack', (lease) =>
      unpackImage(this.#client, this.#snapshotter, lease, image.details),
    );
    image.details.isUnpacked = true;
  }
}

/** Unpacks what is missing of an image's layers and refers to them from the config. */
export async function unpackImage(
  client: ContainerdClient,
  snapshotter: string,
  lease: string,
  details: Pick<ImageDetails, 'manifestBody' | 'config' | 'configDescriptor' | 'chainIds'>,
  onLayer?: (layer: Descriptor) => void,
): Promise<void> {
  const { content, unpack } = containerdSinks(client, snapshotter, lease);
  await unpackLayers(layerSteps(details.manifestBody, details.config), content, unpack, {
    onLayer: (what, layer) => (what === 'extracted' ? onLayer?.(layer) : undefined),
  });
  await content.addLabels(details.configDescriptor.digest, snapshotLabels(snapshotter, details.chainIds.at(-1) ?? ''));
}

function nameOrUndefined(text: string): string | undefined {
  try {
    return recordNameOf(text);
  } catch {
    return undefined; // an id, or a name that `find` refuses
  }
}

function byDigest(byId: Map<Digest, CatalogImage>, digest: Digest, text: string): CatalogImage {
  for (const image of byId.values()) {
    if (image.records.some(({ target }) => target?.digest === digest) || image.details.manifest.digest === digest)
      return image;
  }
  throw noSuchImage(text);
}

function byPrefix(byId: Map<Digest, CatalogImage>, text: string): CatalogImage {
  const prefix = text.startsWith('sha256:') ? text : `sha256:${text}`;
  const exact = byId.get(prefix);
  if (exact !== undefined) return exact;
  const found = [...byId.values()].filter(({ details }) => details.id.startsWith(prefix));
  if (found.length > 1) {
    throw new ContainerError('invalid-argument', `multiple IDs found with provided prefix: ${text}`, {
      reason: 'ambiguous-id',
    });
  }
  if (found[0] !== undefined) return found[0];
  if (prefix.length === 'sha256:'.length + 64) return byDigest(byId, prefix, text);
  throw noSuchImage(text);
}

/** Ids of all images that others were made on. */
export function parentIdsOf(images: CatalogImage[]): Set<string> {
  return new Set(images.map(({ details }) => details.parent).filter((parent) => parent !== undefined));
}

/** A step of a build, without a name, that others stand on. */
export function isIntermediate(image: CatalogImage, parents: ReadonlySet<string>): boolean {
  return parents.has(image.details.id) && image.records.every(({ name }) => isDanglingName(name));
}

export function repoTagsOf(image: CatalogImage): string[] {
  return image.records
    .map(({ name }) => repoTagOf(name))
    .filter((tag) => tag !== undefined)
    .sort();
}

export function repoDigestsOf(image: CatalogImage): string[] {
  const all = image.records.map(({ name, target }) => repoDigestOf(name, target?.digest ?? ''));
  return [...new Set(all.filter((digest) => digest !== undefined))].sort();
}

export function sizeOf(image: CatalogImage): number {
  return image.details.layerSizes.reduce((sum, size) => sum + size, 0);
}

function toResolved(image: CatalogImage, text: string): ResolvedImage {
  const { details, records } = image;
  const asked = nameOrUndefined(text);
  return {
    id: details.id,
    reference: records.find(({ name }) => name === asked)?.name ?? records[0]?.name ?? details.id,
    target: details.target,
    config: details.config,
    chainId: details.chainIds.at(-1) ?? '',
    size: sizeOf(image),
    repoTags: repoTagsOf(image),
    repoDigests: repoDigestsOf(image),
  };
}
