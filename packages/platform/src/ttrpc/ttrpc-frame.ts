// The ttrpc wire: 10-byte big-endian header, then a protobuf payload; a parser that takes bytes as they come.
import { ContainerError } from '@tscontainer/core/errors';
import { wireMessage } from '../wire-codec.ts';

export const messageType = { request: 1, response: 2, data: 3 } as const;

const headerBytes = 10;
/** The protocol's own bound on one message. */
const maxPayloadBytes = 4 * 1024 * 1024;

export interface Frame {
  streamId: number;
  type: number;
  flags: number;
  payload: Buffer;
}

export interface TtrpcRequest {
  service: string;
  method: string;
  payload: Uint8Array;
  timeoutNano: number;
  metadata: { key: string; value: string }[];
}

export interface TtrpcResponse {
  status: { code: number; message: string } | null;
  payload: Uint8Array;
}

export const requestCodec = wireMessage<TtrpcRequest>('ttrpc.Request');
export const responseCodec = wireMessage<TtrpcResponse>('ttrpc.Response');

export function encodeFrame(frame: Frame): Buffer {
  if (frame.payload.length > maxPayloadBytes) {
    throw new ContainerError(
      'resource-exhausted',
      `ttrpc message: ${frame.payload.length} bytes, at most ${maxPayloadBytes}`,
    );
  }
  const buffer = Buffer.allocUnsafe(headerBytes + frame.payload.length);
  buffer.writeUInt32BE(frame.payload.length, 0);
  buffer.writeUInt32BE(frame.streamId, 4);
  buffer.writeUInt8(frame.type, 8);
  buffer.writeUInt8(frame.flags, 9);
  frame.payload.copy(buffer, headerBytes);
  return buffer;
}

/** Takes chunks, gives whole frames. Throws out-of-range on a length over the bound: the connection is then useless. */
export class FrameParser {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Frame[] {
    let buffer = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    while (buffer.length >= headerBytes) {
      const length = buffer.readUInt32BE(0);
      if (length > maxPayloadBytes)
        throw new ContainerError('out-of-range', `ttrpc frame: ${length} bytes, at most ${maxPayloadBytes}`);
      if (buffer.length < headerBytes + length) break;
      frames.push({
        streamId: buffer.readUInt32BE(4),
        type: buffer.readUInt8(8),
        flags: buffer.readUInt8(9),
        payload: buffer.subarray(headerBytes, headerBytes + length),
      });
      buffer = buffer.subarray(headerBytes + length);
    }
    this.#rest = buffer;
    return frames;
  }
}
