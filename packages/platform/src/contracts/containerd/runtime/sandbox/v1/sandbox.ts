// Types of protos/containerd/runtime/sandbox/v1/sandbox.proto, written by scripts/generate-contracts.ts.
import type { Any, Timestamp } from '../../../../google/protobuf/well-known.ts';
import type { Unary } from '../../../../message-forms.ts';
import type { Metric } from '../../../types/metrics.ts';
import type { Mount } from '../../../types/mount.ts';
import type { Platform } from '../../../types/platform.ts';

/** Runs the sandbox of one shim. */
export interface Sandbox {
  CreateSandbox: Unary<CreateSandboxRequest, CreateSandboxResponse>;
  StartSandbox: Unary<StartSandboxRequest, StartSandboxResponse>;
  Platform: Unary<PlatformRequest, PlatformResponse>;
  StopSandbox: Unary<StopSandboxRequest, StopSandboxResponse>;
  WaitSandbox: Unary<WaitSandboxRequest, WaitSandboxResponse>;
  SandboxStatus: Unary<SandboxStatusRequest, SandboxStatusResponse>;
  PingSandbox: Unary<PingRequest, PingResponse>;
  ShutdownSandbox: Unary<ShutdownSandboxRequest, ShutdownSandboxResponse>;
  SandboxMetrics: Unary<SandboxMetricsRequest, SandboxMetricsResponse>;
}

/** A sandbox to prepare from its bundle, root, options and network namespace. */
export interface CreateSandboxRequest {
  sandboxId: string;
  bundlePath: string;
  rootfs: Mount[];
  options: Any | null;
  netnsPath: string;
  annotations: Record<string, string>;
}

/** The sandbox is prepared. */
export type CreateSandboxResponse = Record<string, never>;

/** Names the sandbox to start. */
export interface StartSandboxRequest {
  sandboxId: string;
}

/** The started sandbox. */
export interface StartSandboxResponse {
  pid: number;
  createdAt: Timestamp | null;
  spec: Any | null;
}

/** Asks which platform a sandbox runs. */
export interface PlatformRequest {
  sandboxId: string;
}

/** The sandbox's platform. */
export interface PlatformResponse {
  platform: Platform | null;
}

/** Names the sandbox to stop and the seconds that it may take. */
export interface StopSandboxRequest {
  sandboxId: string;
  timeoutSecs: number;
}

/** The sandbox is stopped. */
export type StopSandboxResponse = Record<string, never>;

/** A sandbox's new limits; no call takes it yet. */
export interface UpdateSandboxRequest {
  sandboxId: string;
  resources: Any | null;
  annotations: Record<string, string>;
}

/** Names the sandbox whose end to wait for. */
export interface WaitSandboxRequest {
  sandboxId: string;
}

/** How the sandbox ended. */
export interface WaitSandboxResponse {
  exitStatus: number;
  exitedAt: Timestamp | null;
}

/** The sandbox is changed; no call gives it yet. */
export type UpdateSandboxResponse = Record<string, never>;

/** Asks where a sandbox stands; verbose fills info. */
export interface SandboxStatusRequest {
  sandboxId: string;
  verbose: boolean;
}

/** Where the sandbox stands. */
export interface SandboxStatusResponse {
  sandboxId: string;
  pid: number;
  state: string;
  info: Record<string, string>;
  createdAt: Timestamp | null;
  exitedAt: Timestamp | null;
  extra: Any | null;
}

/** Asks whether a sandbox answers. */
export interface PingRequest {
  sandboxId: string;
}

/** The sandbox answers. */
export type PingResponse = Record<string, never>;

/** Names the sandbox to clear away. */
export interface ShutdownSandboxRequest {
  sandboxId: string;
}

/** The sandbox is cleared away. */
export type ShutdownSandboxResponse = Record<string, never>;

/** Asks for a sandbox's resource use. */
export interface SandboxMetricsRequest {
  sandboxId: string;
}

/** The sandbox's resource use. */
export interface SandboxMetricsResponse {
  metrics: Metric | null;
}
