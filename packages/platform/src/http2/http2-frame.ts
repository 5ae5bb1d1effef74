// Frames of HTTP/2 (RFC 9113, section 4): nine bytes of header and a payload.
import { Buffer } from 'node:buffer';
import { ContainerError } from '@tscontainer/core/errors';

export const frameType = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const frameFlag = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

export const setting = {
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  /**
   * Ours, of the range for experiments: with 1 in its first frame a client says that it makes unary calls only. A
   * daemon of ours serves it without grpc-js; any other server passes over a setting that it does not know.
   */
  unaryOnly: 0xf7c5,
} as const;

/** What a GOAWAY or RST_STREAM gives as its reason (RFC 9113, section 7). */
export const errorCode = {
  none: 0,
  protocol: 1,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  enhanceYourCalm: 11,
} as const;

/** What the peer did wrong, for our side's log, with the code that it is told. */
export function http2Error(code: number, message: string): ContainerError {
  return new ContainerError('internal', message, { details: { http2Code: code } });
}

/** Protocol error for what was thrown without a code. */
export function http2CodeOf(error: unknown): number {
  const code = error instanceof ContainerError ? error.details['http2Code'] : undefined;
  return typeof code === 'number' ? code : errorCode.protocol;
}

export const connectionPreface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
export const headerBytes = 9;
/** The payload's bound that both sides keep to unless they offer more. */
export const defaultMaxPayloadBytes = 16_384;
export const defaultWindowBytes = 65_535;
export const maxWindowBytes = 0x7fff_ffff;
export const maxStreamId = 0x7fff_ffff;
/** Every SETTINGS entry: an id of two bytes and a value of four. */
export const settingBytes = 6;

export interface Frame {
  type: number;
  flags: number;
  streamId: number;
  payload: Buffer;
}

export function writeFrameHeader(
  target: Buffer,
  at: number,
  payloadBytes: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  target.writeUIntBE(payloadBytes, at, 3);
  target[at + 3] = type;
  target[at + 4] = flags;
  target.writeUInt32BE(streamId, at + 5);
}

export function encodeFrame(type: number, flags: number, streamId: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + payload.length);
  writeFrameHeader(frame, 0, payload.length, type, flags, streamId);
  frame.set(payload, headerBytes);
  return frame;
}

export function encodeSettings(settings: [id: number, value: number][]): Buffer {
  const payload = Buffer.allocUnsafe(settingBytes * settings.length);
  for (const [index, [id, value]] of settings.entries()) {
    payload.writeUInt16BE(id, settingBytes * index);
    payload.writeUInt32BE(value, settingBytes * index + 2);
  }
  return encodeFrame(frameType.settings, 0, 0, payload);
}

export function encodeUint32Frame(type: number, streamId: number, value: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(value);
  return encodeFrame(type, 0, streamId, payload);
}

/** The ids and values of a SETTINGS payload in their order. Throws on one that is cut. */
export function decodeSettings(payload: Buffer): [id: number, value: number][] {
  if (payload.length % settingBytes !== 0) throw http2Error(errorCode.frameSize, 'read settings: one is cut');
  return Array.from({ length: payload.length / settingBytes }, (_, index) => [
    payload.readUInt16BE(settingBytes * index),
    payload.readUInt32BE(settingBytes * index + 2),
  ]);
}

export function encodeGoaway(lastId: number, code: number): Buffer {
  const payload = Buffer.allocUnsafe(8);
  payload.writeUInt32BE(lastId, 0);
  payload.writeUInt32BE(code, 4);
  return encodeFrame(frameType.goaway, 0, 0, payload);
}

/** Cuts what a socket delivers into frames, and calls `onFrame` for each. Throws internal on one that is too large. */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame;
  }

  push(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= headerBytes) {
      const length = bytes.readUIntBE(0, 3);
      if (length > defaultMaxPayloadBytes)
        throw http2Error(errorCode.frameSize, `read frame: ${length} bytes are too many`);
      const end = headerBytes + length;
      if (bytes.length < end) break;
      this.#onFrame({
        type: bytes[3] as number,
        flags: bytes[4] as number,
        streamId: bytes.readUInt32BE(5) & 0x7fff_ffff,
        payload: bytes.subarray(headerBytes, end),
      });
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
  }
}

/** The payload of a DATA or HEADERS frame without its padding and priority. */
export function contentOf({ type, flags, payload }: Frame): Buffer {
  let [begin, end] = [0, payload.length];
  if ((flags & frameFlag.padded) !== 0) {
    begin = 1;
    end -= payload[0] ?? 0;
  }
  if (type === frameType.headers && (flags & frameFlag.priority) !== 0) begin += 5;
  if (end < begin) throw http2Error(errorCode.protocol, 'read frame: its padding is longer than itself');
  return payload.subarray(begin, end);
}
