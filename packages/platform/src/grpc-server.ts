// The serving end of gRPC: handlers are async functions, errors and traces are translated here and nowhere else.
import * as grpc from '@grpc/grpc-js';
import type { ServiceDefinition } from '@grpc/proto-loader';
import { ContainerError } from '@tscontainer/core/errors';
import { type CallContext, leaseKey, namespaceKey, type UnaryHandler } from './call-context.ts';
import { GrpcListener } from './grpc-listener.ts';
import { reasonKey } from './grpc-status.ts';
import { GrpcUnaryServer, type UnaryMethod } from './grpc-unary-server.ts';
import type { Logger } from './logger.ts';
import { failedStatus, logServed, ServedContext } from './served-call.ts';
import { runInTrace, traceparentHeader } from './trace.ts';

export type { CallContext, UnaryHandler };
export { leaseKey, namespaceKey };

/** Server streaming: each yielded value is one message; back pressure is obeyed. */
export type StreamHandler = (request: any, context: CallContext) => AsyncIterable<unknown>;
/** Bidirectional: `requests` ends when the caller half-closes. */
export type DuplexHandler = (requests: AsyncIterable<any>, context: CallContext) => AsyncIterable<unknown>;

/** Handlers by method name as in the proto (`Create`); a method that is missing answers Unimplemented. */
export type ServiceHandlers = Record<string, UnaryHandler | StreamHandler | DuplexHandler>;

type ServerStream = grpc.ServerWritableStream<any, any> | grpc.ServerDuplexStream<any, any>;

export const maxMessageBytes = 16 * 1024 * 1024;

export function requireNamespace(context: CallContext): string {
  if (context.namespace === '')
    throw new ContainerError('failed-precondition', 'namespace is required: failed precondition');
  return context.namespace;
}

function contextOf(call: grpc.ServerUnaryCall<any, any> | ServerStream): ServedContext {
  const context = new ServedContext((key) => call.metadata.get(key)[0]?.toString());
  // grpc-js says so after a normal end too
  (call as grpc.ServerUnaryCall<any, any>).on('cancelled', () => context.cancel());
  return context;
}

function failure(error: unknown, log: Logger, method: string): Partial<grpc.StatusObject> & Error {
  const { code, message, reason } = failedStatus(error, log, method);
  const metadata = new grpc.Metadata();
  if (reason !== undefined) metadata.set(reasonKey, reason);
  return Object.assign(new Error(message), {
    code,
    details: message,
    metadata,
  });
}

function trailersOf(context: ServedContext): grpc.Metadata | undefined {
  if (context.trailers === undefined) return undefined;
  const metadata = new grpc.Metadata();
  for (const [key, value] of context.trailers) metadata.set(key, value);
  return metadata;
}

function traceOf(metadata: grpc.Metadata): string | undefined {
  return metadata.get(traceparentHeader)[0]?.toString();
}

function serveUnary(path: string, handler: UnaryHandler, log: Logger): grpc.handleUnaryCall<unknown, unknown> {
  return (call, callback) => {
    runInTrace(traceOf(call.metadata), async () => {
      try {
        const context = contextOf(call);
        const response = await handler(call.request, context);
        logServed(log, path);
        callback(null, response, trailersOf(context));
      } catch (error) {
        callback(failure(error, log, path));
      }
    });
  };
}

async function pump(call: ServerStream, messages: AsyncIterable<unknown>, signal: AbortSignal): Promise<void> {
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
  return (call: ServerStream): void => {
    runInTrace(traceOf(call.metadata), async () => {
      const context = contextOf(call);
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

/** The methods that a connection for unary calls may name; those that stream are known, to be refused by name. */
function unaryMethods({ definition, handlers }: ServedService): UnaryMethod[] {
  return Object.entries(definition).flatMap(([name, method]) => {
    const handler = handlers[name];
    if (handler === undefined) return [];
    const isUnary = !method.requestStream && !method.responseStream;
    const { path, requestDeserialize, responseSerialize } = method;
    return [{ path, handler: isUnary ? (handler as UnaryHandler) : undefined, requestDeserialize, responseSerialize }];
  });
}

/** Story: made by `serveGrpc`; `stop` once. */
export class GrpcServer {
  readonly #server: grpc.Server;
  readonly #unary: GrpcUnaryServer;
  readonly #listener: GrpcListener;
  readonly #log: Logger;

  constructor(services: ServedService[], log: Logger) {
    this.#log = log;
    this.#server = new grpc.Server({
      'grpc.max_receive_message_length': maxMessageBytes,
      'grpc.enable_channelz': 0,
      'grpc.max_send_message_length': maxMessageBytes,
    });
    for (const { definition, handlers } of services) {
      this.#server.addService(definition as unknown as grpc.ServiceDefinition, implement(definition, handlers, log));
    }
    this.#unary = new GrpcUnaryServer(services.flatMap(unaryMethods), maxMessageBytes, log);
    const injector = this.#server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
    this.#listener = new GrpcListener({
      unaryOnly: (socket, first) => this.#unary.serve(socket, first),
      any: (socket) => injector.injectConnection(socket),
    });
  }

  listen(path: string): Promise<void> {
    return this.#listener.listen(path, (error) =>
      this.#log.warn({ path, err: error.message }, 'a connection was not accepted'),
    );
  }

  /** Answers the calls under way; what is not answered after `graceMs` is cut off. */
  async stop(graceMs: number): Promise<void> {
    const cut = setTimeout(() => {
      this.#server.forceShutdown();
      this.#listener.destroyAll();
    }, graceMs);
    const closed = this.#listener.close();
    this.#unary.leave();
    this.#server.tryShutdown(() => undefined);
    await closed;
    clearTimeout(cut);
  }
}

/** A server listening on the unix socket `path`. */
export async function serveGrpc(path: string, services: ServedService[], log: Logger): Promise<GrpcServer> {
  const server = new GrpcServer(services, log);
  await server.listen(path);
  return server;
}
