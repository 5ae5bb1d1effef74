// What every call that is served over gRPC shares, by grpc-js or by our own HTTP/2: its context, and the log of its end.
import { ContainerError } from '@tscontainer/core/errors';
import { type CallContext, leaseKey, namespaceKey } from './call-context.ts';
import { grpcStatusFromCode, statusFromError } from './grpc-status.ts';
import type { Logger } from './logger.ts';

/** One for all calls: without a reason each abort would make a DOMException with a stack, also after a normal end. */
const callerLeft = new ContainerError('cancelled', 'the caller left');

/** Failures that say nothing about this daemon's health. */
const quietCodes = new Set((['cancelled', 'not-found', 'already-exists'] as const).map(grpcStatusFromCode));

/** Story: `cancel` when the caller leaves. Its signal is made when a handler asks for it: most never do. */
export class ServedContext implements CallContext {
  readonly namespace: string;
  readonly lease: string | undefined;
  readonly metadata: (key: string) => string | undefined;
  #trailers: Map<string, string> | undefined;
  #abort: AbortController | undefined;
  #isOver = false;

  constructor(metadata: (key: string) => string | undefined) {
    this.metadata = metadata;
    this.namespace = metadata(namespaceKey) ?? '';
    this.lease = metadata(leaseKey);
  }

  /** Undefined when there are none. */
  get trailers(): ReadonlyMap<string, string> | undefined {
    return this.#trailers;
  }

  addTrailer(key: string, value: string): void {
    this.#trailers ??= new Map();
    this.#trailers.set(key, value);
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#isOver) this.#abort.abort(callerLeft);
    }
    return this.#abort.signal;
  }

  cancel(): void {
    this.#isOver = true;
    this.#abort?.abort(callerLeft);
  }
}

export function logServed(log: Logger, method: string): void {
  log.debug({ method }, 'call served');
}

/** The status to answer with, which is logged. */
export function failedStatus(error: unknown, log: Logger, method: string): ReturnType<typeof statusFromError> {
  const status = statusFromError(error);
  log[quietCodes.has(status.code) ? 'debug' : 'warn'](
    { method, code: status.code, err: status.message },
    'call failed',
  );
  return status;
}
