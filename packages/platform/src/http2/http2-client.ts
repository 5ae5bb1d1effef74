// The calling end of HTTP/2 over one socket, as unary gRPC needs it: a request is sent whole, an answer is read whole.
//
// Node's own http2 makes a stream object with its listeners, timers and states of every request, and a call costs more
// there than all that it is for. What this does not do (push, priorities, streaming) is left to grpc-js.
import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { ContainerError } from '@tscontainer/core/errors';
import { BodyBuffer } from './body-buffer.ts';
import type { Headers } from './hpack.ts';
import { Http2Connection, Http2Stream } from './http2-connection.ts';
import { connectionPreface, errorCode, maxStreamId, setting } from './http2-frame.ts';

const bounds = {
  maxHeaderBytes: 256 * 1024,
  streamWindowBytes: 32 * 1024 * 1024, // a whole answer fits
  connectionWindowBytes: 64 * 1024 * 1024,
};
/** Until the peer has said how many it takes; one that says nothing of it takes any number (RFC 9113, 6.5.2). */
const firstMaxStreams = 100;

export interface Http2Answer {
  /** Both header blocks in one. */
  headers: Headers;
  body: Buffer;
}

export interface Exchange {
  /** Gives the stream up: nothing is called any more, and the peer is told. */
  abandon(): void;
}

interface Outgoing {
  block: Buffer;
  body: Uint8Array;
}

class Stream extends Http2Stream implements Exchange {
  readonly body = new BodyBuffer();
  headers: Headers | undefined;
  readonly onEnd: (answer: Http2Answer) => void;
  readonly onError: (error: ContainerError) => void;
  readonly #connection: Http2Client;

  constructor(
    connection: Http2Client,
    id: number,
    windowBytes: number,
    onEnd: (answer: Http2Answer) => void,
    onError: (error: ContainerError) => void,
  ) {
    super(id, windowBytes, bounds.streamWindowBytes);
    this.#connection = connection;
    this.onEnd = onEnd;
    this.onError = onError;
  }

  abandon(): void {
    this.#connection.abandon(this);
  }
}

/** Story: any number of `request`s at a time; `close`. When the peer goes, all that are under way fail unavailable. */
export class Http2Client extends Http2Connection<Stream> {
  readonly #name: string;
  readonly #queued: (() => void)[] = [];
  #nextId = 1;
  #maxStreams = firstMaxStreams;
  #isLeaving = false;
  #failure: ContainerError | undefined;

  /** `name` says in errors whom it talks to. */
  constructor(socket: Socket, name: string) {
    super(socket, bounds);
    this.#name = name;
    const settings: [number, number][] = [
      [setting.enablePush, 0],
      [setting.unaryOnly, 1],
    ];
    socket.write(Buffer.concat([connectionPreface, this.greeting(settings)]));
  }

  /** False when a new connection is to be made for further requests. */
  get isUsable(): boolean {
    return !this.#isLeaving && this.#failure === undefined && this.#nextId < maxStreamId;
  }

  /** Exactly one of the callbacks is called, once, unless the exchange is abandoned. */
  request(
    block: Buffer,
    body: Uint8Array,
    onEnd: (answer: Http2Answer) => void,
    onError: (error: ContainerError) => void,
  ): Exchange {
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      queueMicrotask(() => onError(failure));
      return { abandon: () => undefined };
    }
    if (this.#hasRoom) return this.#open({ block, body }, onEnd, onError);
    let begun: Exchange | undefined;
    let isAbandoned = false;
    this.#queued.push(() => {
      if (isAbandoned) return;
      if (this.#failure !== undefined) onError(this.#failure);
      else begun = this.#open({ block, body }, onEnd, onError);
    });
    return {
      abandon: () => {
        isAbandoned = true;
        begun?.abandon();
      },
    };
  }

  close(): void {
    this.socket.destroy();
  }

  abandon(stream: Stream): void {
    if (!this.streams.has(stream.id)) return;
    this.reset(stream.id, errorCode.cancel);
    this.#forget(stream);
  }

  get #hasRoom(): boolean {
    return this.streams.size < this.#maxStreams;
  }

  #open(
    { block, body }: Outgoing,
    onEnd: (answer: Http2Answer) => void,
    onError: (error: ContainerError) => void,
  ): Exchange {
    const stream = new Stream(this, this.#nextId, this.peerStreamWindowBytes, onEnd, onError);
    this.#nextId += 2;
    this.streams.set(stream.id, stream);
    this.send(stream, block, body, undefined);
    return stream;
  }

  protected isIdle(streamId: number): boolean {
    return streamId % 2 === 0 || streamId >= this.#nextId;
  }

  protected override onSettings(): void {
    this.#maxStreams = this.peerMaxStreams;
    this.#openQueued();
  }

  protected onHeaders(streamId: number, isEnd: boolean, headers: Headers): void {
    const stream = this.streams.get(streamId);
    if (stream === undefined) return;
    if (stream.headers === undefined) stream.headers = headers;
    else for (const [name, value] of headers) stream.headers.set(name, value);
    if (isEnd) this.#end(stream);
  }

  protected onContent(stream: Stream, content: Buffer, frameBytes: number, isEnd: boolean): void {
    this.release(frameBytes);
    stream.body.push(content);
    if (isEnd) this.#end(stream);
  }

  #end(stream: Stream): void {
    this.#forget(stream);
    stream.onEnd({ headers: stream.headers ?? new Map(), body: stream.body.take() });
  }

  protected onReset(stream: Stream, code: number): void {
    this.#forget(stream);
    stream.onError(new ContainerError('unavailable', `${this.#name}: the stream was reset (${code})`));
  }

  /** What the peer has not begun fails; the rest ends as it would. */
  protected onGoaway(lastId: number): void {
    this.#isLeaving = true;
    for (const stream of [...this.streams.values()]) {
      if (stream.id <= lastId) continue;
      this.#forget(stream);
      stream.onError(new ContainerError('unavailable', `${this.#name}: it is going away`));
    }
    if (this.streams.size === 0) this.socket.destroy();
  }

  #forget(stream: Stream): void {
    this.streams.delete(stream.id);
    this.#openQueued();
    if (this.#isLeaving && this.streams.size === 0) this.socket.destroy();
  }

  /** A peer that leaves begins with nothing new: what waits then fails with the connection. */
  #openQueued(): void {
    while (!this.#isLeaving && this.#hasRoom && this.#queued.length > 0) this.#queued.shift()?.();
  }

  protected onClosed(cause: string): void {
    this.#failure = new ContainerError('unavailable', `${this.#name}: ${cause}`);
    for (const stream of [...this.streams.values()]) {
      this.streams.delete(stream.id);
      stream.onError(this.#failure);
    }
    for (const begin of this.#queued.splice(0)) begin();
  }
}
