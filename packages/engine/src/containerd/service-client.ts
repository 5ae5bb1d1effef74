// Turns a generated contract into a typed client: one method per gRPC method, with the namespace put into every call.

import { loadService } from '@tscontainer/platform/contract-loader';
import type { Duplex, Sent, ServerStream, Unary } from '@tscontainer/platform/contracts/message-forms';
import type { CallOptions, DuplexCall, GrpcConnection } from '@tscontainer/platform/grpc-client';

export type ClientOf<Service> = { readonly [Method in keyof Service]: MethodOf<Service[Method]> };

type MethodOf<M> =
  M extends Unary<infer Request, infer Response>
    ? (request: Sent<Request>, options?: CallOptions) => Promise<Response>
    : M extends ServerStream<infer Request, infer Response>
      ? (request: Sent<Request>, options?: CallOptions) => AsyncGenerator<Response>
      : M extends Duplex<infer Request, infer Response>
        ? (options?: CallOptions) => DuplexCall<Sent<Request>, Response>
        : never;

/** `file` is the contract's path in protos/, `name` the service's full name. Options of a call win over `defaults`. */
export function serviceClient<Service>(
  connection: GrpcConnection,
  file: string,
  name: string,
  defaults: CallOptions,
): ClientOf<Service> {
  const definition = loadService(file, name);
  const methods: Record<string, unknown> = {};
  for (const [method, { requestStream, responseStream }] of Object.entries(definition)) {
    if (requestStream) {
      methods[method] = (options?: CallOptions) => connection.duplex(definition, method, { ...defaults, ...options });
    } else if (responseStream) {
      methods[method] = (request: object, options?: CallOptions) =>
        connection.stream(definition, method, request, { ...defaults, ...options });
    } else {
      methods[method] = (request: object, options?: CallOptions) =>
        connection.unary(definition, method, request, { ...defaults, ...options });
    }
  }
  return methods as ClientOf<Service>;
}
