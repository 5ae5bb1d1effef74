// Types of protos/containerd/events/container.proto, written by scripts/generate-contracts.ts.
import type { Any } from '../../google/protobuf/well-known.ts';

/** containers/create: a container was recorded. */
export interface ContainerCreate {
  id: string;
  image: string;
  runtime: ContainerCreateRuntime | null;
}

/** The container's runtime. */
export interface ContainerCreateRuntime {
  name: string;
  options: Any | null;
}

/** containers/update: a container's record changed. */
export interface ContainerUpdate {
  id: string;
  image: string;
  labels: Record<string, string>;
  snapshotKey: string;
}

/** containers/delete: a container's record is gone. */
export interface ContainerDelete {
  id: string;
}
