// Where a pulled or loaded image goes: small interfaces that a local store and a remote containerd both implement.
import type { Digest } from '@tscontainer/core/digest';
import type { Descriptor } from '@tscontainer/core/oci-image';

export type Labels = Record<string, string>;

/** One blob being written. Story: `write` from `offset` on, then `commit` or `close`. */
export interface ContentIngest {
  /** Bytes that an earlier, broken ingest of the same blob left: writing goes on from there. */
  readonly offset: number;
  /** Resolves when more may follow. */
  write(chunk: Buffer): Promise<void>;
  /** Verifies size and digest and makes the blob visible. An equal blob that came meanwhile is success. */
  commit(labels: Labels): Promise<void>;
  /** Ends without commit. `keep`: what was written stays for a later ingest. */
  close(keep: boolean): Promise<void>;
}

export interface ContentSink {
  has(digest: Digest): Promise<boolean>;
  /** A whole small blob. Rejects not-found. */
  read(digest: Digest): Promise<Buffer>;
  /** Rejects already-exists (the blob is then under the lease), unavailable while somebody else writes the same blob. */
  ingest(descriptor: Descriptor): Promise<ContentIngest>;
  /** Adds labels to a blob that is there, keeping the others. */
  addLabels(digest: Digest, labels: Labels): Promise<void>;
}

export interface ImageSink {
  /** Creates the record or points it at the new target. */
  put(name: string, target: Descriptor, labels: Labels): Promise<void>;
}

/** A mount as containerd's snapshotters return it; who applies a layer understands it. */
export interface SnapshotMount {
  type: string;
  source: string;
  target?: string;
  options: string[];
}

export interface SnapshotSink {
  /** The snapshotter's name, part of the label that keeps snapshots from garbage collection. */
  readonly name: string;
  /** True for a committed snapshot, which is then under the caller's lease. */
  has(name: string): Promise<boolean>;
  /** `parent` '' is none. Rejects already-exists. */
  prepare(key: string, parent: string, labels: Labels): Promise<SnapshotMount[]>;
  /** Rejects already-exists. */
  commit(name: string, key: string, labels: Labels): Promise<void>;
  /** Puts what was committed on disk; a sink whose commit has done that already has none. */
  flush?(): Promise<void>;
  remove(key: string): Promise<void>;
  /** Where layers can be unpacked side by side: their snapshots get their parents when they are committed. */
  readonly detached?: DetachedSnapshots;
}

export interface DetachedSnapshots {
  /** Mounts for the layer applier alone: nothing lies below them yet. Rejects already-exists. */
  prepare(key: string): Promise<SnapshotMount[]>;
  /** Over `parent`, which is committed by now; `implied` is the applier's answer. Rejects already-exists. */
  commit(name: string, key: string, parent: string, implied: Uint8Array): Promise<void>;
}

export interface AppliedLayer {
  /** Digest of the uncompressed layer. */
  diffId: Digest;
  /** What a detached layer's commit has to know of it. */
  implied: Uint8Array;
}

export interface LayerApplier {
  apply(layer: Descriptor, mounts: SnapshotMount[]): Promise<AppliedLayer>;
}

/** Everything an image needs of its store. `snapshots` absent: the image is not unpacked. */
export interface ImageSinks {
  content: ContentSink;
  images: ImageSink;
  unpack?: { snapshots: SnapshotSink; applier: LayerApplier };
}
