// One session: a client's connection on which the roles are turned. The engine calls, and the client serves gRPC over HTTP/2.
import type { Socket } from 'node:net';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import { GrpcUnaryClient } from '@tscontainer/platform/grpc-unary-client';

/** Of one answer, as gRPC has it by default. */
const maxMessageBytes = 16 * 1024 * 1024;

/** What the client says of itself in X-Docker-Expose-Session-*. */
export interface SessionIntroduction {
  /** X-Docker-Expose-Session-Uuid. */
  id: string;
  name: string;
  /** The same for builds of the same directory by the same client. */
  sharedKey: string;
  /** `/moby.filesync.v1.FileSync/DiffCopy`: what may be called. */
  methods: readonly string[];
}

/** Story: `call` as often as wished, until `signal` is aborted, by `end` or because the client has left. */
export class Session {
  readonly id: string;
  readonly name: string;
  readonly sharedKey: string;
  readonly #methods: ReadonlySet<string>;
  readonly #socket: Socket;
  readonly #calls: GrpcUnaryClient;
  readonly #over = new AbortController();

  /** `socket` has left HTTP/1.1; what the client has sent since is in it. */
  constructor({ id, name, sharedKey, methods }: SessionIntroduction, socket: Socket) {
    this.id = id;
    this.name = name;
    this.sharedKey = sharedKey;
    this.#methods = new Set(methods.map((method) => method.toLowerCase()));
    this.#socket = socket;
    this.#calls = new GrpcUnaryClient({ socket, name: `session ${id}` }, maxMessageBytes);
    socket.once('end', () => socket.destroy()); // a client that says no more answers no more
    const onClose = () => this.end(new ContainerError('unavailable', `session ${id}: the client has left`));
    if (socket.destroyed) queueMicrotask(onClose);
    socket.once('close', onClose);
  }

  /** Aborted when it is over, with why. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** Whether the client has said that it serves the method. */
  supports(method: string): boolean {
    return this.#methods.has(method.toLowerCase());
  }

  /** A unary method, as `/package.Service/Method`. Rejects with the client's status as our error. */
  call(method: string, message: Uint8Array, options: { timeoutMs: number }): Promise<Buffer> {
    return this.#calls.call(method, message, { ...options, signal: this.signal });
  }

  /** Closes the connection. */
  end(cause: unknown): void {
    if (this.signal.aborted) return;
    this.#over.abort(
      cause instanceof ContainerError ? cause : new ContainerError('unavailable', errorMessageOf(cause), { cause }),
    );
    this.#socket.destroy();
  }
}
