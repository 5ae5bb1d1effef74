// Where a copy ends up: docker's rules over what is at the target. `cp` uses them in both directions. No I/O.
import { posix } from 'node:path';
import { CommandFailure } from '../cli/failures.ts';

export interface CopySource {
  path: string;
  isDirectory: boolean;
  /** Its last word. */
  name: string;
}

export interface CopyPlace {
  /** Existing directory that the entries go into. */
  directory: string;
  /** What the copied thing is called in it; `.`: its content goes there. */
  name: string;
}

/** `dir/.` asks for what is in the directory. */
export function copiesContent(path: string): boolean {
  return path === '.' || path.endsWith('/.');
}

export function baseName(path: string): string {
  return copiesContent(path) ? posix.basename(posix.normalize(path)) : posix.basename(path);
}

export function parentOf(path: string): string {
  return posix.dirname(path.replace(/(.)\/+$/, '$1'));
}

/** `isParent`: whether the target's parent is a directory. Throws CommandFailure in docker's words. */
export function targetOf(
  source: CopySource,
  target: string,
  kind: 'directory' | 'file' | undefined,
  isParent: (path: string) => boolean,
): CopyPlace {
  if (kind === 'directory') return { directory: target, name: copiesContent(source.path) ? '.' : source.name };
  if (kind === 'file') {
    if (source.isDirectory) throw new CommandFailure('cannot copy directory');
    if (target.endsWith('/')) throw new CommandFailure('not a directory');
    return { directory: parentOf(target), name: posix.basename(target) };
  }
  if (target.endsWith('/') && !source.isDirectory) throw new CommandFailure('no such directory');
  const directory = parentOf(target);
  if (!isParent(directory))
    throw new CommandFailure(`invalid output path: directory ${JSON.stringify(directory)} does not exist`);
  return { directory, name: posix.basename(target.replace(/\/+$/, '')) };
}
