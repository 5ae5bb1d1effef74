// Types of protos/containerd/services/introspection/v1/introspection.proto, written by scripts/generate-contracts.ts.
import type { Any, Empty, Timestamp } from '../../../../google/protobuf/well-known.ts';
import type { Status } from '../../../../google/rpc/status.ts';
import type { Unary } from '../../../../message-forms.ts';
import type { Platform } from '../../../types/platform.ts';

/** Tells about the daemon and its plugins. */
export interface Introspection {
  Plugins: Unary<PluginsRequest, PluginsResponse>;
  Server: Unary<Empty, ServerResponse>;
  PluginInfo: Unary<PluginInfoRequest, PluginInfoResponse>;
}

/** A part of the daemon; init_err is set when it could not be loaded. */
export interface Plugin {
  type: string;
  id: string;
  requires: string[];
  platforms: Platform[];
  exports: Record<string, string>;
  capabilities: string[];
  initErr: Status | null;
}

/** Asks for the plugins that any of the filters matches. */
export interface PluginsRequest {
  filters: string[];
}

/** The plugins that match. */
export interface PluginsResponse {
  plugins: Plugin[];
}

/** The daemon's lasting identity, its pid, and the inode of the pid namespace in which that pid counts. */
export interface ServerResponse {
  uuid: string;
  pid: number;
  pidns: number;
  deprecations: DeprecationWarning[];
}

/** A use of something that will go away. */
export interface DeprecationWarning {
  id: string;
  message: string;
  lastOccurrence: Timestamp | null;
}

/** Asks one plugin about itself; options depend on its type. */
export interface PluginInfoRequest {
  type: string;
  id: string;
  options: Any | null;
}

/** The plugin and, for a runtime, its containerd.types.RuntimeInfo. */
export interface PluginInfoResponse {
  plugin: Plugin | null;
  extra: Any | null;
}
