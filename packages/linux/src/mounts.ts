// Mounts by system call: what a snapshotter's answer needs to become a directory, and its undoing.
import { native } from './native.ts';

/** One mount as containerd.types.Mount says it: options are mount(8) words or the file system's own. */
export interface Mount {
  type: string;
  source: string;
  options: string[];
}

/** Mounts each in order at `target` (the later over the earlier). On an error what was mounted is undone. */
export function mountAll(mounts: Mount[], target: string): Promise<void> {
  return native().mountAll(mounts, target);
}

/** A range of ids: `disk` to `disk + count - 1` on the disk are shown as `shown` and those after it. */
export interface IdMapping {
  disk: number;
  shown: number;
  count: number;
}

/** Mounts the directory `source` at `target` with its owners mapped (Linux 5.12). Rejects with the kernel's errno. */
export function mountIdMapped(source: string, target: string, uids: IdMapping[], gids: IdMapping[]): Promise<void> {
  const text = (mappings: IdMapping[]) =>
    mappings.map(({ disk, shown, count }) => `${disk} ${shown} ${count}\n`).join('');
  return native().mountIdMapped(source, target, text(uids), text(gids));
}

/** Whether the kernel can do so for that directory's file system. */
export function canMapIds(directory: string): boolean {
  return native().canMapIds(directory);
}

/** Unmounts every mount at `target` (MNT_DETACH); no error when nothing is mounted there. */
export function unmountAll(target: string): Promise<void> {
  return native().unmountAll(target);
}

/** Mount points at or below the absolute `path` in this mount namespace, in the order they were mounted. */
export function listMountsBelow(path: string): Promise<string[]> {
  return native().listMountsBelow(path);
}

/** Unmounts (MNT_DETACH) everything at or below `path`, the latest first, and returns what it unmounted. */
export function unmountBelow(path: string): Promise<string[]> {
  return native().unmountBelow(path);
}

/**
 * Reads small files of a root filesystem without mounting it anywhere: a detached mount, opened beneath its root.
 * One text per path, null where there is no such regular file; at most `maxBytes` of each.
 */
export function readFilesFromMounts(mounts: Mount[], paths: string[], maxBytes: number): Promise<(string | null)[]> {
  return native().readFilesFromMounts(mounts, paths, maxBytes);
}

/** The same below an existing root directory (`/proc/PID/root`), symbolic links resolved inside it (RESOLVE_IN_ROOT). */
export function readFilesInRoot(root: string, paths: string[], maxBytes: number): Promise<(string | null)[]> {
  return native().readFilesInRoot(root, paths, maxBytes);
}

/** One place of a root filesystem as lstat(2) sees it. */
export interface RootPlace {
  /** st_mode: type and permissions. */
  mode: number;
  size: number;
  modifiedSeconds: number;
  modifiedNanoseconds: number;
  /** Text of a symbolic link; else ''. */
  link: string;
}

/** Null when nothing is there. The parents of the last component are resolved inside root, the last is not followed. */
export function lookUpInRoot(root: string, path: string): Promise<RootPlace | null> {
  return native().lookUpInRoot(root, path);
}

/**
 * Mounts what lies at `path` beneath `root` at `target`, which must not exist: it is made as a directory or a file, as the
 * source is. No symbolic link leads out of root (EXDEV). Mounts below the source come along.
 */
export function bindBeneath(root: string, path: string, target: string): Promise<void> {
  return native().bindBeneath(root, path, target);
}
