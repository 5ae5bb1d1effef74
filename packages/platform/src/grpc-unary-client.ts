// Unary gRPC calls to a daemon on a unix socket over our own HTTP/2; streams and TCP are grpc-js's (grpc-client.ts). A builder's
// sessions call on a connection that their client has made.
import { Buffer } from 'node:buffer';
import { connect, type Socket } from 'node:net';
import { ContainerError } from '@tscontainer/core/errors';
import { type CallOptions, leaseKey, namespaceKey } from './call-context.ts';
import { fromBody, fromStatusText, toBody } from './grpc-message.ts';
import { errorFromStatus, reasonKey } from './grpc-status.ts';
import { encodeHeaders } from './http2/hpack.ts';
import { type Exchange, type Http2Answer, Http2Client } from './http2/http2-client.ts';
import { outgoingTraceparent, traceparentHeader } from './trace.ts';

/** Blocks kept ready: one for each method, namespace and lease. */
const maxKnownBlocks = 512;

/** A connection that is there, and the only one; `name` says in errors whose it is. */
export interface GivenConnection {
  socket: Socket;
  name: string;
}

/**
 * Story: any number of `call`s, `close`. Given a path it connects with the first call, and anew after the daemon was gone;
 * given a connection it greets the server at once, and every call fails when that is gone.
 */
export class GrpcUnaryClient {
  readonly #path: string;
  readonly #maxMessageBytes: number;
  readonly #blocks = new Map<string, Buffer>();
  #connection: Http2Client | undefined;

  /** `target`: path of a socket, or a connection. */
  constructor(target: string | GivenConnection, maxMessageBytes: number) {
    this.#path = typeof target === 'string' ? target : '';
    this.#maxMessageBytes = maxMessageBytes;
    if (typeof target !== 'string') this.#connection = new Http2Client(target.socket, target.name);
  }

  close(): void {
    this.#connection?.close();
  }

  /** `method`: `/package.Service/Method`. Resolves with the answer's message; rejects with the status as our error. */
  call(method: string, message: Uint8Array, options: CallOptions): Promise<Buffer> {
    const { signal, timeoutMs } = options;
    if (message.length > this.#maxMessageBytes) {
      const cause = `call ${method}: a message of ${message.length} bytes is more than ${this.#maxMessageBytes}`;
      return Promise.reject(new ContainerError('resource-exhausted', cause));
    }
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      let exchange: Exchange | undefined;
      const settled = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const fail = (error: ContainerError) => {
        settled();
        reject(error);
      };
      const giveUp = (error: ContainerError) => {
        exchange?.abandon();
        fail(error);
      };
      const onAbort = () => giveUp(new ContainerError('cancelled', `call ${method}: cancelled`));
      const onEnd = (answer: Http2Answer) => {
        settled();
        try {
          const message = this.#messageOf(method, answer);
          options.onMetadata?.(answer.headers);
          resolve(message);
        } catch (error) {
          reject(error);
        }
      };
      if (signal?.aborted) return onAbort();
      signal?.addEventListener('abort', onAbort, { once: true });
      if (timeoutMs !== undefined) {
        const late = () =>
          giveUp(new ContainerError('deadline-exceeded', `call ${method}: no answer in ${timeoutMs} ms`));
        timer = setTimeout(late, timeoutMs);
      }
      exchange = this.#connected().request(this.#blockOf(method, options), toBody(message), onEnd, fail);
    });
  }

  #connected(): Http2Client {
    if (this.#connection === undefined || (this.#path !== '' && !this.#connection.isUsable))
      this.#connection = new Http2Client(connect(this.#path), `connect unix://${this.#path}`);
    return this.#connection;
  }

  #blockOf(method: string, { namespace = '', lease = '', timeoutMs, metadata }: CallOptions): Buffer {
    const key = `${method}\n${namespace}\n${lease}`;
    let block = this.#blocks.get(key);
    if (block === undefined) {
      block = encodeHeaders([
        [':method', 'POST'],
        [':scheme', 'http'],
        [':path', method],
        [':authority', 'localhost'],
        ['te', 'trailers'],
        ['content-type', 'application/grpc'],
        ['user-agent', 'tscontainer'],
        ...(namespace === '' ? [] : [[namespaceKey, namespace] as const]),
        ...(lease === '' ? [] : [[leaseKey, lease] as const]),
      ]);
      if (this.#blocks.size >= maxKnownBlocks) this.#blocks.clear();
      this.#blocks.set(key, block);
    }
    const traceparent = outgoingTraceparent();
    const own = Object.entries(metadata ?? {});
    if (traceparent !== undefined) own.push([traceparentHeader, traceparent]);
    if (timeoutMs !== undefined) own.push(['grpc-timeout', `${Math.ceil(timeoutMs)}m`]);
    return own.length === 0 ? block : Buffer.concat([block, encodeHeaders(own)]);
  }

  #messageOf(method: string, { headers, body }: Http2Answer): Buffer {
    const status = headers.get('grpc-status');
    if (status === undefined)
      throw new ContainerError('unavailable', `call ${method}: HTTP ${headers.get(':status')} without a gRPC status`);
    if (status !== '0')
      throw errorFromStatus(Number(status), fromStatusText(headers.get('grpc-message') ?? ''), headers.get(reasonKey));
    return fromBody(method, body);
  }
}
