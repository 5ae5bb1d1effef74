// Where a pushed or saved image comes from: a small interface that a local store and a remote containerd both implement.
import type { Digest } from '@tscontainer/core/digest';
import type { Labels } from './image-sinks.ts';

export interface StoredBlob {
  /** Bytes. */
  size: number;
  labels: Labels;
}

export interface ContentSource {
  /** Resolves undefined when the blob is not there. */
  info(digest: Digest): Promise<StoredBlob | undefined>;
  /** A whole small blob: a manifest, a config. Rejects not-found. */
  read(digest: Digest): Promise<Buffer>;
  /** The blob's bytes from `offset` on, in pieces of a size fit for a socket. */
  stream(digest: Digest, offset: number): AsyncIterable<Buffer>;
  /** Adds labels to a blob that is there, keeping the others. */
  addLabels(digest: Digest, labels: Labels): Promise<void>;
}
