// How the generated contracts are read: messages as decoded and as sent, and the shapes that a method can have.
import type { CallContext } from '../grpc-server.ts';

/**
 * A message as it may be sent. The generated types say what is decoded, where every field is present; a sender may
 * leave out any field, which then has its default (0, '', false, the first enum value, no message).
 */
export type Sent<T> = { [Field in keyof T]?: SentValue<T[Field]> | undefined };

type SentValue<V> = V extends Buffer
  ? Uint8Array
  : V extends readonly (infer Element)[]
    ? readonly SentValue<Element>[]
    : V extends object
      ? string extends keyof V
        ? Readonly<Record<string, SentValue<V[keyof V]>>>
        : Sent<V>
      : V;

/** One request, one response. */
export interface Unary<Request, Response> {
  shape: 'unary';
  request: Request;
  response: Response;
}

/** One request, any number of responses. */
export interface ServerStream<Request, Response> {
  shape: 'server-stream';
  request: Request;
  response: Response;
}

/** Any number of each. */
export interface Duplex<Request, Response> {
  shape: 'duplex';
  request: Request;
  response: Response;
}

/** What serves a whole contract, e.g. `HandlersOf<Tasks>`; `Partial` of it leaves methods unimplemented. */
export type HandlersOf<Service> = { [Method in keyof Service]: HandlerOf<Service[Method]> };

type HandlerOf<M> =
  M extends Unary<infer Request, infer Response>
    ? (request: Request, context: CallContext) => Promise<Sent<Response>>
    : M extends ServerStream<infer Request, infer Response>
      ? (request: Request, context: CallContext) => AsyncIterable<Sent<Response>>
      : M extends Duplex<infer Request, infer Response>
        ? (requests: AsyncIterable<Request>, context: CallContext) => AsyncIterable<Sent<Response>>
        : never;
