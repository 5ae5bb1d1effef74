// Types of protos/containerd/services/sandbox/v1/sandbox.proto, written by scripts/generate-contracts.ts.
import type { Any, Timestamp } from '../../../../google/protobuf/well-known.ts';
import type { Unary } from '../../../../message-forms.ts';
import type { Metric } from '../../../types/metrics.ts';
import type { Mount } from '../../../types/mount.ts';
import type { Platform } from '../../../types/platform.ts';
import type { Sandbox } from '../../../types/sandbox.ts';

/** Keeps the sandbox records of a namespace. */
export interface Store {
  Create: Unary<StoreCreateRequest, StoreCreateResponse>;
  Update: Unary<StoreUpdateRequest, StoreUpdateResponse>;
  Delete: Unary<StoreDeleteRequest, StoreDeleteResponse>;
  List: Unary<StoreListRequest, StoreListResponse>;
  Get: Unary<StoreGetRequest, StoreGetResponse>;
}

/** A sandbox to record. */
export interface StoreCreateRequest {
  sandbox: Sandbox | null;
}

/** The sandbox as recorded. */
export interface StoreCreateResponse {
  sandbox: Sandbox | null;
}

/** Changes to the named fields of a sandbox. */
export interface StoreUpdateRequest {
  sandbox: Sandbox | null;
  fields: string[];
}

/** The sandbox as it is now. */
export interface StoreUpdateResponse {
  sandbox: Sandbox | null;
}

/** Names the sandbox to forget. */
export interface StoreDeleteRequest {
  sandboxId: string;
}

/** The sandbox is forgotten. */
export type StoreDeleteResponse = Record<string, never>;

/** Asks for the sandboxes that any of the filters matches. */
export interface StoreListRequest {
  filters: string[];
}

/** The sandboxes that match. */
export interface StoreListResponse {
  list: Sandbox[];
}

/** Asks for one sandbox. */
export interface StoreGetRequest {
  sandboxId: string;
}

/** The sandbox that was asked for. */
export interface StoreGetResponse {
  sandbox: Sandbox | null;
}

/** Runs sandboxes; sandboxer says which controller is meant. */
export interface Controller {
  Create: Unary<ControllerCreateRequest, ControllerCreateResponse>;
  Start: Unary<ControllerStartRequest, ControllerStartResponse>;
  Platform: Unary<ControllerPlatformRequest, ControllerPlatformResponse>;
  Stop: Unary<ControllerStopRequest, ControllerStopResponse>;
  Wait: Unary<ControllerWaitRequest, ControllerWaitResponse>;
  Status: Unary<ControllerStatusRequest, ControllerStatusResponse>;
  Shutdown: Unary<ControllerShutdownRequest, ControllerShutdownResponse>;
  Metrics: Unary<ControllerMetricsRequest, ControllerMetricsResponse>;
  Update: Unary<ControllerUpdateRequest, ControllerUpdateResponse>;
}

/** A sandbox to prepare, with its root, options and network namespace. */
export interface ControllerCreateRequest {
  sandboxId: string;
  rootfs: Mount[];
  options: Any | null;
  netnsPath: string;
  annotations: Record<string, string>;
  sandbox: Sandbox | null;
  sandboxer: string;
}

/** The prepared sandbox. */
export interface ControllerCreateResponse {
  sandboxId: string;
}

/** Names the sandbox to start. */
export interface ControllerStartRequest {
  sandboxId: string;
  sandboxer: string;
}

/** The started sandbox: its pid, and the address and version of the task service for its containers. */
export interface ControllerStartResponse {
  sandboxId: string;
  pid: number;
  createdAt: Timestamp | null;
  labels: Record<string, string>;
  address: string;
  version: number;
  spec: Any | null;
}

/** Asks which platform a sandbox runs. */
export interface ControllerPlatformRequest {
  sandboxId: string;
  sandboxer: string;
}

/** The sandbox's platform. */
export interface ControllerPlatformResponse {
  platform: Platform | null;
}

/** Names the sandbox to stop and the seconds that it may take. */
export interface ControllerStopRequest {
  sandboxId: string;
  timeoutSecs: number;
  sandboxer: string;
}

/** The sandbox is stopped. */
export type ControllerStopResponse = Record<string, never>;

/** Names the sandbox whose end to wait for. */
export interface ControllerWaitRequest {
  sandboxId: string;
  sandboxer: string;
}

/** How the sandbox ended. */
export interface ControllerWaitResponse {
  exitStatus: number;
  exitedAt: Timestamp | null;
}

/** Asks where a sandbox stands; verbose fills info. */
export interface ControllerStatusRequest {
  sandboxId: string;
  verbose: boolean;
  sandboxer: string;
}

/** Where the sandbox stands. */
export interface ControllerStatusResponse {
  sandboxId: string;
  pid: number;
  state: string;
  info: Record<string, string>;
  createdAt: Timestamp | null;
  exitedAt: Timestamp | null;
  extra: Any | null;
  address: string;
  version: number;
}

/** Names the sandbox to clear away. */
export interface ControllerShutdownRequest {
  sandboxId: string;
  sandboxer: string;
}

/** The sandbox is cleared away. */
export type ControllerShutdownResponse = Record<string, never>;

/** Asks for a sandbox's resource use. */
export interface ControllerMetricsRequest {
  sandboxId: string;
  sandboxer: string;
}

/** The sandbox's resource use. */
export interface ControllerMetricsResponse {
  metrics: Metric | null;
}

/** Changes to the named fields of a running sandbox. */
export interface ControllerUpdateRequest {
  sandboxId: string;
  sandboxer: string;
  sandbox: Sandbox | null;
  fields: string[];
}

/** The sandbox is changed. */
export type ControllerUpdateResponse = Record<string, never>;
