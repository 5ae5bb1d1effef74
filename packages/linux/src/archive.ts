// Layers between tar streams and directories, read and written off the event loop by the addon.
//
// Every path is resolved as if the target were the root directory (openat2 RESOLVE_IN_ROOT): `/a` and `b/../a` are a's
// own places, a parent that is a symbolic link is followed inside the target only, as containerd does. A hostile archive
// is refused whole: a name or a hard link's target that climbs above the root (`../x`), a parent that is no directory.
import type { Buffer } from 'node:buffer';
import { native } from './native.ts';

export interface ApplyLayerRequest {
  /** Path of the blob file: tar, tar+gzip or tar+zstd, told apart by its first bytes. */
  blob: string;
  /** Directory the layer is applied to. Absent with `image`. */
  target?: string;
  /** EROFS image to make of the layer, whiteouts as overlayfs has them. It must not exist; a refused layer leaves none. */
  image?: string;
  /**
   * How whiteouts are written: overlayfs (char device 0:0, trusted.overlay.opaque; user.overlay.opaque where it is
   * mounted with `userxattr`) or by deleting below target.
   */
  whiteouts: 'overlay' | 'user-overlay' | 'delete';
  /** Bounds the uncompressed stream, and so what is written: a bomb ends as resource-exhausted; 0 is no bound. */
  maxBytes: number;
  /**
   * Directories of the layers below, the nearest first: a directory that the archive implies without naming it gets
   * owner and mode of its counterpart there. Default: none, such a directory is root's with mode 0755.
   */
  parents?: string[];
  /** The layers below are not there yet: `takeAfterParents` has to follow with what is answered. Default false. */
  isDetached?: boolean;
  /** Flushes the file system to disk before resolving (one syncfs(2)). Default false. */
  sync?: boolean;
}

export interface AppliedLayer {
  /** `sha256:...` of the uncompressed tar stream. */
  diffId: string;
  /** Bytes of the uncompressed tar stream. */
  size: number;
  entries: number;
  /** Of a detached layer, for takeAfterParents; else empty. */
  implied: Buffer;
}

/**
 * Applies one layer. Rejects with invalid-argument, reason `bad-archive` (the message names the entry), or with
 * resource-exhausted: the disk is full (details.path says where), or maxBytes is reached. What was written till then
 * stays: the caller removes `target`.
 */
export function applyLayer(request: ApplyLayerRequest): Promise<AppliedLayer> {
  return native().applyLayer(request);
}

export interface TakeAfterParentsRequest {
  /** Directory that a detached layer was applied to, or the image that was made of it. */
  target?: string;
  image?: string;
  /** Directories of the layers below, the nearest first. */
  parents: string[];
  implied: Buffer;
}

/** Gives the directories that a detached layer implies owner and mode of their counterparts below. */
export function takeAfterParents(request: TakeAfterParentsRequest): Promise<void> {
  return native().takeAfterParents(request);
}

export interface WriteImageRequest {
  /** Directory, such as an overlay's upper one. */
  source: string;
  /** Path of the EROFS image to make. */
  image: string;
  /** The overlay is mounted with `userxattr`. */
  isUserOverlay: boolean;
  /** Waits until the image is on disk. */
  sync: boolean;
}

/** Makes a directory with its whiteouts an EROFS image. Rejects already-exists for `image`; on an error none is left. */
export function writeImage(request: WriteImageRequest): Promise<void> {
  return native().writeImage(request);
}

export interface WriteTreeRequest {
  /** Directory whose tree is written. */
  source: string;
  /** Path of the tar file to make. */
  archive: string;
  /** Names left out, with all below them. Default: none. */
  excluded?: string[];
  /** Turn overlayfs whiteouts found in `source` into OCI whiteouts (.wh.). */
  overlayWhiteouts: boolean;
  /** The overlay is mounted with `userxattr`: its attributes are user.overlay.*. Default false. */
  isUserOverlay?: boolean;
  compression: 'none' | 'gzip' | 'zstd';
  /** Default: owners are written as they are. */
  ids?: IdRange | undefined;
}

export interface WrittenArchive {
  /** `sha256:...` of the tar stream, uncompressed. */
  diffId: string;
  /** `sha256:...` of the file as written; equals diffId without compression. */
  digest: string;
  /** Bytes of the file as written. */
  size: number;
}

/** Writes a directory tree as a layer, entries in byte order of their names. Rejects already-exists for `archive`. */
export function writeTree(request: WriteTreeRequest): Promise<WrittenArchive> {
  const { ids, ...rest } = request;
  return native().writeTree({ ...rest, firstId: ids?.first ?? 0, idCount: ids?.count ?? 0 });
}

/** Owners of a container with a user namespace: 0 to count-1 inside are first to first+count-1 on disk. */
export interface IdRange {
  first: number;
  count: number;
}

export interface PackTreeRequest {
  root: string;
  /** Clean path below root, resolved inside it, the last component not followed; '' is root itself. */
  path: string;
  /** What that place is called in the archive; '' leaves it out and puts its children at the top. */
  name: string;
  /** A FIFO that is open for reading: the tar goes there, uncompressed. */
  pipe: string;
  ids: IdRange | undefined;
}

/**
 * Writes a place of a tree as a tar, on a thread of its own: it may wait for a slow reader. What vanishes meanwhile is
 * left out. Rejects not-found, or EPIPE's failure when the reader goes away.
 */
export function packTree({ ids, ...request }: PackTreeRequest): Promise<void> {
  return native().packTree({ ...request, firstId: ids?.first ?? 0, idCount: ids?.count ?? 0 });
}

export interface ExtractTreeRequest {
  root: string;
  /** Clean path of the directory below root that the entries go to. */
  path: string;
  /** A FIFO that is open for writing, or a file: an uncompressed tar comes from there. */
  pipe: string;
  /** A directory is not replaced by something else, nor the other way round. */
  keepsTypes: boolean;
  /** Whom all belongs to; undefined: as the archive says. */
  owner: { uid: number; gid: number } | undefined;
  ids: IdRange | undefined;
}

/** The reverse, names that look like whiteouts included. Rejects invalid-argument (`bad-archive`), resource-exhausted. */
export function extractTree({ ids, owner, ...request }: ExtractTreeRequest): Promise<void> {
  return native().extractTree({
    ...request,
    hasOwner: owner !== undefined,
    uid: owner?.uid ?? 0,
    gid: owner?.gid ?? 0,
    firstId: ids?.first ?? 0,
    idCount: ids?.count ?? 0,
  });
}
