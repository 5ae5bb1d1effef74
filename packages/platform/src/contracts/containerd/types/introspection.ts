// Types of protos/containerd/types/introspection.proto, written by scripts/generate-contracts.ts.
import type { Any } from '../../google/protobuf/well-known.ts';

/** Asks for the runtime at a path, given its options. */
export interface RuntimeRequest {
  runtimePath: string;
  options: Any | null;
}

/** The release of a runtime. */
export interface RuntimeVersion {
  version: string;
  revision: string;
}

/** A runtime's name, release, effective options and OCI features. */
export interface RuntimeInfo {
  name: string;
  version: RuntimeVersion | null;
  options: Any | null;
  features: Any | null;
  annotations: Record<string, string>;
}
