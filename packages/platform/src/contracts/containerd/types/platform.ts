// Types of protos/containerd/types/platform.proto, written by scripts/generate-contracts.ts.

/** An OCI platform, such as linux/arm64/v8. */
export interface Platform {
  os: string;
  architecture: string;
  variant: string;
  osVersion: string;
  osFeatures: string[];
}
