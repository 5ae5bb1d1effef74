// Types of protos/containerd/services/diff/v1/diff.proto, written by scripts/generate-contracts.ts.
import type { Any, Timestamp } from '../../../../google/protobuf/well-known.ts';
import type { Unary } from '../../../../message-forms.ts';
import type { Descriptor } from '../../../types/descriptor.ts';
import type { Mount } from '../../../types/mount.ts';

/** Turns layer blobs into files and differences between files into layer blobs. */
export interface Diff {
  Apply: Unary<ApplyRequest, ApplyResponse>;
  Diff: Unary<DiffRequest, DiffResponse>;
}

/** The layer to unpack and where; payloads belong to stream processors. */
export interface ApplyRequest {
  diff: Descriptor | null;
  mounts: Mount[];
  payloads: Record<string, Any>;
  syncFs: boolean;
}

/** The uncompressed layer that was applied; its digest is the diff id. */
export interface ApplyResponse {
  applied: Descriptor | null;
}

/** The two trees to compare, and the kind and ref of the blob to write; the epoch caps file times. */
export interface DiffRequest {
  left: Mount[];
  right: Mount[];
  mediaType: string;
  ref: string;
  labels: Record<string, string>;
  sourceDateEpoch: Timestamp | null;
}

/** The layer that leads from left to right. */
export interface DiffResponse {
  diff: Descriptor | null;
}
