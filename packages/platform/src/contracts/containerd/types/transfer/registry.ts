// Types of protos/containerd/types/transfer/registry.proto, written by scripts/generate-contracts.ts.
import type { Timestamp } from '../../../google/protobuf/well-known.ts';

/** An image in a registry, by its full reference. */
export interface OCIRegistry {
  reference: string;
  resolver: RegistryResolver | null;
}

/** Which of its HTTP traffic the daemon logs. */
export type HTTPDebug = 'DISABLED' | 'DEBUG' | 'TRACE' | 'BOTH';

/** How to reach the registry: the stream for credentials, extra headers, and the directory of hosts.toml files. */
export interface RegistryResolver {
  authStream: string;
  headers: Record<string, string>;
  hostDir: string;
  defaultScheme: string;
  httpDebug: HTTPDebug;
  logsStream: string;
}

/** The daemon asks the client for credentials, giving the registry's challenges. */
export interface AuthRequest {
  host: string;
  reference: string;
  wwwauthenticate: string[];
}

/** What the secret is: nothing, a password, a refresh token, or a whole Authorization header. */
export type AuthType = 'NONE' | 'CREDENTIALS' | 'REFRESH' | 'HEADER';

/** The client's credentials. */
export interface AuthResponse {
  authType: AuthType;
  secret: string;
  username: string;
  expireAt: Timestamp | null;
}
