// The calling end of ttrpc: unary calls over one unix socket, many at a time.
import { connect, type Socket } from 'node:net';
import { ContainerError } from '@tscontainer/core/errors';
import { type CallOptions, namespaceKey } from '../call-context.ts';
import { errorFromStatus } from '../grpc-status.ts';
import { outgoingTraceparent, traceparentHeader } from '../trace.ts';
import type { ServiceContract } from '../wire-codec.ts';
import { encodeFrame, type Frame, FrameParser, messageType, requestCodec, responseCodec } from './ttrpc-frame.ts';

export const ttrpcNamespaceKey = `${namespaceKey}-ttrpc`;

interface PendingCall {
  resolve(payload: Buffer): void;
  reject(error: ContainerError): void;
}

/** Story: `connectTtrpc`, any number of `call`s, `close`. When the peer goes away all pending calls reject unavailable. */
export class TtrpcClient {
  readonly address: string;
  readonly #socket: Socket;
  readonly #pending = new Map<number, PendingCall>();
  readonly #parser = new FrameParser();
  #nextStreamId = 1;
  #closedBy: ContainerError | undefined;
  /** Resolves once, when the connection is gone for any reason. */
  readonly closed: Promise<void>;

  constructor(address: string, socket: Socket) {
    this.address = address;
    this.#socket = socket;
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', (error) => this.#fail(error.message));
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#fail('connection closed');
        resolve();
      });
    });
  }

  call<Req, Res>(
    service: string,
    definition: ServiceContract,
    method: string,
    request: Req,
    options: CallOptions = {},
  ): Promise<Res> {
    const contract = definition[method];
    if (contract === undefined)
      return Promise.reject(new ContainerError('unimplemented', `ttrpc ${service}/${method}: not in the contract`));
    if (this.#closedBy !== undefined) return Promise.reject(this.#closedBy);
    const streamId = this.#nextStreamId;
    this.#nextStreamId += 2;
    return new Promise<Res>((resolve, reject) => {
      const settle = this.#register(streamId, options, reject, (payload) =>
        resolve(contract.responseDeserialize(payload) as Res),
      );
      const payload = requestCodec.encode({
        service,
        method,
        payload: contract.requestSerialize(request as object),
        timeoutNano: (options.timeoutMs ?? 0) * 1_000_000,
        metadata: metadataOf(options),
      });
      try {
        this.#write(encodeFrame({ streamId, type: messageType.request, flags: 0, payload }));
      } catch (error) {
        settle.reject(error as ContainerError);
      }
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Lets the process end although the connection is open. */
  unref(): void {
    this.#socket.unref();
  }

  /** Calls made one after the other leave in one system call. */
  #write(frame: Buffer): void {
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    this.#socket.write(frame);
  }

  #register(
    streamId: number,
    options: CallOptions,
    reject: (error: ContainerError) => void,
    succeed: (payload: Buffer) => void,
  ): PendingCall {
    let timer: NodeJS.Timeout | undefined;
    const onAbort = () => call.reject(new ContainerError('cancelled', 'ttrpc call cancelled'));
    const finish = () => {
      this.#pending.delete(streamId);
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
    };
    const call: PendingCall = {
      resolve: (payload) => {
        finish();
        succeed(payload);
      },
      reject: (error) => {
        finish();
        reject(error);
      },
    };
    if (options.timeoutMs !== undefined) {
      timer = setTimeout(
        () => call.reject(new ContainerError('deadline-exceeded', `ttrpc call: no answer in ${options.timeoutMs} ms`)),
        options.timeoutMs,
      );
    }
    options.signal?.addEventListener('abort', onAbort, { once: true });
    this.#pending.set(streamId, call);
    return call;
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#parser.push(chunk)) this.#settle(frame);
    } catch (error) {
      this.#socket.destroy(error as Error);
    }
  }

  #settle(frame: Frame): void {
    const call = this.#pending.get(frame.streamId);
    if (call === undefined || frame.type !== messageType.response) return;
    const response = responseCodec.decode(frame.payload);
    const status = response.status;
    if (status !== null && status !== undefined && status.code !== 0)
      call.reject(errorFromStatus(status.code, ...splitReason(status.message)));
    else call.resolve(Buffer.from(response.payload));
  }

  #fail(cause: string): void {
    this.#closedBy ??= new ContainerError('unavailable', `ttrpc ${this.address}: ${cause}`, {
      reason: 'shim-connection-lost',
    });
    for (const call of [...this.#pending.values()]) call.reject(this.#closedBy);
  }
}

/** Connects to a socket path or `unix://` address. Rejects unavailable. */
export function connectTtrpc(address: string): Promise<TtrpcClient> {
  const path = address.replace(/^unix:\/\//, '');
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const onError = (error: Error) =>
      reject(
        new ContainerError('unavailable', `connect ${path}: ${error.message}`, {
          cause: error,
        }),
      );
    socket.once('error', onError);
    socket.once('connect', () => {
      socket.off('error', onError);
      resolve(new TtrpcClient(address, socket));
    });
  });
}

function metadataOf(options: CallOptions): { key: string; value: string }[] {
  const metadata: { key: string; value: string }[] = [];
  if (options.namespace !== undefined) metadata.push({ key: ttrpcNamespaceKey, value: options.namespace });
  const traceparent = outgoingTraceparent();
  if (traceparent !== undefined) metadata.push({ key: traceparentHeader, value: traceparent });
  for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.push({ key, value });
  return metadata;
}

/** ttrpc has no trailing metadata: a reason of ours stands in brackets at the message's end. */
const reasonSuffix = / \[reason: ([a-z0-9-]+)\]$/;

function splitReason(message: string): [string, string | undefined] {
  const match = reasonSuffix.exec(message);
  return match === null ? [message, undefined] : [message.slice(0, match.index), match[1]];
}

export function joinReason(message: string, reason: string | undefined): string {
  return reason === undefined ? message : `${message} [reason: ${reason}]`;
}
