// Types of protos/tscontainer/shim/v1/shim.proto, written by scripts/generate-contracts.ts.
import type { Timestamp } from '../../../google/protobuf/well-known.ts';
import type { Unary } from '../../../message-forms.ts';

/** Lets a shim take over the containers of one that died. */
export interface Shim {
  Adopt: Unary<AdoptRequest, AdoptResponse>;
  Info: Unary<InfoRequest, InfoResponse>;
}

/** A container whose shim is gone: its namespace and the bundle that its state can be read from. */
export interface AdoptRequest {
  id: string;
  bundle: string;
  namespace: string;
}

/** The adopted container's init pid and every process that the old shim knew. */
export interface AdoptResponse {
  pid: number;
  processes: AdoptedProcess[];
}

/** A process of an adopted container; the exit is kept until it is deleted. An empty exec_id means the init process. */
export interface AdoptedProcess {
  execId: string;
  pid: number;
  exited: boolean;
  exitStatus: number;
  exitedAt: Timestamp | null;
}

/** Asks the shim about itself. */
export type InfoRequest = Record<string, never>;

/** The shim's pid, how many containers it serves, and its release. */
export interface InfoResponse {
  pid: number;
  containers: number;
  version: string;
}
