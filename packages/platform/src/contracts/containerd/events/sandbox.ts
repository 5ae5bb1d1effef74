// Types of protos/containerd/events/sandbox.proto, written by scripts/generate-contracts.ts.
import type { Timestamp } from '../../google/protobuf/well-known.ts';

/** sandboxes/create: a sandbox was made. */
export interface SandboxCreate {
  sandboxId: string;
}

/** sandboxes/start: a sandbox runs. */
export interface SandboxStart {
  sandboxId: string;
}

/** sandboxes/exit: a sandbox ended. */
export interface SandboxExit {
  sandboxId: string;
  exitStatus: number;
  exitedAt: Timestamp | null;
}
