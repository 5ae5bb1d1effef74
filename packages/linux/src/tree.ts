// Directory trees off the event loop: their size, their removal, their copy, their way to the disk. Paths are absolute; links are not followed.
import { native } from './native.ts';

export interface DiskUsage {
  /** Bytes allocated on disk (st_blocks * 512); a file with several hard links counts once. */
  bytes: number;
  /** Files, directories and links, each inode once, the top directory included. */
  inodes: number;
}

/** Adds up a tree, as du(1) does, staying on its file system. Rejects not-found; what vanishes meanwhile is left out. */
export function diskUsage(path: string): Promise<DiskUsage> {
  return native().diskUsage(path);
}

/**
 * Removes a file or a whole tree by directory fds, never following a symbolic link and never entering a mount point
 * (rejects failed-precondition with its path instead). No error when `path` does not exist.
 */
export function removeTree(path: string): Promise<void> {
  return native().removeTree(path);
}

/** The same for many at once, in one turn of one thread. Never rejects: resolves with what could not be removed, and why. */
export function removeTrees(paths: string[]): Promise<string[]> {
  return native().removeTrees(paths);
}

export interface NewDirectory {
  path: string;
  /** Permissions, less the process's umask. */
  mode: number;
}

/** Makes directories in the order given, in one turn of one thread. Rejects at the first that cannot be made. */
export function makeDirectories(directories: NewDirectory[]): Promise<void> {
  return native().makeDirectories({ directories });
}

/**
 * Copies what is in the directory `source` into the directory `target` (made when missing), keeping owner, mode, times,
 * extended attributes, hard links, symbolic links and devices; `target` itself gets source's owner and mode. Rejects
 * already-exists when an entry other than a directory is in the way.
 */
export function copyTree(source: string, target: string): Promise<void> {
  return native().copyTree(source, target);
}

/** Puts all that was written to the file system of `path` on disk (syncfs). Rejects not-found, internal with the errno. */
export function syncFileSystem(path: string): Promise<void> {
  return native().syncFileSystem(path);
}
