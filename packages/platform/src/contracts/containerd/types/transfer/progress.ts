// Types of protos/containerd/types/transfer/progress.proto, written by scripts/generate-contracts.ts.
import type { Descriptor } from '../descriptor.ts';

/** How far one part of a transfer is, in bytes; total 0 means unknown. */
export interface Progress {
  event: string;
  name: string;
  parents: string[];
  progress: number;
  total: number;
  desc: Descriptor | null;
}
