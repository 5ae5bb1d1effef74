// The answering end of HTTP/2 over one socket, as unary gRPC needs it: a request is read whole, an answer is sent whole.
//
// What a peer may make this side keep is bounded: streams under way, their header blocks and bodies, and what waits to be
// read by it. Whoever goes beyond is refused, or loses the connection.
import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { BodyBuffer } from './body-buffer.ts';
import type { Headers } from './hpack.ts';
import { Http2Connection, Http2Stream, maxQueuedBytes } from './http2-connection.ts';
import { encodeGoaway, errorCode, http2Error, setting } from './http2-frame.ts';

const maxHeaderBytes = 64 * 1024;
/** A waiting call per container of a full machine. */
const maxStreams = 10_000;
/** Beyond the largest body, so that a larger one is seen and answered. */
const windowMarginBytes = 1024 * 1024;
/** Largest bodies that may be under way together; the peer's later ones wait. */
const maxBodiesCount = 4;

export interface Http2ServerOptions {
  maxBodyBytes: number;
  /** Called when a request has come whole; it may answer at once or later. */
  onRequest: (request: Http2Request) => void;
  /** Called once, with why. */
  onClosed: (cause: string) => void;
}

/** Story: `respond`, once, at any time; when the caller has left, `onCancelled` was called and `respond` does nothing. */
export class Http2Request extends Http2Stream {
  readonly headers: Headers;
  /** Undefined when it was larger than it may be. */
  body: Buffer | undefined;
  /** Called once when the caller gives the call up or goes away before the answer. */
  onCancelled: (() => void) | undefined;
  readonly incoming = new BodyBuffer();
  /** Of the peer's window. */
  heldBytes = 0;
  state: 'coming' | 'served' | 'answered' | 'cancelled' = 'coming';
  isWhole = false;
  readonly #connection: Http2Server;

  constructor(connection: Http2Server, id: number, windowBytes: number, incomingBytes: number, headers: Headers) {
    super(id, windowBytes, incomingBytes);
    this.#connection = connection;
    this.headers = headers;
  }

  /** A block of headers alone, or with a body and a block of trailers. */
  respond(block: Buffer, body?: Uint8Array, trailers?: Buffer): void {
    this.#connection.respond(this, block, body, trailers);
  }
}

/** Story: made with a connected socket; `begin`; `leave` or `destroy`. */
export class Http2Server extends Http2Connection<Http2Request> {
  readonly #options: Http2ServerOptions;
  /** Requests whose answer is owed, also to callers who have left: their handlers run on. */
  #servedCount = 0;
  /** The newest stream that was seen: beyond the last that is served while we leave. */
  #newestId = 0;
  #isLeaving = false;

  constructor(socket: Socket, options: Http2ServerOptions) {
    super(socket, {
      maxHeaderBytes,
      streamWindowBytes: options.maxBodyBytes + windowMarginBytes,
      connectionWindowBytes: maxBodiesCount * options.maxBodyBytes,
    });
    this.#options = options;
  }

  /** `first` was read from the socket already; it begins after the client's preface. */
  begin(first: Buffer): void {
    this.write(this.greeting([[setting.maxConcurrentStreams, maxStreams]]));
    this.receive(first);
  }

  /** Takes no further requests, answers those that have come, and closes the connection. */
  leave(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.write(encodeGoaway(this.lastPeerId, errorCode.none));
    this.#endWhenIdle();
  }

  destroy(): void {
    this.socket.destroy();
  }

  respond(request: Http2Request, block: Buffer, body: Uint8Array | undefined, trailers: Buffer | undefined): void {
    if (request.state === 'answered') return;
    if (request.state !== 'coming') this.#servedCount--;
    const isCallerThere = request.state !== 'cancelled';
    request.state = 'answered';
    if (isCallerThere) this.send(request, block, body, trailers);
  }

  protected isIdle(streamId: number): boolean {
    return streamId % 2 === 0 || streamId > this.#newestId;
  }

  /** A peer that reads no answers is not read either. */
  protected override receive(chunk: Buffer): void {
    super.receive(chunk);
    if (this.socket.writableLength > maxQueuedBytes) this.socket.pause();
  }

  protected override onDrain(): void {
    super.onDrain();
    if (this.socket.isPaused() && this.socket.writableLength <= maxQueuedBytes) this.socket.resume();
  }

  protected onHeaders(streamId: number, isEnd: boolean, headers: Headers): void {
    const known = this.streams.get(streamId);
    if (known !== undefined) {
      if (!isEnd || known.isWhole) throw http2Error(errorCode.protocol, `read frame: headers amid stream ${streamId}`);
      // trailers of a request: gRPC has none, and nobody would read them
      if (known.state === 'coming') this.#whole(known);
      else known.isWhole = true; // it was answered before its end
      return;
    }
    if (streamId % 2 === 0) throw http2Error(errorCode.protocol, `read frame: a stream ${streamId} of a client`);
    if (streamId <= this.#newestId) return; // of one that is over
    this.#newestId = streamId;
    if (this.#isLeaving) return;
    this.lastPeerId = streamId;
    if (this.streams.size >= maxStreams || this.#servedCount >= maxStreams) {
      this.reset(streamId, errorCode.refusedStream);
      return;
    }
    const { streamWindowBytes } = this.bounds;
    const request = new Http2Request(this, streamId, this.peerStreamWindowBytes, streamWindowBytes, headers);
    this.streams.set(streamId, request);
    if (isEnd) this.#whole(request);
  }

  protected onContent(request: Http2Request, content: Buffer, frameBytes: number, isEnd: boolean): void {
    if (request.isWhole) throw http2Error(errorCode.streamClosed, `read frame: data after stream ${request.id}'s end`);
    if (request.state !== 'coming') {
      request.isWhole = isEnd;
      this.release(frameBytes);
      return;
    }
    request.heldBytes += frameBytes;
    if (request.incoming.length + content.length > this.#options.maxBodyBytes) this.#refuseBody(request, isEnd);
    else {
      request.incoming.push(content);
      if (isEnd) this.#whole(request);
    }
  }

  #refuseBody(request: Http2Request, isEnd: boolean): void {
    this.#released(request);
    request.incoming.take();
    request.isWhole = isEnd;
    this.#serve(request, undefined);
  }

  #whole(request: Http2Request): void {
    request.isWhole = true;
    this.#released(request);
    this.#serve(request, request.incoming.take());
  }

  #serve(request: Http2Request, body: Buffer | undefined): void {
    request.body = body;
    request.state = 'served';
    this.#servedCount++;
    this.#options.onRequest(request);
  }

  #released(request: Http2Request): void {
    this.release(request.heldBytes);
    request.heldBytes = 0;
  }

  protected override onSent(request: Http2Request): void {
    if (!request.isWhole) this.reset(request.id, errorCode.none); // the rest of it is of no use any more
    this.streams.delete(request.id);
    this.#endWhenIdle();
  }

  protected onReset(request: Http2Request): void {
    this.streams.delete(request.id);
    this.#released(request);
    this.#cancel(request);
    this.#endWhenIdle();
  }

  #cancel(request: Http2Request): void {
    request.unsent = undefined;
    if (request.state !== 'served') return;
    request.state = 'cancelled';
    request.onCancelled?.();
  }

  /** The caller takes no new streams of ours, of which there are none. */
  protected onGoaway(): void {}

  #endWhenIdle(): void {
    if (this.#isLeaving && this.streams.size === 0) this.socket.end();
  }

  protected onClosed(cause: string): void {
    for (const request of [...this.streams.values()]) this.#cancel(request);
    this.streams.clear();
    this.#options.onClosed(cause);
  }
}
