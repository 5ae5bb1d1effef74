// The calling end of HTTP/2 over one socket, as unary gRPC needs it: a request is sent whole, an answer is read whole.
//
// Node's own http2 makes a stream object with its listeners, timers and states of every request, and a call costs more
// there than all that it is for. What this does not do (push, priorities, streaming) is left to grpc-js.
import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import { type Headers, HpackDecoder } from './hpack.ts';
import {
  connectionPreface,
  contentOf,
  defaultMaxPayloadBytes,
  defaultWindowBytes,
  encodeFrame,
  encodeSettings,
  encodeUint32Frame,
  type Frame,
  FrameReader,
  frameFlag,
  frameType,
  headerBytes,
  setting,
  writeFrameHeader,
} from './http2-frame.ts';

/** A whole answer fits: nothing is granted per stream later on. */
const streamWindowBytes = 32 * 1024 * 1024;
/** What all answers together may be ahead of us; granted again by halves. */
const connectionWindowBytes = 64 * 1024 * 1024;
const maxStreamId = 0x7fff_ffff;
/** Bound of a header block in several frames. */
const maxHeaderBytes = 256 * 1024;
/** Until the peer says otherwise. */
const defaultMaxStreams = 100;
const resetCancel = 8;

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

class Stream implements Exchange {
  readonly id: number;
  readonly chunks: Buffer[] = [];
  headers: Headers = new Map();
  windowBytes: number;
  /** What of the request's body flow control has kept back. */
  unsent: Uint8Array | undefined;
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
    this.#connection = connection;
    this.id = id;
    this.windowBytes = windowBytes;
    this.onEnd = onEnd;
    this.onError = onError;
  }

  abandon(): void {
    this.#connection.abandon(this);
  }
}

/** Story: any number of `request`s at a time; `close`. When the peer goes, all that are under way fail unavailable. */
export class Http2Client {
  readonly #socket: Socket;
  readonly #name: string;
  readonly #reader = new FrameReader((frame) => this.#take(frame));
  readonly #hpack = new HpackDecoder();
  readonly #streams = new Map<number, Stream>();
  readonly #queued: (() => void)[] = [];
  #nextId = 1;
  #windowBytes = defaultWindowBytes;
  #peerStreamWindowBytes = defaultWindowBytes;
  #peerMaxPayloadBytes = defaultMaxPayloadBytes;
  #peerMaxStreams = defaultMaxStreams;
  #receivedBytes = 0;
  #block: { streamId: number; flags: number; parts: Buffer[]; bytes: number } | undefined;
  #isLeaving = false;
  #failure: ContainerError | undefined;

  /** `name` says in errors whom it talks to. */
  constructor(socket: Socket, name: string) {
    this.#socket = socket;
    this.#name = name;
    socket.setNoDelay?.(true);
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', (error) => this.#fail(error.message));
    socket.on('close', () => this.#fail('the connection was closed'));
    socket.write(
      Buffer.concat([
        connectionPreface,
        encodeSettings([
          [setting.enablePush, 0],
          [setting.initialWindowSize, streamWindowBytes],
        ]),
        encodeUint32Frame(frameType.windowUpdate, 0, connectionWindowBytes - defaultWindowBytes),
      ]),
    );
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
    if (this.#streams.size < this.#peerMaxStreams) return this.#open({ block, body }, onEnd, onError);
    let begun: Exchange | undefined;
    let isAbandoned = false;
    this.#queued.push(() => {
      if (isAbandoned) this.#openQueued();
      else if (this.#failure !== undefined) onError(this.#failure);
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
    this.#socket.destroy();
  }

  abandon(stream: Stream): void {
    if (!this.#streams.has(stream.id)) return;
    this.#socket.write(encodeUint32Frame(frameType.rstStream, stream.id, resetCancel));
    this.#forget(stream);
  }

  #open(
    { block, body }: Outgoing,
    onEnd: (answer: Http2Answer) => void,
    onError: (error: ContainerError) => void,
  ): Exchange {
    const stream = new Stream(this, this.#nextId, this.#peerStreamWindowBytes, onEnd, onError);
    this.#nextId += 2;
    this.#streams.set(stream.id, stream);
    const isWhole =
      body.length <= Math.min(this.#windowBytes, stream.windowBytes, this.#peerMaxPayloadBytes) &&
      block.length <= this.#peerMaxPayloadBytes;
    if (!isWhole) {
      this.#sendBlock(stream.id, block);
      stream.unsent = body;
      this.#sendMore(stream);
      return stream;
    }
    const message = Buffer.allocUnsafe(2 * headerBytes + block.length + body.length);
    writeFrameHeader(message, 0, block.length, frameType.headers, frameFlag.endHeaders, stream.id);
    message.set(block, headerBytes);
    const at = headerBytes + block.length;
    writeFrameHeader(message, at, body.length, frameType.data, frameFlag.endStream, stream.id);
    message.set(body, at + headerBytes);
    this.#windowBytes -= body.length;
    stream.windowBytes -= body.length;
    this.#write(message);
    return stream;
  }

  /** Requests made one after the other go in one system call, which wakes the peer once. */
  #write(message: Buffer): void {
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    this.#socket.write(message);
  }

  #sendBlock(streamId: number, block: Buffer): void {
    for (let at = 0; at === 0 || at < block.length; at += this.#peerMaxPayloadBytes) {
      const part = block.subarray(at, at + this.#peerMaxPayloadBytes);
      const flags = at + part.length === block.length ? frameFlag.endHeaders : 0;
      this.#socket.write(encodeFrame(at === 0 ? frameType.headers : frameType.continuation, flags, streamId, part));
    }
  }

  #sendMore(stream: Stream): void {
    while (stream.unsent !== undefined) {
      const { unsent } = stream;
      const bytes = Math.min(unsent.length, this.#windowBytes, stream.windowBytes, this.#peerMaxPayloadBytes);
      if (bytes <= 0 && unsent.length > 0) return; // until the peer grants more
      const isLast = bytes === unsent.length;
      this.#windowBytes -= bytes;
      stream.windowBytes -= bytes;
      stream.unsent = isLast ? undefined : unsent.subarray(bytes);
      const flags = isLast ? frameFlag.endStream : 0;
      this.#socket.write(encodeFrame(frameType.data, flags, stream.id, unsent.subarray(0, bytes)));
    }
  }

  #receive(chunk: Buffer): void {
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#fail(errorMessageOf(error));
      this.#socket.destroy();
    }
  }

  #take(frame: Frame): void {
    if (this.#block !== undefined && frame.type !== frameType.continuation)
      throw new ContainerError('internal', 'read frame: a header block was not continued');
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
        if ((frame.flags & frameFlag.ack) === 0) this.#takeSettings(frame.payload);
        break;
      case frameType.ping:
        if ((frame.flags & frameFlag.ack) === 0)
          this.#socket.write(encodeFrame(frameType.ping, frameFlag.ack, 0, frame.payload));
        break;
      case frameType.goaway:
        this.#takeGoaway(frame.payload);
        break;
      case frameType.windowUpdate:
        this.#takeWindow(frame);
        break;
      case frameType.pushPromise:
        throw new ContainerError('internal', 'read frame: a push was not offered');
    }
  }

  #takeData(frame: Frame): void {
    this.#receivedBytes += frame.payload.length;
    if (this.#receivedBytes > connectionWindowBytes / 2) {
      this.#socket.write(encodeUint32Frame(frameType.windowUpdate, 0, this.#receivedBytes));
      this.#receivedBytes = 0;
    }
    const stream = this.#streams.get(frame.streamId);
    if (stream === undefined) return;
    stream.chunks.push(contentOf(frame));
    if ((frame.flags & frameFlag.endStream) !== 0) this.#end(stream);
  }

  #beginBlock(frame: Frame): void {
    const content = contentOf(frame);
    if ((frame.flags & frameFlag.endHeaders) !== 0) this.#takeHeaders(frame.streamId, frame.flags, content);
    else
      this.#block = {
        streamId: frame.streamId,
        flags: frame.flags,
        parts: [Buffer.from(content)],
        bytes: content.length,
      };
  }

  #continueBlock({ streamId, flags, payload }: Frame): void {
    const block = this.#block;
    if (block === undefined || block.streamId !== streamId)
      throw new ContainerError('internal', 'read frame: nothing was to be continued');
    block.parts.push(Buffer.from(payload));
    block.bytes += payload.length;
    if (block.bytes > maxHeaderBytes)
      throw new ContainerError('internal', `read header block: more than ${maxHeaderBytes} bytes`);
    if ((flags & frameFlag.endHeaders) === 0) return;
    this.#block = undefined;
    this.#takeHeaders(streamId, block.flags, Buffer.concat(block.parts));
  }

  /** Also of a stream that was given up: the table goes on with every block. */
  #takeHeaders(streamId: number, flags: number, block: Buffer): void {
    const headers = this.#hpack.decode(block);
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    if (stream.headers.size === 0) stream.headers = headers;
    else for (const [name, value] of headers) stream.headers.set(name, value);
    if ((flags & frameFlag.endStream) !== 0) this.#end(stream);
  }

  #end(stream: Stream): void {
    this.#forget(stream);
    const { chunks, headers } = stream;
    // a copy: the chunks are parts of what the socket read, and small answers would keep all of it
    stream.onEnd({ headers, body: Buffer.concat(chunks) });
  }

  #takeReset({ streamId, payload }: Frame): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    this.#forget(stream);
    stream.onError(
      new ContainerError('unavailable', `${this.#name}: the stream was reset (${payload.readUInt32BE(0)})`),
    );
  }

  #takeSettings(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      const value = payload.readUInt32BE(at + 2);
      switch (payload.readUInt16BE(at)) {
        case setting.maxConcurrentStreams:
          this.#peerMaxStreams = value;
          break;
        case setting.maxFrameSize:
          this.#peerMaxPayloadBytes = value;
          break;
        case setting.initialWindowSize:
          for (const stream of this.#streams.values()) stream.windowBytes += value - this.#peerStreamWindowBytes;
          this.#peerStreamWindowBytes = value;
          break;
      }
    }
    this.#socket.write(encodeFrame(frameType.settings, frameFlag.ack, 0, Buffer.alloc(0)));
    for (const stream of this.#streams.values()) this.#sendMore(stream);
    this.#openQueued();
  }

  #takeWindow({ streamId, payload }: Frame): void {
    const bytes = payload.readUInt32BE(0) & 0x7fff_ffff;
    const stream = this.#streams.get(streamId);
    if (streamId === 0) {
      this.#windowBytes += bytes;
      for (const waiting of this.#streams.values()) this.#sendMore(waiting);
    } else if (stream !== undefined) {
      stream.windowBytes += bytes;
      this.#sendMore(stream);
    }
  }

  /** What the peer has not begun fails; the rest ends as it would. */
  #takeGoaway(payload: Buffer): void {
    this.#isLeaving = true;
    const lastId = payload.readUInt32BE(0) & 0x7fff_ffff;
    for (const stream of [...this.#streams.values()]) {
      if (stream.id <= lastId) continue;
      this.#forget(stream);
      stream.onError(new ContainerError('unavailable', `${this.#name}: it is going away`));
    }
    if (this.#streams.size === 0) this.#socket.destroy();
  }

  #forget(stream: Stream): void {
    this.#streams.delete(stream.id);
    this.#openQueued();
    if (this.#isLeaving && this.#streams.size === 0) this.#socket.destroy();
  }

  #openQueued(): void {
    if (this.#streams.size < this.#peerMaxStreams) this.#queued.shift()?.();
  }

  #fail(cause: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = new ContainerError('unavailable', `${this.#name}: ${cause}`);
    for (const stream of [...this.#streams.values()]) {
      this.#streams.delete(stream.id);
      stream.onError(this.#failure);
    }
    for (const begin of this.#queued.splice(0)) begin();
  }
}
