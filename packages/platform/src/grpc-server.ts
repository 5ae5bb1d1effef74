// The serving end of gRPC: handlers are async functions, errors and traces are translated here and nowhere else.
import * as grpc from '@grpc/grpc-js';
import type { ServiceDefinition } from '@grpc/proto-loader';
import { ContainerError } from '@tscontainer/core/errors';
import { type CallContext, leaseKey, namespaceKey, type UnaryHandler } from './call-context.ts';
import { reasonKey, statusFromError } from './grpc-status.ts';
import type { Logger } from './logger.ts';
import { runInTrace, traceparentHeader } from './trace.ts';

export type { CallContext, UnaryHandler };
export { leaseKey, namespaceKey };

/** Server streaming: each yielded value is one message; back pressure is obeyed. */
export type StreamHandler = (request: any, context: CallContext) => AsyncIterable<unknown>;
/** Bidirectional: `requests` ends when the caller half-closes. */
export type DuplexHandler = (requests: AsyncIterable<any>, context: CallContext) => AsyncIterable<unknown>;

/** Handlers by method name as in the proto (`Create`); a method that is missing answers Unimplemented. */
export type ServiceHandlers = Record<string, UnaryHandler | StreamHandler | DuplexHandler>;

export const maxMessageBytes = 16 * 1024 * 1024;

export function requireNamespace(context: CallContext): string {
  if (context.namespace === '')
    throw new ContainerError('failed-precondition', 'namespace is required: failed precondition');
  return context.namespace;
}

/** One for all calls: without a reason each abort would make a DOMException with a stack, also after a normal end. */
const callerLeft = new ContainerError('cancelled', 'the caller left');

/** Its signal is made when a handler asks for it: most never do, and grpc-js says `cancelled` after a normal end too. */
class ServedContext implements CallContext {
  readonly namespace: string;
  readonly lease: string | undefined;
  readonly #metadata: grpc.Metadata;
  #trailers: grpc.Metadata | undefined;
  #abort: AbortController | undefined;
  #isOver = false;

  constructor(metadata: grpc.Metadata, emitter: { on(event: 'cancelled', listener: () => void): unknown }) {
    this.#metadata = metadata;
    this.namespace = String(metadata.get(namespaceKey)[0] ?? '');
    this.lease = metadata.get(leaseKey)[0]?.toString();
    emitter.on('cancelled', () => {
      this.#isOver = true;
      this.#abort?.abort(callerLeft);
    });
  }

  /** Undefined when there is none. */
  get trailers(): grpc.Metadata | undefined {
    return this.#trailers;
  }

  metadata(key: string): string | undefined {
    return this.#metadata.get(key)[0]?.toString();
  }

  addTrailer(key: string, value: string): void {
    this.#trailers ??= new grpc.Metadata();
    this.#trailers.set(key, value);
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#isOver) this.#abort.abort(callerLeft);
    }
    return this.#abort.signal;
  }
}

function failure(error: unknown, log: Logger, method: string): Partial<grpc.StatusObject> & Error {
  const { code, message, reason } = statusFromError(error);
  const metadata = new grpc.Metadata();
  if (reason !== undefined) metadata.set(reasonKey, reason);
  const quiet = code === grpc.status.NOT_FOUND || code === grpc.status.ALREADY_EXISTS || code === grpc.status.CANCELLED;
  log[quiet ? 'debug' : 'warn']({ method, code, err: message }, 'call failed');
  return Object.assign(new Error(message), {
    code,
    details: message,
    metadata,
  });
}

function traceOf(metadata: grpc.Metadata): string | undefined {
  return metadata.get(traceparentHeader)[0]?.toString();
}

function serveUnary(path: string, handler: UnaryHandler, log: Logger): grpc.handleUnaryCall<unknown, unknown> {
  return (call, callback) => {
    runInTrace(traceOf(call.metadata), async () => {
      try {
        const context = new ServedContext(call.metadata, call);
        const response = await handler(call.request, context);
        log.debug({ method: path }, 'call served');
        callback(null, response, context.trailers);
      } catch (error) {
        callback(failure(error, log, path));
      }
    });
  };
}

async function pump(
  call: grpc.ServerWritableStream<any, any> | grpc.ServerDuplexStream<any, any>,
  messages: AsyncIterable<unknown>,
  signal: AbortSignal,
): Promise<void> {
  for await (const message of messages) {
    if (signal.aborted) return;
    if (call.write(message)) continue;
    await new Promise<void>((resolve) => {
      const done = () => {
        call.off('drain', done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      call.once('drain', done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}

/** What the caller sends. A handler that stops reading must not destroy the call: its status is still to be sent. */
function requestsOf(call: grpc.ServerDuplexStream<any, any>): AsyncIterable<any> {
  return { [Symbol.asyncIterator]: () => call.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]() };
}

function serveStream(path: string, open: (context: CallContext) => AsyncIterable<unknown>, log: Logger) {
  return (call: grpc.ServerWritableStream<any, any> | grpc.ServerDuplexStream<any, any>): void => {
    runInTrace(traceOf(call.metadata), async () => {
      const context = new ServedContext(call.metadata, call);
      try {
        await pump(call, open(context), context.signal);
        call.end();
      } catch (error) {
        call.emit('error', failure(error, log, path));
      }
    });
  };
}

function implement(
  definition: ServiceDefinition,
  handlers: ServiceHandlers,
  log: Logger,
): grpc.UntypedServiceImplementation {
  const implementation: grpc.UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(definition)) {
    const handler = handlers[name];
    if (handler === undefined) continue;
    if (method.requestStream) {
      implementation[name] = (call: grpc.ServerDuplexStream<any, any>) =>
        serveStream(method.path, (context) => (handler as DuplexHandler)(requestsOf(call), context), log)(call);
    } else if (method.responseStream) {
      implementation[name] = (call: grpc.ServerWritableStream<any, any>) =>
        serveStream(method.path, (context) => (handler as StreamHandler)(call.request, context), log)(call);
    } else {
      implementation[name] = serveUnary(method.path, handler as UnaryHandler, log);
    }
  }
  return implementation;
}

export interface ServedService {
  definition: ServiceDefinition;
  handlers: ServiceHandlers;
}

/** A server listening on `address` (`unix:///path` or host:port). */
export async function serveGrpc(address: string, services: ServedService[], log: Logger): Promise<grpc.Server> {
  const server = new grpc.Server({
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.enable_channelz': 0,
    'grpc.max_send_message_length': maxMessageBytes,
  });
  for (const { definition, handlers } of services) {
    server.addService(definition as unknown as grpc.ServiceDefinition, implement(definition, handlers, log));
  }
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  return server;
}
