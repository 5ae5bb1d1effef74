// Types of protos/containerd/runc/v1/options.proto, written by scripts/generate-contracts.ts.

/** Runtime options of a container or a task. */
export interface Options {
  noPivotRoot: boolean;
  noNewKeyring: boolean;
  shimCgroup: string;
  ioUid: number;
  ioGid: number;
  binaryName: string;
  root: string;
  systemdCgroup: boolean;
  criuImagePath: string;
  criuWorkPath: string;
  taskApiAddress: string;
  taskApiVersion: number;
}

/** How to take a checkpoint; exit stops the task afterwards. */
export interface CheckpointOptions {
  exit: boolean;
  openTcp: boolean;
  externalUnixSockets: boolean;
  terminal: boolean;
  fileLocks: boolean;
  emptyNamespaces: string[];
  cgroupsMode: string;
  imagePath: string;
  workPath: string;
  parentPath: string;
}

/** Tells which exec a pid belongs to. */
export interface ProcessDetails {
  execId: string;
}
