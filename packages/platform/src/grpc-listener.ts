// Accepts the connections of a unix socket and hands each to the server that it is for, by the first bytes that come.
import { Buffer } from 'node:buffer';
import { createServer, type Server, type Socket } from 'node:net';
import { connectionPreface } from './http2/http2-frame.ts';
import { asksForUnaryOnly } from './http2/unary-only.ts';

/** A client that has not said who it is by then is served as any other. */
const introductionMs = 1000;

export interface ConnectionTakers {
  /** `first` begins after the client's preface. */
  unaryOnly: (socket: Socket, first: Buffer) => void;
  /** What was read is in the socket again. */
  any: (socket: Socket) => void;
}

/** Story: `listen`, `close`; `destroyAll` ends what is still open. */
export class GrpcListener {
  readonly #server: Server;
  readonly #takers: ConnectionTakers;
  readonly #sockets = new Set<Socket>();
  /** Those that have not said who they are. */
  readonly #unknown = new Set<Socket>();

  constructor(takers: ConnectionTakers) {
    this.#takers = takers;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Later on `onError` is told when a connection could not be accepted. */
  listen(path: string, onError: (error: Error) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(path, () => {
        this.#server.off('error', reject);
        this.#server.on('error', onError);
        resolve();
      });
    });
  }

  /** Accepts no more; resolves when every connection has ended. */
  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#unknown) socket.destroy();
    return closed;
  }

  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    this.#unknown.add(socket);
    let seen: Buffer = Buffer.alloc(0);
    const settle = () => {
      clearTimeout(timer);
      this.#unknown.delete(socket);
      socket.off('readable', look);
    };
    const passOn = () => {
      settle();
      socket.off('error', ignore);
      if (seen.length > 0) socket.unshift(seen);
      this.#takers.any(socket);
    };
    const look = () => {
      const chunk: Buffer | null = socket.read();
      if (chunk === null) return;
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const isUnaryOnly = asksForUnaryOnly(seen);
      if (isUnaryOnly === undefined) return;
      if (!isUnaryOnly) return passOn();
      settle();
      socket.off('error', ignore);
      this.#takers.unaryOnly(socket, seen.subarray(connectionPreface.length));
    };
    const ignore = () => undefined; // 'close' follows
    const timer = setTimeout(passOn, introductionMs);
    timer.unref();
    socket.on('readable', look);
    socket.on('error', ignore);
    socket.on('close', () => {
      settle();
      this.#sockets.delete(socket);
    });
  }
}
