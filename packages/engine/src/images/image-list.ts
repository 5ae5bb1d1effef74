// GET /images/json: which images are listed, by docker's filters, the newest first.
import { ContainerError, isNotFound } from '@tscontainer/core/errors';
import type { Filters } from '../http/query.ts';
import {
  type CatalogImage,
  type ImageCatalog,
  isIntermediate,
  parentIdsOf,
  repoDigestsOf,
  repoTagsOf,
} from './image-catalog.ts';
import { noSuchImage } from './image-names.ts';
import { createdSeconds } from './image-views.ts';

export const listFilterNames = ['dangling', 'label', 'reference', 'before', 'since', 'until'] as const;

/** Rejects invalid-argument for a value that makes no sense, not-found for `before` and `since`. */
export async function listImages(
  catalog: ImageCatalog,
  filters: Filters,
  options: { isAll?: boolean } = {},
): Promise<CatalogImage[]> {
  const bounds = { before: await boundOf(catalog, filters, 'before'), since: await boundOf(catalog, filters, 'since') };
  const dangling = filters.bool('dangling');
  const untilSeconds = filters.has('until') ? parseUntil(filters.get('until')[0] ?? '') : undefined;
  const all = await catalog.all();
  const parents = parentIdsOf(all);
  const isWanted = (image: CatalogImage): boolean => {
    const created = createdSeconds(image);
    // what lies between a build's base and its result
    if ((!options.isAll || dangling === true) && isIntermediate(image, parents)) return false;
    if (dangling !== undefined && (repoTagsOf(image).length === 0) !== dangling) return false;
    if (bounds.before !== undefined && created >= bounds.before) return false;
    if (bounds.since !== undefined && created <= bounds.since) return false;
    if (untilSeconds !== undefined && created >= untilSeconds) return false;
    return (
      filters.matchesLabels(image.details.config.config?.Labels) &&
      filters.matches('reference', (pattern) => matchesReference(image, pattern))
    );
  };
  const wanted = all.filter(isWanted).map((image) => withMatchingNames(image, filters));
  return wanted.sort((left, right) => createdSeconds(right) - createdSeconds(left));
}

/** An image that was asked for by reference shows the names that were meant, not its others. */
function withMatchingNames(image: CatalogImage, filters: Filters): CatalogImage {
  if (!filters.has('reference')) return image;
  const isMeant = (record: CatalogImage['records'][number]) =>
    filters.matches('reference', (pattern) => matchesReference({ ...image, records: [record] }, pattern));
  return { ...image, records: image.records.filter(isMeant) };
}

async function boundOf(catalog: ImageCatalog, filters: Filters, name: 'before' | 'since'): Promise<number | undefined> {
  const [text] = filters.get(name);
  if (text === undefined) return undefined;
  try {
    return createdSeconds(await catalog.find(text));
  } catch (error) {
    if (isNotFound(error)) throw noSuchImage(text);
    throw error;
  }
}

/** A Go duration before now, a Unix time, or a date. */
export function parseUntil(text: string, nowMs = Date.now()): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  const units: Record<string, number> = { h: 3600, m: 60, s: 1, ms: 0.001 };
  if (/^(?:\d+(?:\.\d+)?(?:h|ms|m|s))+$/.test(text)) {
    const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)];
    return (
      nowMs / 1000 - parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (units[unit as string] ?? 0), 0)
    );
  }
  const milliseconds = Date.parse(text);
  if (Number.isNaN(milliseconds)) throw new ContainerError('invalid-argument', `invalid filter 'until=${text}'`);
  return milliseconds / 1000;
}

/** Go's path.Match over `name:tag`, `name`, and the same of the last path part's whole name, as docker tries them. */
function matchesReference(image: CatalogImage, pattern: string): boolean {
  const expression = globPattern(pattern);
  const names = [...repoTagsOf(image), ...repoDigestsOf(image)];
  return names.some((name) => expression.test(name) || expression.test(name.replace(/(?::[^/:]*|@.*)$/, '')));
}

/** `*` and `?` stop at slashes. */
function globPattern(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  try {
    return new RegExp(`^${source}$`);
  } catch (error) {
    throw new ContainerError('invalid-argument', `invalid filter 'reference=${pattern}': syntax error in pattern`, {
      cause: error,
    });
  }
}
