// The serving end of ttrpc: unary methods on a unix socket, each call in its trace, errors as google.rpc.Status.
import { createServer, type Server, type Socket } from 'node:net';
import { ContainerError } from '@tscontainer/core/errors';
import type { CallContext, UnaryHandler } from '../call-context.ts';
import { statusFromError } from '../grpc-status.ts';
import { runInTrace, traceparentHeader } from '../trace.ts';
import type { ServiceContract } from '../wire-codec.ts';
import { joinReason, ttrpcNamespaceKey } from './ttrpc-client.ts';
import {
  encodeFrame,
  type Frame,
  FrameParser,
  messageType,
  requestCodec,
  responseCodec,
  type TtrpcRequest,
} from './ttrpc-frame.ts';

export interface TtrpcService {
  /** Full name, e.g. `containerd.task.v2.Task`. */
  name: string;
  definition: ServiceContract;
  handlers: Record<string, UnaryHandler>;
}

/** The part of a logger that is used here. */
export interface TtrpcLog {
  debug(fields: object, message: string): void;
}

export interface TtrpcServerOptions {
  /** Asked for each new connection with its descriptor; false closes it at once. */
  isPeerAllowed?: (fd: number) => boolean;
  /** Told after each connection and disconnection. */
  onConnectionsChanged?: (count: number) => void;
}

/** Serves on `listen`: a socket path to bind, or a listening socket's descriptor that was inherited. */
export async function serveTtrpc(
  listen: { path: string } | { fd: number },
  services: TtrpcService[],
  log: TtrpcLog,
  options: TtrpcServerOptions = {},
): Promise<TtrpcServer> {
  const server = new TtrpcServer(services, log, options);
  await server.listen(listen);
  return server;
}

export class TtrpcServer {
  readonly #services: Map<string, TtrpcService>;
  readonly #log: TtrpcLog;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();

  readonly #options: TtrpcServerOptions;

  constructor(services: TtrpcService[], log: TtrpcLog, options: TtrpcServerOptions = {}) {
    this.#options = options;
    this.#services = new Map(services.map((service) => [service.name, service]));
    this.#log = log;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** How many peers are connected now. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  listen(listen: { path: string } | { fd: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(listen, () => resolve());
    });
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#connections) socket.destroy();
  }

  #accept(socket: Socket): void {
    const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
    if (this.#options.isPeerAllowed?.(fd) === false) {
      socket.destroy();
      return;
    }
    const parser = new FrameParser();
    const abort = new AbortController();
    this.#connections.add(socket);
    this.#options.onConnectionsChanged?.(this.#connections.size);
    socket.on('close', () => {
      this.#connections.delete(socket);
      abort.abort();
      this.#options.onConnectionsChanged?.(this.#connections.size);
    });
    socket.on('error', (error) => this.#log.debug({ err: error.message }, 'ttrpc connection failed'));
    socket.on('data', (chunk) => {
      try {
        for (const frame of parser.push(chunk)) this.#dispatch(socket, frame, abort.signal);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
  }

  #dispatch(socket: Socket, frame: Frame, signal: AbortSignal): void {
    if (frame.type !== messageType.request) return; // streaming of ttrpc 1.2 is not offered: no method here streams
    let request: TtrpcRequest;
    try {
      request = requestCodec.decode(frame.payload);
    } catch (error) {
      this.#respond(
        socket,
        frame.streamId,
        undefined,
        new ContainerError('invalid-argument', 'ttrpc request: not protobuf', {
          cause: error,
        }),
      );
      return;
    }
    const metadata = new Map(request.metadata.map(({ key, value }) => [key, value]));
    runInTrace(metadata.get(traceparentHeader), async () => {
      try {
        this.#respond(
          socket,
          frame.streamId,
          await this.#invoke(request, {
            namespace: metadata.get(ttrpcNamespaceKey) ?? '',
            lease: undefined,
            signal,
            metadata: (key) => metadata.get(key),
          }),
        );
      } catch (error) {
        this.#respond(socket, frame.streamId, undefined, error);
      }
    });
  }

  async #invoke(request: TtrpcRequest, context: CallContext): Promise<Buffer> {
    const service = this.#services.get(request.service);
    const method = service?.definition[request.method];
    const handler = service?.handlers[request.method];
    if (method === undefined || handler === undefined) {
      throw new ContainerError('unimplemented', `ttrpc ${request.service}/${request.method}: not served here`);
    }
    const response = await handler(method.requestDeserialize(Buffer.from(request.payload)), context);
    this.#log.debug({ method: `${request.service}/${request.method}` }, 'call served');
    return method.responseSerialize((response ?? {}) as object);
  }

  #respond(socket: Socket, streamId: number, payload: Buffer | undefined, error?: unknown): void {
    if (socket.destroyed) return;
    const failed = error === undefined ? undefined : statusFromError(error);
    if (failed !== undefined) this.#log.debug({ err: failed.message, code: failed.code }, 'call failed');
    const status =
      failed === undefined
        ? null
        : {
            code: failed.code,
            message: joinReason(failed.message, failed.reason),
          };
    const response = responseCodec.encode({
      status,
      payload: payload ?? Buffer.alloc(0),
    });
    // answers given one after the other leave in one system call
    if (socket.writableCorked === 0) {
      socket.cork();
      process.nextTick(() => socket.uncork());
    }
    socket.write(encodeFrame({ streamId, type: messageType.response, flags: 0, payload: response }));
  }
}
