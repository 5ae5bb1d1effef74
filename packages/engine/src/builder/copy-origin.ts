// Where COPY and ADD take files from, with the sums that their cache key is made of: the build context, or an image.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { lookUpInRoot } from '@tscontainer/linux/mounts';
import { isDirectory, resolveInRoot } from '../container-files/root-location.ts';
import { packedStream } from '../container-files/tree-streams.ts';
import type { EngineContext } from '../containers/engine-context.ts';
import type { BuildContext } from './build-context.ts';
import { sumsOf } from './tar-sums.ts';

export interface CopyOrigin {
  isContext: boolean;
  /** With links followed, inside. */
  resolve(path: string): Promise<string>;
  /** Of a resolved path; undefined when nothing is there. */
  kindOf(resolved: string): Promise<'file' | 'directory' | undefined>;
  walk(resolved: string): AsyncIterable<TreeEntry>;
  fileSum(resolved: string): Promise<string>;
  /** One per file and directory in it. */
  directorySums(resolved: string): Promise<string[]>;
  /** The directory of the host that resolved paths lie in. */
  open(): Promise<string>;
}

/** Sums of images' files that are remembered: an image never changes. */
const maxKnownSums = 2048;
const knownSums = new Map<string, string[]>();

export function contextOrigin(context: BuildContext): CopyOrigin {
  const { sums } = context;
  const sumOf = (path: string) => sums.get(path) ?? path;
  return {
    isContext: true,
    resolve: (path) => context.resolve(path),
    kindOf: (path) => context.kindOf(path),
    walk: (path) => context.walk(path),
    fileSum: async (path) => sumOf(path),
    directorySums: async (path) => {
      const found: string[] = path === '' ? [] : [sumOf(path)];
      for await (const { relative, isLink } of context.walk(path)) {
        const target = isLink ? await context.resolve(relative).catch(() => relative) : relative;
        // a link counts as what it leads to; one that leads nowhere as itself
        found.push(sums.get(target) ?? sumOf(relative));
      }
      return found;
    },
    open: () => context.root(),
  };
}

/** `root`: the image's filesystem, mounted. `imageId` '' is `scratch`. */
export function imageOrigin(context: EngineContext, root: string, imageId: string): CopyOrigin {
  const sumsAt = async (path: string) => {
    const key = `${imageId} ${path}`;
    const known = knownSums.get(key);
    if (known !== undefined) return known;
    const request = { root, path, name: path, ids: undefined };
    const archive = packedStream(context.paths.temporary, request, async () => undefined, context.log);
    const sums = [...(await sumsOf(archive, { hasTypeBits: true })).values()];
    if (knownSums.size >= maxKnownSums) knownSums.delete(knownSums.keys().next().value as string);
    knownSums.set(key, sums);
    return sums;
  };
  return {
    isContext: false,
    resolve: (path) => resolveInRoot(root, path),
    kindOf: async (path) => {
      const place = await lookUpInRoot(root, path);
      return place === null ? undefined : isDirectory(place) ? 'directory' : 'file';
    },
    walk: (path) => walkTree(root, path),
    open: async () => root,
    fileSum: async (path) => (await sumsAt(path))[0] ?? path,
    directorySums: sumsAt,
  };
}

export interface TreeEntry {
  relative: string;
  isLink: boolean;
}

/** What is below a directory, in order of names, a directory before what is in it; links are not followed. */
export async function* walkTree(root: string, path: string): AsyncGenerator<TreeEntry> {
  const entries = await readdir(join(root, path), { withFileTypes: true });
  for (const entry of entries.sort((left, right) => (left.name < right.name ? -1 : 1))) {
    const relative = path === '' ? entry.name : `${path}/${entry.name}`;
    yield { relative, isLink: entry.isSymbolicLink() };
    if (entry.isDirectory()) yield* walkTree(root, relative);
  }
}
