// Types of protos/containerd/services/containers/v1/containers.proto, written by scripts/generate-contracts.ts.
import type { Any, Empty, FieldMask, Timestamp } from '../../../../google/protobuf/well-known.ts';
import type { ServerStream, Unary } from '../../../../message-forms.ts';

/** Keeps the container records of a namespace. */
export interface Containers {
  Get: Unary<GetContainerRequest, GetContainerResponse>;
  List: Unary<ListContainersRequest, ListContainersResponse>;
  ListStream: ServerStream<ListContainersRequest, ListContainerMessage>;
  Create: Unary<CreateContainerRequest, CreateContainerResponse>;
  Update: Unary<UpdateContainerRequest, UpdateContainerResponse>;
  Delete: Unary<DeleteContainerRequest, Empty>;
}

/** A container's record. The id, runtime and creation time never change; snapshot_key names its root file system. */
export interface Container {
  id: string;
  labels: Record<string, string>;
  image: string;
  runtime: ContainerRuntime | null;
  spec: Any | null;
  snapshotter: string;
  snapshotKey: string;
  createdAt: Timestamp | null;
  updatedAt: Timestamp | null;
  extensions: Record<string, Any>;
  sandbox: string;
}

/** The runtime that runs the container's task, such as io.containerd.runc.v2. */
export interface ContainerRuntime {
  name: string;
  options: Any | null;
}

/** Asks for one container. */
export interface GetContainerRequest {
  id: string;
}

/** The container that was asked for. */
export interface GetContainerResponse {
  container: Container | null;
}

/** Asks for the containers that any of the filters matches; no filter means all. */
export interface ListContainersRequest {
  filters: string[];
}

/** The containers that match. */
export interface ListContainersResponse {
  containers: Container[];
}

/** A container to record. */
export interface CreateContainerRequest {
  container: Container | null;
}

/** The container as recorded, with its times. */
export interface CreateContainerResponse {
  container: Container | null;
}

/** Changes to a container; without a mask everything mutable is replaced. */
export interface UpdateContainerRequest {
  container: Container | null;
  updateMask: FieldMask | null;
}

/** The container as it is now. */
export interface UpdateContainerResponse {
  container: Container | null;
}

/** Names the container to forget. */
export interface DeleteContainerRequest {
  id: string;
}

/** One container of a streamed list. */
export interface ListContainerMessage {
  container: Container | null;
}
