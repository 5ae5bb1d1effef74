// What both ends of HTTP/2 over one socket share: frames, settings, header blocks, flow control, and what no peer may do.
//
// Every error of the peer's ends the connection, those of a single stream too, as RFC 9113 (5.4.1) allows: neither end of
// ours makes any, and one that does is not worth keeping.
import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { errorMessageOf } from '@tscontainer/core/errors';
import { type Headers, HpackDecoder } from './hpack.ts';
import {
  contentOf,
  decodeSettings,
  defaultMaxPayloadBytes,
  defaultWindowBytes,
  encodeFrame,
  encodeGoaway,
  encodeSettings,
  encodeUint32Frame,
  errorCode,
  type Frame,
  FrameReader,
  frameFlag,
  frameType,
  headerBytes,
  http2CodeOf,
  http2Error,
  maxStreamId,
  maxWindowBytes,
  setting,
  writeFrameHeader,
} from './http2-frame.ts';

/** What waits in the socket for a slow peer; bodies beyond it wait in their streams. */
export const maxQueuedBytes = 1024 * 1024;
const maxFramePayloadBytes = 0xff_ffff;
const pingBytes = 8;

export interface Http2Bounds {
  /** Of a header block, as it comes and written out. */
  maxHeaderBytes: number;
  /** What a peer may send for one stream in all: nothing is granted per stream later on. */
  streamWindowBytes: number;
  /** What a peer may send beyond what was released; granted again by halves. */
  connectionWindowBytes: number;
}

/** What a connection keeps of a stream, for both ends. */
export class Http2Stream {
  readonly id: number;
  /** What the peer lets us send. */
  windowBytes: number;
  /** What we let the peer send. */
  incomingBytes: number;
  /** What of our body flow control has kept back. */
  unsent: Uint8Array | undefined;
  /** The header block after the body. */
  trailers: Buffer | undefined;

  constructor(id: number, windowBytes: number, incomingBytes: number) {
    this.id = id;
    this.windowBytes = windowBytes;
    this.incomingBytes = incomingBytes;
  }
}

/** Story: made with a connected socket; one of the two ends extends it, and writes its `greeting`. */
export abstract class Http2Connection<S extends Http2Stream> {
  protected readonly socket: Socket;
  protected readonly streams = new Map<number, S>();
  protected readonly bounds: Http2Bounds;
  protected peerStreamWindowBytes = defaultWindowBytes;
  protected peerMaxStreams = Number.POSITIVE_INFINITY;
  /** The newest stream that the peer opened. */
  protected lastPeerId = 0;
  readonly #reader = new FrameReader((frame) => this.#take(frame));
  readonly #hpack: HpackDecoder;
  #windowBytes = defaultWindowBytes;
  #peerMaxPayloadBytes = defaultMaxPayloadBytes;
  #incomingBytes: number;
  #releasedBytes = 0;
  #block: { streamId: number; flags: number; parts: Buffer[]; bytes: number } | undefined;
  #isClosed = false;

  constructor(socket: Socket, bounds: Http2Bounds) {
    this.socket = socket;
    this.bounds = bounds;
    this.#hpack = new HpackDecoder(bounds.maxHeaderBytes);
    this.#incomingBytes = bounds.connectionWindowBytes;
    socket.on('data', (chunk) => this.receive(chunk));
    socket.on('drain', () => this.onDrain());
    socket.on('error', (error) => this.#close(error.message));
    socket.on('close', () => this.#close('the connection was closed'));
  }

  /** Whether a stream of this id was never opened. */
  protected abstract isIdle(streamId: number): boolean;
  /** Of any stream: also of one that is over. */
  protected abstract onHeaders(streamId: number, isEnd: boolean, headers: Headers): void;
  /** `frameBytes` are to be `release`d when the content is no longer held. */
  protected abstract onContent(stream: S, content: Buffer, frameBytes: number, isEnd: boolean): void;
  protected abstract onReset(stream: S, code: number): void;
  /** `lastId`: of our streams, the newest that the peer has begun with. */
  protected abstract onGoaway(lastId: number): void;
  /** Once; nothing is called any more. */
  protected abstract onClosed(cause: string): void;
  protected onSettings(): void {}
  /** The last of the stream's frames was written. */
  protected onSent(_stream: S): void {}

  protected onDrain(): void {
    for (const stream of this.streams.values()) this.#sendMore(stream);
  }

  /** What each end says first, after the client's preface. */
  protected greeting(settings: [id: number, value: number][]): Buffer {
    return Buffer.concat([
      encodeSettings([
        [setting.initialWindowSize, this.bounds.streamWindowBytes],
        [setting.maxHeaderListSize, this.bounds.maxHeaderBytes],
        ...settings,
      ]),
      encodeUint32Frame(frameType.windowUpdate, 0, this.bounds.connectionWindowBytes - defaultWindowBytes),
    ]);
  }

  protected receive(chunk: Buffer): void {
    if (this.#isClosed) return;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#close(errorMessageOf(error));
      this.#flush();
      this.socket.write(encodeGoaway(this.lastPeerId, http2CodeOf(error)));
      this.socket.destroy();
    }
  }

  /** What is written in one turn of the event loop leaves in one system call, which wakes the peer once. */
  protected write(bytes: Buffer): void {
    if (this.socket.writableCorked === 0) {
      this.socket.cork();
      process.nextTick(() => this.#flush());
    }
    this.socket.write(bytes);
  }

  #flush(): void {
    if (this.socket.writableCorked > 0) this.socket.uncork();
  }

  /** A whole message: `block`, then `body` and `trailers` where there are any; what flow control keeps back goes later. */
  protected send(stream: S, block: Buffer, body: Uint8Array | undefined, trailers: Buffer | undefined): void {
    const bodyBytes = body?.length ?? 0;
    const trailersBytes = trailers?.length ?? 0;
    const isWhole =
      bodyBytes <= Math.min(this.#windowBytes, stream.windowBytes, this.#peerMaxPayloadBytes) &&
      block.length <= this.#peerMaxPayloadBytes &&
      trailersBytes <= this.#peerMaxPayloadBytes &&
      this.socket.writableLength <= maxQueuedBytes;
    if (!isWhole) {
      this.#sendBlock(stream.id, block, body === undefined);
      stream.unsent = body;
      stream.trailers = trailers;
      if (body === undefined) this.onSent(stream);
      else this.#sendMore(stream);
      return;
    }
    const framesCount = 1 + (body === undefined ? 0 : 1) + (trailers === undefined ? 0 : 1);
    const bytes = Buffer.allocUnsafe(framesCount * headerBytes + block.length + bodyBytes + trailersBytes);
    let at = putFrame(bytes, 0, frameType.headers, headersFlags(body === undefined), stream.id, block);
    if (body !== undefined)
      at = putFrame(bytes, at, frameType.data, trailers === undefined ? frameFlag.endStream : 0, stream.id, body);
    if (trailers !== undefined) putFrame(bytes, at, frameType.headers, headersFlags(true), stream.id, trailers);
    this.#windowBytes -= bodyBytes;
    stream.windowBytes -= bodyBytes;
    this.write(bytes);
    this.onSent(stream);
  }

  #sendBlock(streamId: number, block: Buffer, isEnd: boolean): void {
    for (let at = 0; at === 0 || at < block.length; at += this.#peerMaxPayloadBytes) {
      const part = block.subarray(at, at + this.#peerMaxPayloadBytes);
      const isLast = at + part.length === block.length;
      const flags = (isLast ? frameFlag.endHeaders : 0) | (at === 0 && isEnd ? frameFlag.endStream : 0);
      this.write(encodeFrame(at === 0 ? frameType.headers : frameType.continuation, flags, streamId, part));
    }
  }

  #sendMore(stream: S): void {
    while (stream.unsent !== undefined && this.socket.writableLength <= maxQueuedBytes) {
      const { unsent, trailers } = stream;
      const granted = Math.max(0, Math.min(this.#windowBytes, stream.windowBytes, this.#peerMaxPayloadBytes));
      const bytes = Math.min(unsent.length, granted);
      if (bytes === 0 && unsent.length > 0) return; // until the peer grants more
      const isLast = bytes === unsent.length;
      this.#windowBytes -= bytes;
      stream.windowBytes -= bytes;
      stream.unsent = isLast ? undefined : unsent.subarray(bytes);
      const flags = isLast && trailers === undefined ? frameFlag.endStream : 0;
      this.write(encodeFrame(frameType.data, flags, stream.id, unsent.subarray(0, bytes)));
      if (!isLast) continue;
      if (trailers !== undefined) this.#sendBlock(stream.id, trailers, true);
      this.onSent(stream);
    }
  }

  protected reset(streamId: number, code: number): void {
    this.write(encodeUint32Frame(frameType.rstStream, streamId, code));
  }

  #take(frame: Frame): void {
    if (this.#block !== undefined && frame.type !== frameType.continuation)
      throw http2Error(errorCode.protocol, 'read frame: a header block was not continued');
    switch (frame.type) {
      case frameType.data:
        this.#takeData(frame);
        break;
      case frameType.headers:
        this.#beginBlock(frame);
        break;
      case frameType.continuation:
        this.#continueBlock(frame);
        break;
      case frameType.rstStream:
        this.#takeReset(frame);
        break;
      case frameType.settings:
        this.#takeSettings(frame);
        break;
      case frameType.ping:
        this.#takePing(frame);
        break;
      case frameType.goaway:
        this.#takeGoaway(frame);
        break;
      case frameType.windowUpdate:
        this.#takeWindow(frame);
        break;
      case frameType.pushPromise:
        throw http2Error(errorCode.protocol, 'read frame: a push was not offered');
    }
  }

  #takeData(frame: Frame): void {
    const { streamId, payload, flags } = frame;
    const stream = this.#begun(frame);
    const content = contentOf(frame);
    this.#incomingBytes -= payload.length;
    if (stream !== undefined) stream.incomingBytes -= payload.length;
    if (this.#incomingBytes < 0 || (stream !== undefined && stream.incomingBytes < 0))
      throw http2Error(errorCode.flowControl, `read frame: stream ${streamId} sends more than it may`);
    if (stream === undefined) this.release(payload.length);
    else this.onContent(stream, content, payload.length, (flags & frameFlag.endStream) !== 0);
  }

  /** The stream of a frame; undefined when it is over, or given up: the peer may not know yet. */
  #begun({ streamId, type }: Frame): S | undefined {
    const stream = this.streams.get(streamId);
    if (stream === undefined && (streamId === 0 || this.isIdle(streamId)))
      throw http2Error(errorCode.protocol, `read frame: of type ${type} for stream ${streamId}, which is not open`);
    return stream;
  }

  /** Lets the peer send as much again. */
  protected release(bytes: number): void {
    this.#releasedBytes += bytes;
    if (this.#releasedBytes <= this.bounds.connectionWindowBytes / 2) return;
    this.write(encodeUint32Frame(frameType.windowUpdate, 0, this.#releasedBytes));
    this.#incomingBytes += this.#releasedBytes;
    this.#releasedBytes = 0;
  }

  #beginBlock(frame: Frame): void {
    const { streamId, flags } = frame;
    if (streamId === 0) throw http2Error(errorCode.protocol, 'read frame: headers without a stream');
    const content = contentOf(frame);
    if ((flags & frameFlag.endHeaders) !== 0) this.#takeBlock(streamId, flags, content);
    else this.#block = { streamId, flags, parts: [Buffer.from(content)], bytes: content.length };
  }

  #continueBlock({ streamId, flags, payload }: Frame): void {
    const block = this.#block;
    if (block === undefined || block.streamId !== streamId)
      throw http2Error(errorCode.protocol, 'read frame: nothing was to be continued');
    block.parts.push(Buffer.from(payload));
    block.bytes += headerBytes + payload.length; // empty ones count too
    if (block.bytes > this.bounds.maxHeaderBytes)
      throw http2Error(errorCode.enhanceYourCalm, `read header block: more than ${this.bounds.maxHeaderBytes} bytes`);
    if ((flags & frameFlag.endHeaders) === 0) return;
    this.#block = undefined;
    this.#takeBlock(streamId, block.flags, Buffer.concat(block.parts));
  }

  /** Also of a stream that was given up: the table goes on with every block. */
  #takeBlock(streamId: number, flags: number, block: Buffer): void {
    this.onHeaders(streamId, (flags & frameFlag.endStream) !== 0, this.#hpack.decode(block));
  }

  #takeReset(frame: Frame): void {
    expectSize(frame, 4);
    const stream = this.#begun(frame);
    if (stream !== undefined) this.onReset(stream, frame.payload.readUInt32BE(0));
  }

  #takePing(frame: Frame): void {
    expectSize(frame, pingBytes);
    if (frame.streamId !== 0) throw http2Error(errorCode.protocol, 'read frame: a ping of a stream');
    if ((frame.flags & frameFlag.ack) === 0) this.write(encodeFrame(frameType.ping, frameFlag.ack, 0, frame.payload));
  }

  #takeSettings({ streamId, flags, payload }: Frame): void {
    if (streamId !== 0) throw http2Error(errorCode.protocol, 'read frame: settings of a stream');
    if ((flags & frameFlag.ack) !== 0) {
      if (payload.length > 0) throw http2Error(errorCode.frameSize, 'read frame: settings in an acknowledgement');
      return;
    }
    for (const [id, value] of decodeSettings(payload)) this.#set(id, value);
    this.write(encodeFrame(frameType.settings, frameFlag.ack, 0, Buffer.alloc(0)));
    for (const stream of this.streams.values()) this.#sendMore(stream);
    this.onSettings();
  }

  #set(id: number, value: number): void {
    switch (id) {
      case setting.maxConcurrentStreams:
        this.peerMaxStreams = value;
        break;
      case setting.maxFrameSize:
        if (value < defaultMaxPayloadBytes || value > maxFramePayloadBytes)
          throw http2Error(errorCode.protocol, `read settings: frames of ${value} bytes`);
        this.#peerMaxPayloadBytes = value;
        break;
      case setting.initialWindowSize: {
        if (value > maxWindowBytes)
          throw http2Error(errorCode.flowControl, `read settings: a window of ${value} bytes`);
        const more = value - this.peerStreamWindowBytes;
        for (const stream of this.streams.values()) stream.windowBytes = widened(stream.windowBytes, more);
        this.peerStreamWindowBytes = value;
        break;
      }
      case setting.enablePush:
        if (value > 1) throw http2Error(errorCode.protocol, `read settings: push is ${value}`);
    }
  }

  #takeWindow(frame: Frame): void {
    expectSize(frame, 4);
    const bytes = frame.payload.readUInt32BE(0) & maxWindowBytes;
    if (bytes === 0) throw http2Error(errorCode.protocol, 'read frame: a window grows by nothing');
    if (frame.streamId === 0) {
      this.#windowBytes = widened(this.#windowBytes, bytes);
      for (const waiting of this.streams.values()) this.#sendMore(waiting);
      return;
    }
    const stream = this.#begun(frame);
    if (stream === undefined) return;
    stream.windowBytes = widened(stream.windowBytes, bytes);
    this.#sendMore(stream);
  }

  #takeGoaway({ streamId, payload }: Frame): void {
    if (streamId !== 0 || payload.length < 8) throw http2Error(errorCode.protocol, 'read frame: a broken farewell');
    this.onGoaway(payload.readUInt32BE(0) & maxStreamId);
  }

  #close(cause: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.onClosed(cause);
  }
}

const headersFlags = (isEnd: boolean) => frameFlag.endHeaders | (isEnd ? frameFlag.endStream : 0);

/** Where the next frame may begin. */
function putFrame(
  target: Buffer,
  at: number,
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array,
): number {
  writeFrameHeader(target, at, payload.length, type, flags, streamId);
  target.set(payload, at + headerBytes);
  return at + headerBytes + payload.length;
}

function expectSize({ type, payload }: Frame, bytes: number): void {
  if (payload.length !== bytes)
    throw http2Error(errorCode.frameSize, `read frame: ${payload.length} bytes for type ${type}`);
}

function widened(windowBytes: number, bytes: number): number {
  if (windowBytes + bytes > maxWindowBytes) throw http2Error(errorCode.flowControl, 'read frame: a window is too wide');
  return windowBytes + bytes;
}
