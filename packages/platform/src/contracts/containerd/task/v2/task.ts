// Types of protos/containerd/task/v2/task.proto, written by scripts/generate-contracts.ts.
import type { Any, Empty, Timestamp } from '../../../google/protobuf/well-known.ts';
import type { Unary } from '../../../message-forms.ts';
import type { Mount } from '../../types/mount.ts';
import type { ProcessInfo, Status } from '../../v1/types/task.ts';

/** Runs the tasks of one shim. id is the container's; an empty exec_id means its init process. */
export interface Task {
  State: Unary<StateRequest, StateResponse>;
  Create: Unary<CreateTaskRequest, CreateTaskResponse>;
  Start: Unary<StartRequest, StartResponse>;
  Delete: Unary<DeleteRequest, DeleteResponse>;
  Pids: Unary<PidsRequest, PidsResponse>;
  Pause: Unary<PauseRequest, Empty>;
  Resume: Unary<ResumeRequest, Empty>;
  Checkpoint: Unary<CheckpointTaskRequest, Empty>;
  Kill: Unary<KillRequest, Empty>;
  Exec: Unary<ExecProcessRequest, Empty>;
  ResizePty: Unary<ResizePtyRequest, Empty>;
  CloseIO: Unary<CloseIORequest, Empty>;
  Update: Unary<UpdateTaskRequest, Empty>;
  Wait: Unary<WaitRequest, WaitResponse>;
  Stats: Unary<StatsRequest, StatsResponse>;
  Connect: Unary<ConnectRequest, ConnectResponse>;
  Shutdown: Unary<ShutdownRequest, Empty>;
}

/** A task to create from a bundle directory, with the mounts of its root and the paths or URIs of its stdio. */
export interface CreateTaskRequest {
  id: string;
  bundle: string;
  rootfs: Mount[];
  terminal: boolean;
  stdin: string;
  stdout: string;
  stderr: string;
  checkpoint: string;
  parentCheckpoint: string;
  options: Any | null;
}

/** The created init process's pid. */
export interface CreateTaskResponse {
  pid: number;
}

/** Names the stopped process to delete. */
export interface DeleteRequest {
  id: string;
  execId: string;
}

/** How the deleted process had ended; the shim's delete command prints this too. */
export interface DeleteResponse {
  pid: number;
  exitStatus: number;
  exitedAt: Timestamp | null;
}

/** A process to add to a task; spec is an OCI process as JSON in an Any. */
export interface ExecProcessRequest {
  id: string;
  execId: string;
  terminal: boolean;
  stdin: string;
  stdout: string;
  stderr: string;
  spec: Any | null;
}

/** Unused: Exec answers Empty. */
export type ExecProcessResponse = Record<string, never>;

/** The new size of a process's terminal, in characters. */
export interface ResizePtyRequest {
  id: string;
  execId: string;
  width: number;
  height: number;
}

/** Asks about one process. */
export interface StateRequest {
  id: string;
  execId: string;
}

/** Where the process stands. */
export interface StateResponse {
  id: string;
  bundle: string;
  pid: number;
  status: Status;
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
  exitStatus: number;
  exitedAt: Timestamp | null;
  execId: string;
}

/** A signal for one process or, with all, for every process of the task. */
export interface KillRequest {
  id: string;
  execId: string;
  signal: number;
  all: boolean;
}

/** Names the stdio to close; stdin is the only one there is. */
export interface CloseIORequest {
  id: string;
  execId: string;
  stdin: boolean;
}

/** Asks for the pids of a task. */
export interface PidsRequest {
  id: string;
}

/** Every process of the task. */
export interface PidsResponse {
  processes: ProcessInfo[];
}

/** A task to checkpoint into a directory; options are containerd.runc.v1.CheckpointOptions. */
export interface CheckpointTaskRequest {
  id: string;
  path: string;
  options: Any | null;
}

/** A task's new limits: OCI resources as JSON in an Any. */
export interface UpdateTaskRequest {
  id: string;
  resources: Any | null;
  annotations: Record<string, string>;
}

/** Names the created process to start. */
export interface StartRequest {
  id: string;
  execId: string;
}

/** The started process's pid. */
export interface StartResponse {
  pid: number;
}

/** Names the process whose end to wait for. */
export interface WaitRequest {
  id: string;
  execId: string;
}

/** How the process ended. */
export interface WaitResponse {
  exitStatus: number;
  exitedAt: Timestamp | null;
}

/** Asks for the resource use of a task. */
export interface StatsRequest {
  id: string;
}

/** The reading: io.containerd.cgroups.v1.Metrics or v2.Metrics. */
export interface StatsResponse {
  stats: Any | null;
}

/** Asks who serves a task. */
export interface ConnectRequest {
  id: string;
}

/** The shim's pid and release, and the task's init pid. */
export interface ConnectResponse {
  shimPid: number;
  taskPid: number;
  version: string;
}

/** Asks the shim to end, which it does only when no container is left or with now. */
export interface ShutdownRequest {
  id: string;
  now: boolean;
}

/** Names the task to freeze. */
export interface PauseRequest {
  id: string;
}

/** Names the task to thaw. */
export interface ResumeRequest {
  id: string;
}
