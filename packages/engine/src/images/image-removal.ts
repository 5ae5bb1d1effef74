// DELETE /images/{name} and prune: docker's rules of what may go, over containerd's records and garbage collection.
import { ContainerError, isNotFound } from '@tscontainer/core/errors';
import { shortId } from '@tscontainer/core/ids';
import type { ContainerdClient } from '../containerd/containerd-client.ts';
import type { ImageEventSink, ImageUsage } from './image-backend.ts';
import { type CatalogImage, type ImageCatalog, repoDigestsOf, repoTagsOf } from './image-catalog.ts';
import { recordNameOf, referenceOf, repoDigestOf, repoTagOf } from './image-names.ts';

export interface RemovalRow {
  Untagged?: string;
  Deleted?: string;
}

export interface RemovalOptions {
  isForced: boolean;
}

export class ImageRemover {
  readonly #client: ContainerdClient;
  readonly #catalog: ImageCatalog;
  readonly #usage: ImageUsage;
  readonly #events: ImageEventSink;

  constructor(client: ContainerdClient, catalog: ImageCatalog, usage: ImageUsage, events: ImageEventSink) {
    this.#client = client;
    this.#catalog = catalog;
    this.#usage = usage;
    this.#events = events;
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
    return this.removeWhole(image);
  }

  /** Takes every name and what only this image has. */
  async removeWhole(image: CatalogImage): Promise<RemovalRow[]> {
    const { id } = image.details;
    const layers = await this.#ownChainIds(image);
    const rows = untaggedRows(image);
    const names = image.records.map(({ name }) => name);
    for (const [index, name] of names.entries()) await this.#deleteRecord(name, index === names.length - 1);
    for (const tag of repoTagsOf(image)) this.#events.imageEvent('untag', id, { name: tag });
    this.#events.imageEvent('delete', id, { name: id });
    this.#catalog.invalidate();
    return [...rows, { Deleted: id }, ...layers.map((chainId) => ({ Deleted: chainId }))];
  }

  /** Unused images among `candidates`. */
  async prune(candidates: CatalogImage[]): Promise<{ rows: RemovalRow[]; bytes: number }> {
    const rows: RemovalRow[] = [];
    let bytes = 0;
    for (const image of candidates) {
      if (this.#usage.containersUsing(image.details.id).length > 0) continue;
      const own = new Set(await this.#ownChainIds(image));
      bytes += image.details.chainIds.reduce(
        (sum, chainId, index) => sum + (own.has(chainId) ? (image.details.layerSizes[index] ?? 0) : 0),
        0,
      );
      rows.push(...(await this.removeWhole(image)));
    }
    return { rows, bytes };
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

  /** The layers that go with the image. */
  async #ownChainIds(image: CatalogImage): Promise<string[]> {
    const others = (await this.#catalog.all()).filter((other) => other.details.id !== image.details.id);
    const kept = new Set(others.flatMap((other) => other.details.chainIds));
    return image.details.chainIds.filter((chainId) => !kept.has(chainId)).reverse();
  }
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
