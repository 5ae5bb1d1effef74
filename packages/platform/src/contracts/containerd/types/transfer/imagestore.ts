// Types of protos/containerd/types/transfer/imagestore.proto, written by scripts/generate-contracts.ts.
import type { Platform } from '../platform.ts';

/** An image in the store: which platforms to keep, how to name what an archive holds, and what to unpack. */
export interface ImageStore {
  name: string;
  labels: Record<string, string>;
  platforms: Platform[];
  allMetadata: boolean;
  manifestLimit: number;
  extraReferences: ImageReference[];
  unpacks: UnpackConfiguration[];
}

/** A platform to unpack and the snapshotter to unpack it into. */
export interface UnpackConfiguration {
  platform: Platform | null;
  snapshotter: string;
}

/** A name, or with is_prefix the beginning of names, to find images by or to give them. */
export interface ImageReference {
  name: string;
  isPrefix: boolean;
  allowOverwrite: boolean;
  addDigest: boolean;
  skipNamedDigest: boolean;
}
