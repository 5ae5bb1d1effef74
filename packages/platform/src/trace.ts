// The trace context of the call being served, carried along its asynchronous work.
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  formatTraceparent,
  newTraceContext,
  parseTraceparent,
  type TraceContext,
} from '@tscontainer/core/trace-context';

export const traceparentHeader = 'traceparent';

const storage = new AsyncLocalStorage<TraceContext>();

export function currentTrace(): TraceContext | undefined {
  return storage.getStore();
}

/** Runs `work` in a child span of the incoming header, or in a trace of its own. */
export function runInTrace<T>(header: string | undefined, work: () => T): T {
  return storage.run(newTraceContext(parseTraceparent(header)), work);
}

/** The header to send with an outgoing call; undefined outside of any trace. */
export function outgoingTraceparent(): string | undefined {
  const trace = storage.getStore();
  return trace === undefined ? undefined : formatTraceparent(trace);
}
