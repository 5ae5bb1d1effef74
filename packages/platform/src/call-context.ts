// The words that gRPC and ttrpc calls share: metadata keys, what a handler is given, what a caller may set.

export const namespaceKey = 'containerd-namespace';
export const leaseKey = 'containerd-lease';
/**
 * With a call that makes a process, `1`: start it too. A daemon of ours does, and says so by `startedKey` (the pid) in the
 * answer's trailing metadata; any other containerd does not know the key, and the caller starts the process itself.
 * In ttrpc, with Create or Exec and with the Start that follows in the same write: the one is nothing without the other.
 */
export const startKey = 'tscontainer-start';
export const startedKey = 'tscontainer-started';
/**
 * With a ttrpc call that makes, starts or deletes a process, `answered`: whoever gets a good answer tells of the event
 * itself. A shim of ours then sends that event only if the connection breaks before the caller can have told of it.
 */
export const eventsKey = 'tscontainer-events';
export const eventsAnswered = 'answered';

/** What a call brings besides its request. */
export interface CallContext {
  /** '' when the caller sent none: services that need one call `requireNamespace`. */
  namespace: string;
  lease: string | undefined;
  /** Aborted when the caller cancels or goes away; with ttrpc one signal for all calls of a connection. */
  signal: AbortSignal;
  /** A further key of the call's metadata. */
  metadata?(key: string): string | undefined;
  /** Puts a key into the answer's trailing metadata; unary gRPC only. */
  addTrailer?(key: string, value: string): void;
}

export type UnaryHandler = (request: any, context: CallContext) => Promise<unknown>;

/** What a caller may set for one call. */
export interface CallOptions {
  namespace?: string | undefined;
  lease?: string | undefined;
  signal?: AbortSignal | undefined;
  /** Milliseconds until deadline-exceeded. */
  timeoutMs?: number | undefined;
  /** Further metadata; of ttrpc, and of unary calls on a unix socket. */
  metadata?: Record<string, string>;
  /** Called with the metadata of a good answer; of unary calls on a unix socket. */
  onMetadata?: (metadata: ReadonlyMap<string, string>) => void;
}
