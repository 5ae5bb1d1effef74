// Serves unary gRPC on connections whose client makes no other calls, over our own HTTP/2; all else is grpc-js's (grpc-server.ts).
//
// grpc-js takes 0.2 to 0.45 ms of CPU for a call, and sends an answer's trailers a turn of the event loop after its
// message (docs/decisions/0018). Handlers, contexts, codecs, statuses and log are the same on both ways.
import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import type { UnaryHandler } from './call-context.ts';
import { fromBody, messagePrefixBytes, toBody, toStatusText } from './grpc-message.ts';
import { grpcStatusFromCode, reasonKey } from './grpc-status.ts';
import { encodeHeaders } from './http2/hpack.ts';
import { type Http2Request, Http2Server } from './http2/http2-server.ts';
import type { Logger } from './logger.ts';
import { failedStatus, logServed, ServedContext } from './served-call.ts';
import { runInTrace, traceparentHeader } from './trace.ts';

export interface UnaryMethod {
  /** `/package.Service/Method`. */
  path: string;
  /** Undefined for a method that streams: it is refused here. */
  handler: UnaryHandler | undefined;
  requestDeserialize(bytes: Buffer): object;
  responseSerialize(response: any): Buffer;
}

const httpOk: [string, string] = [':status', '200'];
const contentType: [string, string] = ['content-type', 'application/grpc'];
const okBlock = encodeHeaders([httpOk, contentType]);
const okTrailers = encodeHeaders([['grpc-status', '0']]);
const unsupportedBlock = encodeHeaders([[':status', '415']]);

const timeoutPattern = /^(\d{1,8})([HMSmun])$/;
const timeoutUnitsMs: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };
const maxTimerMs = 0x7fff_ffff;

/** Story: `serve` each connection; `stop` answers what is under way, `destroy` does not. */
export class GrpcUnaryServer {
  readonly #methods: ReadonlyMap<string, UnaryMethod>;
  readonly #maxMessageBytes: number;
  readonly #log: Logger;
  readonly #connections = new Set<Http2Server>();

  constructor(methods: UnaryMethod[], maxMessageBytes: number, log: Logger) {
    this.#methods = new Map(methods.map((method) => [method.path, method]));
    this.#maxMessageBytes = maxMessageBytes;
    this.#log = log;
  }

  /** `first` was read from the socket already; it begins after the client's preface. */
  serve(socket: Socket, first: Buffer): void {
    const connection: Http2Server = new Http2Server(socket, {
      maxBodyBytes: messagePrefixBytes + this.#maxMessageBytes,
      onRequest: (request) => this.#begin(request),
      onClosed: (cause) => {
        this.#log.debug({ cause }, 'connection for unary calls closed');
        this.#connections.delete(connection);
      },
    });
    this.#connections.add(connection);
    connection.begin(first);
  }

  /** Each connection closes when its calls are answered. */
  leave(): void {
    for (const connection of this.#connections) connection.leave();
  }

  #begin(request: Http2Request): void {
    const { headers, body } = request;
    const path = headers.get(':path') ?? '';
    const isGrpc = headers.get(':method') === 'POST' && headers.get('content-type')?.startsWith('application/grpc');
    if (!isGrpc) request.respond(unsupportedBlock);
    else if (body === undefined) this.#refuse(request, 'resource-exhausted', this.#tooLarge(`call ${path}: a message`));
    else {
      const method = this.#methods.get(path);
      if (method?.handler === undefined) this.#refuse(request, 'unimplemented', notServed(path, method));
      else runInTrace(headers.get(traceparentHeader), () => this.#run(method, method.handler as UnaryHandler, request));
    }
  }

  #refuse(request: Http2Request, code: 'resource-exhausted' | 'unimplemented', message: string): void {
    request.respond(failureBlock(grpcStatusFromCode(code), message, undefined));
  }

  #tooLarge(what: string): string {
    return `${what} is larger than ${this.#maxMessageBytes} bytes`;
  }

  async #run(method: UnaryMethod, handler: UnaryHandler, request: Http2Request): Promise<void> {
    const { headers } = request;
    const { path } = method;
    const context = new ServedContext((key) => headers.get(key));
    let timer: NodeJS.Timeout | undefined;
    request.onCancelled = () => {
      clearTimeout(timer);
      context.cancel();
    };
    try {
      const timeout = headers.get('grpc-timeout');
      if (timeout !== undefined) timer = setTimeout(() => this.#late(request, context), timeoutMsOf(timeout));
      const message = requestOf(method, request);
      const response = responseOf(method, await handler(message, context));
      if (response.length > this.#maxMessageBytes)
        throw new ContainerError('resource-exhausted', this.#tooLarge(`call ${path}: the answer`));
      logServed(this.#log, path);
      const { trailers } = context;
      const ending = trailers === undefined ? okTrailers : encodeHeaders([['grpc-status', '0'], ...trailers]);
      request.respond(okBlock, toBody(response), ending);
    } catch (error) {
      const { code, message, reason } = failedStatus(error, this.#log, path);
      request.respond(failureBlock(code, message, reason));
    } finally {
      clearTimeout(timer);
    }
  }

  #late(request: Http2Request, context: ServedContext): void {
    request.respond(failureBlock(grpcStatusFromCode('deadline-exceeded'), 'Deadline exceeded', undefined));
    context.cancel();
  }
}

function requestOf(method: UnaryMethod, request: Http2Request): object {
  const bytes = fromBody(method.path, request.body as Buffer);
  request.body = undefined;
  try {
    return method.requestDeserialize(bytes);
  } catch (error) {
    throw new ContainerError('internal', `call ${method.path}: read the request: ${errorMessageOf(error)}`);
  }
}

function responseOf(method: UnaryMethod, response: unknown): Buffer {
  try {
    return method.responseSerialize(response);
  } catch (error) {
    throw new ContainerError('internal', `call ${method.path}: write the answer: ${errorMessageOf(error)}`);
  }
}

function notServed(path: string, method: UnaryMethod | undefined): string {
  return method === undefined
    ? `The server does not implement the method ${path}`
    : `call ${path}: it streams, and this connection was opened for unary calls only`;
}

function failureBlock(code: number, message: string, reason: string | undefined): Buffer {
  return encodeHeaders([
    httpOk,
    contentType,
    ['grpc-status', String(code)],
    ['grpc-message', toStatusText(message)],
    ...(reason === undefined ? [] : [[reasonKey, reason] as const]),
  ]);
}

function timeoutMsOf(header: string): number {
  const [, amount, unit = ''] = timeoutPattern.exec(header) ?? [];
  if (amount === undefined) throw new ContainerError('internal', `Invalid grpc-timeout value "${header}"`);
  return Math.min(Number(amount) * (timeoutUnitsMs[unit] as number), maxTimerMs);
}
