// Types of protos/containerd/v1/types/task.proto, written by scripts/generate-contracts.ts.
import type { Any, Timestamp } from '../../../google/protobuf/well-known.ts';

/** Where a process stands in its life. */
export type Status = 'UNKNOWN' | 'CREATED' | 'RUNNING' | 'STOPPED' | 'PAUSED' | 'PAUSING';

/** A task's init process, or one that was executed in it; id is the exec's id or the container's. */
export interface Process {
  containerId: string;
  id: string;
  pid: number;
  status: Status;
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
  exitStatus: number;
  exitedAt: Timestamp | null;
}

/** A pid in a task's cgroup; info tells a known exec by containerd.runc.v1.ProcessDetails. */
export interface ProcessInfo {
  pid: number;
  info: Any | null;
}
