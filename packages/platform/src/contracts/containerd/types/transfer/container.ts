// Types of protos/containerd/types/transfer/container.proto, written by scripts/generate-contracts.ts.

/** A path in a container; no_walk gives a directory's own entry alone, preserve_ownership keeps the archive's owners. */
export interface ContainerPath {
  containerId: string;
  path: string;
  noWalk: boolean;
  preserveOwnership: boolean;
}
