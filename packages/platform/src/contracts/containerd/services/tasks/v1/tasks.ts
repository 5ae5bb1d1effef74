// Types of protos/containerd/services/tasks/v1/tasks.proto, written by scripts/generate-contracts.ts.
import type { Any, Empty, Timestamp } from '../../../../google/protobuf/well-known.ts';
import type { Unary } from '../../../../message-forms.ts';
import type { Descriptor } from '../../../types/descriptor.ts';
import type { Metric } from '../../../types/metrics.ts';
import type { Mount } from '../../../types/mount.ts';
import type { Process, ProcessInfo } from '../../../v1/types/task.ts';

/** Runs tasks through their shims. An empty exec_id means the task's init process. */
export interface Tasks {
  Create: Unary<CreateTaskRequest, CreateTaskResponse>;
  Start: Unary<StartRequest, StartResponse>;
  Delete: Unary<DeleteTaskRequest, DeleteResponse>;
  DeleteProcess: Unary<DeleteProcessRequest, DeleteResponse>;
  Get: Unary<GetRequest, GetResponse>;
  List: Unary<ListTasksRequest, ListTasksResponse>;
  Kill: Unary<KillRequest, Empty>;
  Exec: Unary<ExecProcessRequest, Empty>;
  ResizePty: Unary<ResizePtyRequest, Empty>;
  CloseIO: Unary<CloseIORequest, Empty>;
  Pause: Unary<PauseTaskRequest, Empty>;
  Resume: Unary<ResumeTaskRequest, Empty>;
  ListPids: Unary<ListPidsRequest, ListPidsResponse>;
  Checkpoint: Unary<CheckpointTaskRequest, CheckpointTaskResponse>;
  Update: Unary<UpdateTaskRequest, Empty>;
  Metrics: Unary<MetricsRequest, MetricsResponse>;
  Wait: Unary<WaitRequest, WaitResponse>;
}

/** A task to create: the mounts of its root, the paths or URIs of its stdio, its runtime options. */
export interface CreateTaskRequest {
  containerId: string;
  rootfs: Mount[];
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
  checkpoint: Descriptor | null;
  options: Any | null;
  runtimePath: string;
  taskApiAddress: string;
  taskApiVersion: number;
}

/** The created task's init pid. */
export interface CreateTaskResponse {
  containerId: string;
  pid: number;
}

/** Names the created process to start. */
export interface StartRequest {
  containerId: string;
  execId: string;
}

/** The started process's pid. */
export interface StartResponse {
  pid: number;
}

/** Names the stopped task to delete. */
export interface DeleteTaskRequest {
  containerId: string;
}

/** How the deleted process had ended. */
export interface DeleteResponse {
  id: string;
  pid: number;
  exitStatus: number;
  exitedAt: Timestamp | null;
}

/** Names the stopped exec to delete. */
export interface DeleteProcessRequest {
  containerId: string;
  execId: string;
}

/** Asks about one process. */
export interface GetRequest {
  containerId: string;
  execId: string;
}

/** The process that was asked for. */
export interface GetResponse {
  process: Process | null;
}

/** Asks for the namespace's tasks. */
export interface ListTasksRequest {
  filter: string;
}

/** The namespace's tasks. */
export interface ListTasksResponse {
  tasks: Process[];
}

/** A signal for one process or, with all, for every process of the task. */
export interface KillRequest {
  containerId: string;
  execId: string;
  signal: number;
  all: boolean;
}

/** A process to add to a task; spec is an OCI process as JSON in an Any. */
export interface ExecProcessRequest {
  containerId: string;
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
  spec: Any | null;
  execId: string;
}

/** Unused: Exec answers Empty. */
export type ExecProcessResponse = Record<string, never>;

/** The new size of a process's terminal, in characters. */
export interface ResizePtyRequest {
  containerId: string;
  execId: string;
  width: number;
  height: number;
}

/** Names the stdio to close; stdin is the only one there is. */
export interface CloseIORequest {
  containerId: string;
  execId: string;
  stdin: boolean;
}

/** Names the task to freeze. */
export interface PauseTaskRequest {
  containerId: string;
}

/** Names the task to thaw. */
export interface ResumeTaskRequest {
  containerId: string;
}

/** Asks for the pids of a task. */
export interface ListPidsRequest {
  containerId: string;
}

/** Every process of the task. */
export interface ListPidsResponse {
  processes: ProcessInfo[];
}

/** A task to checkpoint, and how. */
export interface CheckpointTaskRequest {
  containerId: string;
  parentCheckpoint: string;
  options: Any | null;
}

/** The blobs that make up the checkpoint. */
export interface CheckpointTaskResponse {
  descriptors: Descriptor[];
}

/** A task's new limits: OCI resources as JSON in an Any. */
export interface UpdateTaskRequest {
  containerId: string;
  resources: Any | null;
  annotations: Record<string, string>;
}

/** Asks for the resource use of the tasks that any of the filters matches. */
export interface MetricsRequest {
  filters: string[];
}

/** One reading for each task that matches. */
export interface MetricsResponse {
  metrics: Metric[];
}

/** Names the process whose end to wait for. */
export interface WaitRequest {
  containerId: string;
  execId: string;
}

/** How the process ended. */
export interface WaitResponse {
  exitStatus: number;
  exitedAt: Timestamp | null;
}
