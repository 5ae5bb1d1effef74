// Types of protos/containerd/events/task.proto, written by scripts/generate-contracts.ts.
import type { Timestamp } from '../../google/protobuf/well-known.ts';
import type { Mount } from '../types/mount.ts';

/** tasks/create: a task exists and waits to be started. */
export interface TaskCreate {
  containerId: string;
  bundle: string;
  rootfs: Mount[];
  io: TaskIO | null;
  checkpoint: string;
  pid: number;
}

/** tasks/start: the init process runs. */
export interface TaskStart {
  containerId: string;
  pid: number;
}

/** tasks/delete: the task, or the exec named by id, is gone. */
export interface TaskDelete {
  containerId: string;
  pid: number;
  exitStatus: number;
  exitedAt: Timestamp | null;
  id: string;
}

/** Where a task's stdio leads. */
export interface TaskIO {
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
}

/** tasks/exit: a process ended; id is the exec's, or the container's for the init process. */
export interface TaskExit {
  containerId: string;
  id: string;
  pid: number;
  exitStatus: number;
  exitedAt: Timestamp | null;
}

/** tasks/oom: the kernel killed a process of the task for want of memory. */
export interface TaskOOM {
  containerId: string;
}

/** tasks/exec-added: an exec exists and waits to be started. */
export interface TaskExecAdded {
  containerId: string;
  execId: string;
}

/** tasks/exec-started: an exec runs. */
export interface TaskExecStarted {
  containerId: string;
  execId: string;
  pid: number;
}

/** tasks/paused: the task is frozen. */
export interface TaskPaused {
  containerId: string;
}

/** tasks/resumed: the task is thawed. */
export interface TaskResumed {
  containerId: string;
}

/** tasks/checkpointed: a checkpoint of the task was written. */
export interface TaskCheckpointed {
  containerId: string;
  checkpoint: string;
}
