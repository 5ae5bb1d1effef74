// Types of protos/containerd/events/snapshot.proto, written by scripts/generate-contracts.ts.

/** snapshot/prepare: a snapshot can be mounted. */
export interface SnapshotPrepare {
  key: string;
  parent: string;
  snapshotter: string;
}

/** snapshot/commit: the snapshot `key` is frozen as `name`. */
export interface SnapshotCommit {
  key: string;
  name: string;
  snapshotter: string;
}

/** snapshot/remove: a snapshot is gone. */
export interface SnapshotRemove {
  key: string;
  snapshotter: string;
}
