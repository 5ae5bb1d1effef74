// The calling end of gRPC: promises and async iterables, with namespace, lease and trace put into the metadata.
// Streams are grpc-js's; unary calls on a unix socket, of which a container's life is made, are our own (docs/decisions/0018).
import * as grpc from '@grpc/grpc-js';
import type { ServiceDefinition } from '@grpc/proto-loader';
import { ContainerError } from '@tscontainer/core/errors';
import { type CallOptions, leaseKey, namespaceKey } from './call-context.ts';
import { maxMessageBytes } from './grpc-server.ts';
import { errorFromStatus, reasonKey } from './grpc-status.ts';
import { GrpcUnaryClient } from './grpc-unary-client.ts';
import { outgoingTraceparent, traceparentHeader } from './trace.ts';

export type { CallOptions };

export interface DuplexCall<Req, Res> extends AsyncIterable<Res> {
  /** Resolves when the message may be followed by another (back pressure). */
  write(request: Req): Promise<void>;
  /** Half-closes. */
  end(): void;
  cancel(): void;
}

function toError(error: unknown): ContainerError {
  if (error instanceof ContainerError) return error;
  const service = error as grpc.ServiceError;
  if (typeof service.code !== 'number') return new ContainerError('unknown', String(error), { cause: error });
  return errorFromStatus(service.code, service.details, service.metadata?.get(reasonKey)[0]?.toString());
}

/** One connection to a daemon; services are called through it by definition and method name. */
export class GrpcConnection {
  readonly #client: grpc.Client;
  readonly #unary: GrpcUnaryClient | undefined;

  /** `address`: a socket path, `unix:///path` or host:port. */
  constructor(address: string) {
    const target = address.startsWith('/') ? `unix://${address}` : address;
    if (target.startsWith('unix://'))
      this.#unary = new GrpcUnaryClient(target.slice('unix://'.length), maxMessageBytes);
    this.#client = new grpc.Client(target, grpc.credentials.createInsecure(), {
      'grpc.max_receive_message_length': maxMessageBytes,
      'grpc.enable_channelz': 0,
      'grpc.max_send_message_length': maxMessageBytes,
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.min_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 1000,
    });
  }

  /** Whether `metadata` and `onMetadata` of a unary call are heeded. */
  get hasUnaryMetadata(): boolean {
    return this.#unary !== undefined;
  }

  close(): void {
    this.#unary?.close();
    this.#client.close();
  }

  /** Resolves when the peer answers, rejects unavailable after `timeoutMs`. */
  ready(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.waitForReady(Date.now() + timeoutMs, (error) => {
        if (error === undefined) resolve();
        else
          reject(
            new ContainerError('unavailable', `connect ${this.#client.getChannel().getTarget()}: ${error.message}`),
          );
      });
    });
  }

  unary<Req, Res>(service: ServiceDefinition, method: string, request: Req, options: CallOptions = {}): Promise<Res> {
    const definition = this.#method(service, method);
    if (this.#unary !== undefined) {
      const message = definition.requestSerialize(request as object);
      const answer = this.#unary.call(definition.path, message, options);
      return answer.then((bytes) => definition.responseDeserialize(bytes) as Res);
    }
    return new Promise<Res>((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        definition.path,
        definition.requestSerialize as (value: Req) => Buffer,
        definition.responseDeserialize as unknown as (bytes: Buffer) => Res,
        request,
        metadataOf(options),
        callOptionsOf(options),
        (error, response) => (error === null ? resolve(response as Res) : reject(toError(error))),
      );
      cancelOnAbort(call, options.signal);
    });
  }

  /** Server streaming. Leaving the loop cancels the call. */
  async *stream<Req, Res>(
    service: ServiceDefinition,
    method: string,
    request: Req,
    options: CallOptions = {},
  ): AsyncGenerator<Res> {
    const definition = this.#method(service, method);
    const call = this.#client.makeServerStreamRequest(
      definition.path,
      definition.requestSerialize as (value: Req) => Buffer,
      definition.responseDeserialize as unknown as (bytes: Buffer) => Res,
      request,
      metadataOf(options),
      callOptionsOf(options),
    );
    cancelOnAbort(call, options.signal);
    try {
      for await (const message of call) yield message as Res;
    } catch (error) {
      throw toError(error);
    } finally {
      call.cancel();
    }
  }

  duplex<Req, Res>(service: ServiceDefinition, method: string, options: CallOptions = {}): DuplexCall<Req, Res> {
    const definition = this.#method(service, method);
    const call = this.#client.makeBidiStreamRequest(
      definition.path,
      definition.requestSerialize as (value: Req) => Buffer,
      definition.responseDeserialize as unknown as (bytes: Buffer) => Res,
      metadataOf(options),
      callOptionsOf(options),
    );
    cancelOnAbort(call, options.signal);
    return {
      write: (request) =>
        new Promise((resolve, reject) =>
          call.write(request, (error: unknown) => (error ? reject(toError(error)) : resolve())),
        ),
      end: () => call.end(),
      cancel: () => call.cancel(),
      async *[Symbol.asyncIterator]() {
        try {
          for await (const message of call) yield message as Res;
        } catch (error) {
          throw toError(error);
        }
      },
    };
  }

  #method(service: ServiceDefinition, method: string): ServiceDefinition[string] {
    const definition = service[method];
    if (definition === undefined) throw new ContainerError('unimplemented', `call ${method}: not in the contract`);
    return definition;
  }
}

function metadataOf(options: CallOptions): grpc.Metadata {
  const metadata = new grpc.Metadata();
  if (options.namespace !== undefined) metadata.set(namespaceKey, options.namespace);
  if (options.lease !== undefined) metadata.set(leaseKey, options.lease);
  const traceparent = outgoingTraceparent();
  if (traceparent !== undefined) metadata.set(traceparentHeader, traceparent);
  return metadata;
}

function callOptionsOf(options: CallOptions): grpc.CallOptions {
  return options.timeoutMs === undefined ? {} : { deadline: Date.now() + options.timeoutMs };
}

/** Of a signal that outlives the call nothing is kept. */
function cancelOnAbort(call: grpc.ClientUnaryCall | grpc.ClientReadableStream<unknown>, signal?: AbortSignal): void {
  if (signal === undefined) return;
  const cancel = () => call.cancel();
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel, { once: true });
  call.once('status', () => signal.removeEventListener('abort', cancel));
}
