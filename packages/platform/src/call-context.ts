// The words that gRPC and ttrpc calls share: metadata keys, what a handler is given, what a caller may set.

export const namespaceKey = 'containerd-namespace';
export const leaseKey = 'containerd-lease';

/** What a call brings besides its request. */
export interface CallContext {
  /** '' when the caller sent none: services that need one call `requireNamespace`. */
  namespace: string;
  lease: string | undefined;
  /** Aborted when the caller cancels or goes away. */
  signal: AbortSignal;
}

export type UnaryHandler = (request: any, context: CallContext) => Promise<unknown>;

/** What a caller may set for one call. */
export interface CallOptions {
  namespace?: string | undefined;
  lease?: string | undefined;
  signal?: AbortSignal | undefined;
  /** Milliseconds until deadline-exceeded. */
  timeoutMs?: number | undefined;
}
