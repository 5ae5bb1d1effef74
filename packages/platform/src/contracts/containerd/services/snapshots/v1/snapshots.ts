// Types of protos/containerd/services/snapshots/v1/snapshots.proto, written by scripts/generate-contracts.ts.
import type { Empty, FieldMask, Timestamp } from '../../../../google/protobuf/well-known.ts';
import type { ServerStream, Unary } from '../../../../message-forms.ts';
import type { Mount } from '../../../types/mount.ts';

/** Reaches every snapshotter by its name: a key is prepared, written to through its mounts, and committed as a name. */
export interface Snapshots {
  Prepare: Unary<PrepareSnapshotRequest, PrepareSnapshotResponse>;
  View: Unary<ViewSnapshotRequest, ViewSnapshotResponse>;
  Mounts: Unary<MountsRequest, MountsResponse>;
  Commit: Unary<CommitSnapshotRequest, Empty>;
  Remove: Unary<RemoveSnapshotRequest, Empty>;
  Stat: Unary<StatSnapshotRequest, StatSnapshotResponse>;
  Update: Unary<UpdateSnapshotRequest, UpdateSnapshotResponse>;
  List: ServerStream<ListSnapshotsRequest, ListSnapshotsResponse>;
  Usage: Unary<UsageRequest, UsageResponse>;
  Cleanup: Unary<CleanupRequest, Empty>;
}

/** A writable snapshot to make above a committed parent; no parent means an empty tree. */
export interface PrepareSnapshotRequest {
  snapshotter: string;
  key: string;
  parent: string;
  labels: Record<string, string>;
}

/** How to mount the snapshot for writing. */
export interface PrepareSnapshotResponse {
  mounts: Mount[];
}

/** A read-only snapshot to make of a committed parent. */
export interface ViewSnapshotRequest {
  snapshotter: string;
  key: string;
  parent: string;
  labels: Record<string, string>;
}

/** How to mount the view. */
export interface ViewSnapshotResponse {
  mounts: Mount[];
}

/** Asks how to mount an active snapshot or a view. */
export interface MountsRequest {
  snapshotter: string;
  key: string;
}

/** How to mount the snapshot that was asked for. */
export interface MountsResponse {
  mounts: Mount[];
}

/** Names the snapshot to remove, which must have no children. */
export interface RemoveSnapshotRequest {
  snapshotter: string;
  key: string;
}

/** The active snapshot `key` to freeze as `name`; parent, if given, places it above another one. */
export interface CommitSnapshotRequest {
  snapshotter: string;
  name: string;
  key: string;
  labels: Record<string, string>;
  parent: string;
}

/** Asks about one snapshot. */
export interface StatSnapshotRequest {
  snapshotter: string;
  key: string;
}

/** Whether a snapshot is read-only, writable or frozen. */
export type Kind = 'UNKNOWN' | 'VIEW' | 'ACTIVE' | 'COMMITTED';

/** What is known of a snapshot; name is its key or its committed name. */
export interface Info {
  name: string;
  parent: string;
  kind: Kind;
  createdAt: Timestamp | null;
  updatedAt: Timestamp | null;
  labels: Record<string, string>;
}

/** What is known of the snapshot that was asked for. */
export interface StatSnapshotResponse {
  info: Info | null;
}

/** Changes to a snapshot's labels; the mask takes "labels" and "labels.<key>". */
export interface UpdateSnapshotRequest {
  snapshotter: string;
  info: Info | null;
  updateMask: FieldMask | null;
}

/** The snapshot's record as it is now. */
export interface UpdateSnapshotResponse {
  info: Info | null;
}

/** Asks for the snapshots that any of the filters matches. */
export interface ListSnapshotsRequest {
  snapshotter: string;
  filters: string[];
}

/** A page of matching snapshots. */
export interface ListSnapshotsResponse {
  info: Info[];
}

/** Asks how much room a snapshot takes beyond its parent. */
export interface UsageRequest {
  snapshotter: string;
  key: string;
}

/** The room that a snapshot takes, in bytes and inodes. */
export interface UsageResponse {
  size: number;
  inodes: number;
}

/** Asks a snapshotter to free what removed snapshots left behind. */
export interface CleanupRequest {
  snapshotter: string;
}
