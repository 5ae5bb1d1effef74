// Finds what a COPY or ADD names: files, directories, wildcards, URLs; and makes its cache key of them.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { cleanPath } from '@tscontainer/core/ignore-patterns';
import { hasWildcards, pathPattern } from '@tscontainer/core/path-match';
import { buildFailure } from './build-failure.ts';
import type { CopyOrigin } from './copy-origin.ts';

export interface CopySource {
  /** The directory of the host that it lies in; asked for when it is copied. */
  open(): Promise<string>;
  /** As written: its last word names the copy. */
  path: string;
  /** Links followed. */
  resolved: string;
  isDirectory: boolean;
  hash: string;
  /** Came over HTTP: it is not unpacked. */
  isRemote: boolean;
}

/** Undefined: nothing can be taken from there (a Dockerfile without a context). Rejects invalid-argument. */
export async function findSources(origin: CopyOrigin | undefined, written: string): Promise<CopySource[]> {
  if (origin === undefined) throw buildFailure('missing build context');
  const path = written.replace(/^\//, '').replace(/^\.\//, '');
  if (!hasWildcards(path)) return [await sourceAt(origin, path)];
  const pattern = wildcardPattern(path);
  const found: CopySource[] = [];
  for await (const { relative } of origin.walk(''))
    if (pattern.test(relative)) found.push(await sourceAt(origin, relative));
  return found;
}

/** A pattern that is none matches nothing, as docker has it. */
function wildcardPattern(path: string): RegExp {
  try {
    return pathPattern(path);
  } catch {
    return /$^/;
  }
}

async function sourceAt(origin: CopyOrigin, path: string): Promise<CopySource> {
  if (/^\.\.(\/|$)/.test(cleanPath(path))) throw buildFailure(`forbidden path outside the build context: ${path} ()`);
  const resolved = await origin.resolve(cleanPath(`/${path}`));
  const kind = await origin.kindOf(resolved);
  if (kind === undefined) {
    const missing = `stat ${path}: file does not exist`;
    throw buildFailure(
      origin.isContext ? `file not found in build context or excluded by .dockerignore: ${missing}` : missing,
    );
  }
  const source = { open: () => origin.open(), path, resolved, isRemote: false };
  if (kind === 'file') return { ...source, isDirectory: false, hash: `file:${await origin.fileSum(resolved)}` };
  const sums = await origin.directorySums(resolved);
  return { ...source, isDirectory: true, hash: joinedHash('dir', sums.sort()) };
}

/** One source is its own key. */
export function keyOf(sources: readonly CopySource[]): string {
  const [only] = sources;
  if (only !== undefined && sources.length === 1) return only.hash;
  return joinedHash(
    'multi',
    sources.map(({ hash }) => hash),
  );
}

function joinedHash(prefix: string, sums: readonly string[]): string {
  return `${prefix}:${createHash('sha256').update(sums.join(',')).digest('hex')}`;
}

export async function hostPathOf(source: CopySource): Promise<string> {
  return join(await source.open(), source.resolved);
}
