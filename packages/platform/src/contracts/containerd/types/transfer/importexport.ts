// Types of protos/containerd/types/transfer/importexport.proto, written by scripts/generate-contracts.ts.
import type { Platform } from '../platform.ts';

/** A tar archive that the client sends on a stream. */
export interface ImageImportStream {
  stream: string;
  mediaType: string;
  forceCompress: boolean;
}

/** A tar archive that the daemon sends on a stream, and what to put into it. */
export interface ImageExportStream {
  stream: string;
  mediaType: string;
  platforms: Platform[];
  allPlatforms: boolean;
  skipCompatibilityManifest: boolean;
  skipNonDistributable: boolean;
}
