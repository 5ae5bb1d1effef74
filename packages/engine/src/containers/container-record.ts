// What is kept of a container: its settings (written at create, rename and update) and its state (at every change).
import type { IdMapping } from '@tscontainer/core/oci-runtime';
import type { EndpointRequest, SandboxState } from '../networks/network-record.ts';
import type { EncodedOptions } from '../runtimes/shim-options.ts';
import type { ContainerConfig, HostConfig } from './container-config.ts';
import type { Health } from './health-check.ts';

export type ContainerStatus = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

/** Go's zero time, which docker shows for what has not happened. */
export const zeroTime = '0001-01-01T00:00:00Z';

export interface ContainerState {
  status: ContainerStatus;
  /** Pid of the init process in the host's pid namespace; 0 when not running. */
  pid: number;
  exitCode: number;
  /** Why the last start failed. */
  error: string;
  isOomKilled: boolean;
  /** RFC 3339 with nanoseconds. */
  startedAt: string;
  finishedAt: string;
  restartCount: number;
  /** Stopped by a request: `unless-stopped` and restarts of the daemon heed it. */
  isStoppedByUser: boolean;
  /** The network side of its present run; undefined when it has none. */
  network?: SandboxState | undefined;
  /** Of its health check; undefined when nothing is checked or it has not been started. */
  health?: Health | undefined;
}

/** A mount beside the default ones, as inspect shows it. */
export interface MountPoint {
  type: 'bind' | 'volume' | 'tmpfs' | 'image';
  /** Volume name; '' for other types. */
  name: string;
  /** Path on the host; '' for tmpfs. */
  source: string;
  destination: string;
  mode: string;
  isWritable: boolean;
  propagation: string;
  /** The volume goes with the container (`rm -v`, --rm). */
  isAnonymous: boolean;
  /** Fill an empty volume with what the image has there. */
  copiesUp: boolean;
  isRecursive: boolean;
  /** Of a read-only bind: what is mounted below its source is not read-only with it. */
  hasWritableSubmounts?: true;
  /** Relative: what of the volume or image is mounted. */
  subpath?: string;
  /** Plugin that keeps the volume, whose path is known while it is mounted; undefined: the local driver. */
  driver?: string;
  /** Of an image: its top layer. */
  chainId?: string;
  tmpfsOptions: string[];
}

export interface ContainerSettings {
  id: string;
  /** Without the leading slash. */
  name: string;
  created: string;
  config: ContainerConfig;
  hostConfig: HostConfig;
  /** Image id; config.Image is what the user wrote. */
  imageId: string;
  /** The image's full reference, for the container record of the lifecycle daemon. */
  imageReference: string;
  chainId: string;
  /** Entrypoint and command joined. */
  args: string[];
  snapshotter: string;
  snapshotKey: string;
  /** The lifecycle daemon's name for it; hostConfig.Runtime is what the user wrote. */
  runtime: string;
  /** As its name meant when the container was created. */
  runtimeOptions?: EncodedOptions;
  mountPoints: MountPoint[];
  /** Undefined: the host's user namespace. */
  idMapping: IdMapping | undefined;
  /** The networks it is to be in, by name. */
  endpoints: Record<string, EndpointRequest>;
  /** It carries out a step of a build that goes on: it does not outlive the engine. */
  isBuildStep?: true;
}

export function newContainerState(): ContainerState {
  return {
    status: 'created',
    pid: 0,
    exitCode: 0,
    error: '',
    isOomKilled: false,
    startedAt: zeroTime,
    finishedAt: zeroTime,
    restartCount: 0,
    isStoppedByUser: false,
  };
}
