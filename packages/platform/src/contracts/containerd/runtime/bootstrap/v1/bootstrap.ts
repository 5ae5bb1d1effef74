// Types of protos/containerd/runtime/bootstrap/v1/bootstrap.proto, written by scripts/generate-contracts.ts.
import type { Any } from '../../../../google/protobuf/well-known.ts';

/** Which task the shim is for and how to reach the daemon. */
export interface BootstrapParams {
  instanceId: string;
  namespace: string;
  logLevel: LogLevel;
  containerdVersion: string;
  containerdTtrpcAddress: string;
  containerdGrpcAddress: string;
  containerdBinary: string;
  extensions: Extension[];
  socketDir?: string;
  _socketDir?: 'socketDir';
}

/** A further message for the shim, such as its runtime options. */
export interface Extension {
  value: Any | null;
}

/** Where the shim serves its task service: the API version (2 or 3), the address, and "ttrpc" or "grpc". */
export interface BootstrapResult {
  version: number;
  address: string;
  protocol: string;
  capabilities: Capability[];
  metadata: Record<string, string>;
}

/** How much the shim is to log; the numbers are those of slog, so the order holds. */
export type LogLevel =
  | 'LOG_LEVEL_INFO'
  | 'LOG_LEVEL_TRACE'
  | 'LOG_LEVEL_DEBUG'
  | 'LOG_LEVEL_WARN'
  | 'LOG_LEVEL_ERROR'
  | 'LOG_LEVEL_FATAL'
  | 'LOG_LEVEL_PANIC';

/** What the shim can do beyond the API version; nothing is defined yet. */
export type Capability = 'CAPABILITY_UNSPECIFIED';
