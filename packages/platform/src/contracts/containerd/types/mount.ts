// Types of protos/containerd/types/mount.proto, written by scripts/generate-contracts.ts.
import type { Timestamp } from '../../google/protobuf/well-known.ts';

/** One mount(2) to be made; options are those of fstab, target is relative to the root file system. */
export interface Mount {
  type: string;
  source: string;
  target: string;
  options: string[];
}

/** A mount that the daemon has made on behalf of a client. */
export interface ActiveMount {
  mount: Mount | null;
  mountedAt: Timestamp | null;
  mountPoint: string;
  data: Record<string, string>;
}

/** A named set of mounts: those that are active and those that are left for the caller. */
export interface ActivationInfo {
  name: string;
  active: ActiveMount[];
  system: Mount[];
  labels: Record<string, string>;
}
