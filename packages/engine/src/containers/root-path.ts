// Paths inside a directory that is a root to somebody: links are followed as that root's owner would.
import { lstatSync, readlinkSync } from 'node:fs';
import { join, posix } from 'node:path';

const maxLinks = 40;

/** `path` with its symbolic links followed as if `root` were the root directory: none leads out. */
export function resolveInRoot(root: string, path: string): string {
  const rest = path.split('/');
  let resolved = '/';
  let links = 0;
  while (rest.length > 0) {
    const part = rest.shift() as string;
    const next = posix.join(resolved, part); // `..` at the top stays there
    const stat = lstatSync(join(root, next), { throwIfNoEntry: false });
    if (stat?.isSymbolicLink() && links++ < maxLinks) {
      const target = readlinkSync(join(root, next));
      rest.unshift(...target.split('/'));
      if (target.startsWith('/')) resolved = '/';
    } else resolved = next;
  }
  return join(root, resolved);
}
