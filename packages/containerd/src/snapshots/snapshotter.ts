// What a snapshotter does: layered file systems by key. Called by the Snapshots service, by transfer and by diff.
//
// Story of a snapshot: `prepare` makes an active one (writable) over a committed parent; `commit` turns it into a
// committed one under a new name; `view` makes a read-only one; `remove` ends any that has no children. Mounts are data:
// the caller mounts them, and has unmounted them before `commit` or `remove`.
import type { Mount } from '@tscontainer/linux/mounts';
import type { FieldReader } from '../filters/filter.ts';
import type { Labels } from '../metadata/labels.ts';
import type { Scope } from '../metadata/scope.ts';
import type { Timestamp } from '../metadata/timestamp.ts';

export type SnapshotKind = 'VIEW' | 'ACTIVE' | 'COMMITTED';

/** containerd.services.snapshots.v1.Info. */
export interface SnapshotInfo {
  name: string;
  /** Name of the parent, or ''. */
  parent: string;
  kind: SnapshotKind;
  createdAt: Timestamp;
  updatedAt: Timestamp;
  labels: Labels;
}

export interface SnapshotUsage {
  /** Bytes on disk of this layer alone. */
  size: number;
  inodes: number;
}

/** A label that Prepare may carry: the committed name it is meant for; already-exists when that is there. */
export const targetLabel = 'containerd.io/snapshot.ref';

/** Snapshots that get their parents when they are committed: layers of one image can be unpacked side by side. */
export interface DetachedSnapshots {
  /** An active snapshot for one layer. Its mounts are for the layer applier: what they stand on is not known yet. */
  prepare(scope: Scope, key: string): Promise<Mount[]>;
  /** As commitUnflushed, over the committed `parent` ('' is none); `implied`: what the applier said of the layer. */
  commit(scope: Scope, name: string, key: string, parent: string, implied: Uint8Array): Promise<void>;
}

export interface Snapshotter {
  readonly name: string;
  /** Absent where a layer's files depend on those below. */
  readonly detached?: DetachedSnapshots;
  /** Throws not-found. */
  stat(namespace: string, key: string): SnapshotInfo;
  list(namespace: string, filters?: string[]): SnapshotInfo[];
  /** Throws already-exists, not-found (the parent), failed-precondition (the parent is not committed). */
  prepare(scope: Scope, key: string, parent: string, labels?: Labels): Promise<Mount[]>;
  /** As prepare, read-only. */
  view(scope: Scope, key: string, parent: string, labels?: Labels): Promise<Mount[]>;
  /** Of an active snapshot or a view. Rejects not-found, failed-precondition (it is committed). */
  mounts(namespace: string, key: string): Promise<Mount[]>;
  /**
   * `key` (active) becomes `name` (committed), its files on disk when it resolves. Throws not-found, already-exists,
   * failed-precondition.
   */
  commit(scope: Scope, name: string, key: string, labels?: Labels): Promise<void>;
  /** As commit, but the files are on disk only after `flush`: a power loss before it takes the snapshot away. */
  commitUnflushed(scope: Scope, name: string, key: string, labels?: Labels): Promise<void>;
  /** Puts the files of all that was committed so far on disk. */
  flush(): Promise<void>;
  /** Throws not-found, failed-precondition while it has children. The files go later. */
  remove(scope: Scope, key: string): Promise<void>;
  /** Changes labels: all, or those that the mask names. */
  update(scope: Scope, key: string, labels: Labels, maskPaths?: string[]): Promise<SnapshotInfo>;
  usage(namespace: string, key: string): Promise<SnapshotUsage>;
  /** Waits until the files of all removed snapshots are gone. */
  cleanup(): Promise<void>;
}

export function readSnapshot(info: SnapshotInfo): FieldReader {
  return ([field, ...rest]) => {
    if (field === 'labels') return info.labels[rest.join('.')];
    if (field === 'name') return info.name;
    if (field === 'parent') return info.parent;
    return field === 'kind' ? info.kind.toLowerCase() : undefined;
  };
}
