// DELETE /images/{name} and prune: docker's rules of what may go, over containerd's records and garbage collection.
import { ContainerError, isNotFound } from '@tscontainer/core/errors';
import { shortId } from '@tscontainer/core/ids';
import type { ContainerdClient } from '../containerd/containerd-client.ts';
import { containerdSinks } from './containerd-sinks.ts';
import type { ImageEventSink, ImageUsage } from './image-backend.ts';
import { type CatalogImage, type ImageCatalog, parentIdsOf, repoDigestsOf, repoTagsOf } from './image-catalog.ts';
import { withLease } from './image-lease.ts';
import { danglingName, isDanglingName, recordNameOf, referenceOf, repoDigestOf, repoTagOf } from './image-names.ts';

export interface RemovalRow {
  Untagged?: string;
  Deleted?: string;
}

export interface RemovalOptions {
  isForced: boolean;
  /** The unnamed images that a build made it on stay. */
  keepsParents?: boolean;
}

export interface ImageRemoverOptions {
  client: ContainerdClient;
  snapshotter: string;
  usage: ImageUsage;
  events: ImageEventSink;
}

export class ImageRemover {
  readonly #client: ContainerdClient;
  readonly #snapshotter: string;
  readonly #catalog: ImageCatalog;
  readonly #usage: ImageUsage;
  readonly #events: ImageEventSink;

  constructor(options: ImageRemoverOptions, catalog: ImageCatalog) {
    this.#client = options.client;
    this.#snapshotter = options.snapshotter;
    this.#catalog = catalog;
    this.#usage = options.usage;
    this.#events = options.events;
  }

  /** Rejects not-found, failed-precondition (`conflict: ...`). */
  async remove(text: string, options: RemovalOptions): Promise<RemovalRow[]> {
    const image = await this.#catalog.find(text);
    const named = image.records.filter(({ name }) => name === nameOrEmpty(text));
    const isByName = named.length > 0;
    if (isByName && named.length < image.records.length)
      return this.#untag(
        image,
        named.map(({ name }) => name),
      );
    if (!isByName && !options.isForced) checkOneRepository(image);
    this.#checkUnused(image, isByName ? text : undefined, options.isForced);
    if (parentIdsOf(await this.#catalog.all()).has(image.details.id)) {
      if (!isByName) throw hasChildren(image);
      return this.#untagKept(image);
    }
    return this.removeWhole(image, options.keepsParents);
  }

  /** Takes every name and what only this image has; then the unnamed images that it was built on and nobody needs. */
  async removeWhole(image: CatalogImage, keepsParents = false): Promise<RemovalRow[]> {
    const chain = [image, ...(keepsParents ? [] : await this.#freedBy(image))];
    const removedIds = new Set(chain.map(({ details }) => details.id));
    const kept = (await this.#catalog.all()).filter(({ details }) => !removedIds.has(details.id));
    const rows: RemovalRow[] = [];
    for (const [at, removed] of chain.entries()) {
      const { id } = removed.details;
      const layers = ownChainIds(removed, [...kept, ...chain.slice(at + 1)]);
      const names = removed.records.map(({ name }) => name);
      for (const [index, name] of names.entries())
        await this.#deleteRecord(name, at === chain.length - 1 && index === names.length - 1);
      for (const tag of repoTagsOf(removed)) this.#events.imageEvent('untag', id, { name: tag });
      this.#events.imageEvent('delete', id, { name: id });
      rows.push(...untaggedRows(removed), { Deleted: id }, ...layers.map((chainId) => ({ Deleted: chainId })));
    }
    this.#catalog.invalidate();
    return rows;
  }

  /** Its ancestors as long as they have no name, no other children and no container. */
  async #freedBy(image: CatalogImage): Promise<CatalogImage[]> {
    const all = await this.#catalog.all();
    const freed: CatalogImage[] = [];
    const goneIds = new Set([image.details.id]);
    for (const ancestor of await this.#catalog.ancestors(image)) {
      const { id } = ancestor.details;
      const hasOthers = all.some(({ details }) => details.parent === id && !goneIds.has(details.id));
      const hasName = ancestor.records.some(({ name }) => !isDanglingName(name));
      if (hasOthers || hasName || this.#usage.containersUsing(id).length > 0) break;
      freed.push(ancestor);
      goneIds.add(id);
    }
    return freed;
  }

  /** Unused images among `candidates`. */
  async prune(candidates: CatalogImage[]): Promise<{ rows: RemovalRow[]; bytes: number }> {
    const rows: RemovalRow[] = [];
    let bytes = 0;
    for (const { details } of candidates) {
      const all = await this.#catalog.all();
      const image = all.find((other) => other.details.id === details.id);
      if (image === undefined) continue; // gone with one that was built on it
      if (this.#usage.containersUsing(image.details.id).length > 0) continue;
      if (parentIdsOf(all).has(image.details.id)) {
        rows.push(...(await this.#untagKept(image)));
        continue;
      }
      const removed = await this.removeWhole(image);
      const gone = new Set(removed.map(({ Deleted }) => Deleted));
      bytes += image.details.chainIds.reduce(
        (sum, chainId, index) => sum + (gone.has(chainId) ? (image.details.layerSizes[index] ?? 0) : 0),
        0,
      );
      rows.push(...removed);
    }
    return { rows, bytes };
  }

  /** Others were built on it: it loses its names and stays. */
  async #untagKept(image: CatalogImage): Promise<RemovalRow[]> {
    const { target } = image.details;
    await withLease(this.#client, 'tag', (lease) =>
      containerdSinks(this.#client, this.#snapshotter, lease).images.put(danglingName(target.digest), target, {}),
    );
    return this.#untag(
      image,
      image.records.map(({ name }) => name).filter((name) => !isDanglingName(name)),
    );
  }

  async #untag(image: CatalogImage, names: string[]): Promise<RemovalRow[]> {
    const rows: RemovalRow[] = [];
    for (const name of names) {
      await this.#deleteRecord(name, false);
      const shown = repoTagOf(name) ?? repoDigestOf(name, image.details.target.digest) ?? name;
      rows.push({ Untagged: shown });
      this.#events.imageEvent('untag', image.details.id, { name: shown });
    }
    this.#catalog.invalidate();
    return rows;
  }

  /** `isLast`: waits until what it held is collected, so that the space is free when the caller is told so. */
  async #deleteRecord(name: string, isLast: boolean): Promise<void> {
    await this.#client.images.Delete({ name, sync: isLast }).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
  }

  #checkUnused(image: CatalogImage, name: string | undefined, isForced: boolean): void {
    const { id } = image.details;
    const users = this.#usage.containersUsing(id);
    const running = users.find((user) => user.isRunning);
    const [first] = users;
    if (first === undefined) return;
    if (name !== undefined && !isForced) {
      throw conflict(
        `unable to remove repository reference "${name}" (must force) - container ${shortId(first.id)} is using its referenced image ${shortId(id)}`,
      );
    }
    if (running !== undefined) {
      throw conflict(
        `unable to delete ${shortId(id)} (cannot be forced) - image is being used by running container ${shortId(running.id)}`,
      );
    }
    if (!isForced)
      throw conflict(
        `unable to delete ${shortId(id)} (must be forced) - image is being used by stopped container ${shortId(first.id)}`,
      );
  }
}

/** The layers that go with the image. */
function ownChainIds(image: CatalogImage, others: CatalogImage[]): string[] {
  const kept = new Set(others.flatMap((other) => other.details.chainIds));
  return image.details.chainIds.filter((chainId) => !kept.has(chainId)).reverse();
}

function hasChildren(image: CatalogImage): ContainerError {
  return conflict(
    `unable to delete ${shortId(image.details.id)} (cannot be forced) - image has dependent child images`,
  );
}

function conflict(what: string): ContainerError {
  return new ContainerError('failed-precondition', `conflict: ${what}`, { reason: 'image-in-use' });
}

function checkOneRepository(image: CatalogImage): void {
  const repositories = new Set(
    image.records
      .map(({ name }) => referenceOf(name))
      .map((found) => (found === undefined ? '' : `${found.domain}/${found.path}`)),
  );
  repositories.delete('');
  if (repositories.size > 1) {
    throw conflict(
      `unable to delete ${shortId(image.details.id)} (must be forced) - image is referenced in multiple repositories`,
    );
  }
}

function untaggedRows(image: CatalogImage): RemovalRow[] {
  return [...repoTagsOf(image), ...repoDigestsOf(image)].map((name) => ({ Untagged: name }));
}

function nameOrEmpty(text: string): string {
  try {
    return recordNameOf(text);
  } catch {
    return ''; // an id
  }
}
