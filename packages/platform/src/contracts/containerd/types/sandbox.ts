// Types of protos/containerd/types/sandbox.proto, written by scripts/generate-contracts.ts.
import type { Any, Timestamp } from '../../google/protobuf/well-known.ts';

/** A sandbox's metadata; sandboxer names the controller that runs it. */
export interface Sandbox {
  sandboxId: string;
  runtime: SandboxRuntime | null;
  spec: Any | null;
  labels: Record<string, string>;
  createdAt: Timestamp | null;
  updatedAt: Timestamp | null;
  extensions: Record<string, Any>;
  sandboxer: string;
}

/** The runtime that carries the sandbox. */
export interface SandboxRuntime {
  name: string;
  options: Any | null;
}
