// The OCI runtime as the shim sees it: the verbs of one state root, run through the addon in this process.
//
// Story of one container, in legal order:
//   create  -> the container exists: namespaces, mounts, cgroup are made; its init waits, its command has not run
//   start   -> the command runs (execve succeeded) or the error says why it could not
//   restore -> in place of both: the container comes from a checkpoint's images, and runs
//   exec*   -> further processes inside, each with a monitor of its own
//   exit    -> told once per process through `onExit`; the record also stays in the state root until delete
//   delete  -> cgroup, state directory and leftovers are gone; only a stopped container, unless force
//
// Each process (init or exec) has a monitor: a small static process (`tsrunc monitor`) that is its parent, holds
// its stdio ends and pty master, reaps it and writes the exit record. A killed shim loses nothing: `adopt` finds
// the monitors again.
import type { ContainerProcessState } from './runtime-types.ts';

export interface ProcessIo {
  /** FIFO or file path, `file://` URI, or '' for /dev/null. With `terminal`, stderr is ''. */
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
}

/** One mount of the root filesystem, as a snapshotter returns it (containerd.types.Mount). */
export interface RootfsMount {
  type: string;
  source: string;
  options: string[];
}

export interface CreateRequest {
  /** [A-Za-z0-9_.+-]{1,76} */
  id: string;
  /** Absolute path of the directory that holds config.json. */
  bundle: string;
  io: ProcessIo;
  /** Mounted inside the container's own mount namespace at config.root.path; never seen by the host. May be empty. */
  rootfs: RootfsMount[];
  noPivotRoot?: boolean;
  noNewKeyring?: boolean;
  systemdCgroup?: boolean;
}

/** When one step of the runtime began and ended: nanoseconds of CLOCK_MONOTONIC, and the step's name. */
export interface RuntimeStep {
  name: string;
  beganNs: number;
  endedNs: number;
}

export interface CreatedProcess {
  /** Pid of the container's process in the host's pid namespace. */
  pid: number;
  monitorPid: number;
  steps: RuntimeStep[];
  /** What the specification lets a runtime do without, e.g. a hard limit that cannot be raised here: for the log. */
  warnings: string[];
}

export interface ExecRequest {
  id: string;
  execId: string;
  /** The OCI process object as JSON text (runtime-spec config.md, "Process"). */
  process: string;
  io: ProcessIo;
}

export interface ExitRecord {
  id: string;
  /** '' for the container's init process. */
  execId: string;
  pid: number;
  /** 0..255, or 128+signal, as a shell reports it. */
  exitStatus: number;
  /** Nanoseconds since the epoch (CLOCK_REALTIME) as a bigint. */
  exitedAtNs: bigint;
  /** The monitor itself was killed: the status is what the kernel still knew (137 when nothing). */
  monitorLost?: boolean;
}

/** A process that `adopt` found: running ones are watched again, ended ones carry their exit record. */
export interface AdoptedProcess {
  execId: string;
  pid: number;
  monitorPid: number;
  io: ProcessIo;
  exit?: ExitRecord;
}

export interface RuntimeOptions {
  /** State root: one directory per container below it; a tmpfs directory, mode 0700. */
  root: string;
  /** Absolute path of the tsrunc executable. */
  tsrunc: string;
  onExit: (exit: ExitRecord) => void;
  /** A process in the container's cgroup was killed for memory. */
  onOom?: (id: string) => void;
}

export interface RestoreRequest extends CreateRequest {
  /** The directory of criu's image files. */
  imagePath: string;
  /** For criu's log; '' is the image's directory. */
  workPath: string;
}

export interface CheckpointRequest {
  /** An existing directory, for criu's image files. */
  imagePath: string;
  /** For criu's log; '' is the image's directory. */
  workPath: string;
  /** Of an earlier checkpoint whose memory need not be written again, relative to imagePath; '' is none. */
  parentPath: string;
  /** The container ends with it. */
  exit: boolean;
  openTcp: boolean;
  externalUnixSockets: boolean;
  terminal: boolean;
  fileLocks: boolean;
  emptyNamespaces: string[];
  cgroupsMode: string;
}

/** Cgroup figures, the union of v1 and v2; bytes and nanoseconds. */
export interface ContainerStats {
  version: 1 | 2;
  cpu: {
    usageNs: number;
    userNs: number;
    systemNs: number;
    throttledPeriods: number;
    periods: number;
    throttledNs: number;
    perCpuNs: number[];
  };
  memory: {
    usageBytes: number;
    maxUsageBytes: number;
    limitBytes: number;
    failcnt: number;
    swapUsageBytes: number;
    stat: Record<string, number>;
  };
  pids: { current: number; limit: number };
  blkio: { op: string; major: number; minor: number; bytes: number; operations: number }[];
}

/** The runtime's verbs. Every rejection is a ContainerError whose details carry {step, syscall, errno, path}. */
export interface Runtime {
  create(request: CreateRequest): Promise<CreatedProcess>;
  /** Resolves once execve succeeded. Rejects with reason `executable-not-found` (127) or `not-executable` (126). */
  start(id: string): Promise<{ steps: RuntimeStep[] }>;
  /** Creates and starts a further process inside; same rejections as start. */
  exec(request: ExecRequest): Promise<CreatedProcess>;
  /** `execId` '' is the init; `all` signals every process of the container. */
  kill(id: string, execId: string, signal: number, all: boolean): Promise<void>;
  /** Resolves with the warnings of poststop hooks that failed. */
  delete(id: string, options: { force: boolean }): Promise<string[]>;
  /** Forgets an ended exec process and removes its records. */
  deleteExec(id: string, execId: string): Promise<void>;
  state(id: string): Promise<ContainerProcessState>;
  pids(id: string): Promise<number[]>;
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  /** `resources` is the OCI linux.resources object as JSON text. */
  update(id: string, resources: string): Promise<void>;
  stats(id: string): Promise<ContainerStats>;
  resizePty(id: string, execId: string, columns: number, rows: number): Promise<void>;
  /** Drops the monitor's own write end of the stdin FIFO, so that the process sees EOF when its writers are gone. */
  closeStdin(id: string, execId: string): Promise<void>;
  /**
   * Writes the container's processes to a directory. With `exit` they have ended then, which `onExit` tells; the container
   * is still to be deleted.
   */
  checkpoint(id: string, request: CheckpointRequest): Promise<void>;
  /** Resolves once the container runs; nothing is left of one that could not be restored. */
  restore(request: RestoreRequest): Promise<CreatedProcess>;
  /** Takes over the processes of a container whose shim is gone. Idempotent. */
  adopt(id: string): Promise<AdoptedProcess[]>;
  /** Stops the watching of exits; containers live on. */
  close(): void;
}
