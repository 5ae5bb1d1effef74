// Takes apart the stream that carries stdout and stderr together: 8-byte header (stream, 0, 0, 0, big-endian length), payload.
import { EngineError, ProtocolError } from './errors.ts';

export interface Frame {
  stream: 'stdout' | 'stderr';
  payload: Buffer;
  /** The first part of its frame: a frame that comes in pieces is passed on in pieces. */
  isStart: boolean;
}

const headerBytes = 8;
const streams = ['stdout', 'stdout', 'stderr'] as const;
/** Stream number 3 carries an error of the daemon itself. */
const systemErrorStream = 3;

/** Keeps what is incomplete between chunks; a payload is passed on in parts as it arrives, so nothing large is held. */
export class Demultiplexer {
  #header = Buffer.alloc(0);
  #kind = 0;
  #left = 0;
  #isStart = false;

  /** The parts of frames that `chunk` completes. Throws for a stream that is not of this form. */
  push(chunk: Buffer): Frame[] {
    const frames: Frame[] = [];
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#left === 0) {
        rest = this.#takeHeader(rest);
        continue;
      }
      const payload = rest.subarray(0, this.#left);
      this.#left -= payload.length;
      rest = rest.subarray(payload.length);
      frames.push(this.#frame(payload));
    }
    return frames;
  }

  /** Whether the stream may end here. */
  get isAtBoundary(): boolean {
    return this.#left === 0 && this.#header.length === 0;
  }

  #takeHeader(chunk: Buffer): Buffer {
    const missing = headerBytes - this.#header.length;
    this.#header = Buffer.concat([this.#header, chunk.subarray(0, missing)]);
    if (this.#header.length === headerBytes) {
      this.#isStart = true;
      this.#kind = this.#header.readUInt8(0);
      this.#left = this.#header.readUInt32BE(4);
      if (this.#kind > systemErrorStream) {
        throw new ProtocolError(`read container output: unrecognized stream: ${this.#kind}`);
      }
      this.#header = Buffer.alloc(0);
    }
    return chunk.subarray(missing);
  }

  #frame(payload: Buffer): Frame {
    if (this.#kind === systemErrorStream)
      throw new EngineError(`error from daemon in stream: ${payload.toString()}`, { call: 'read container output' });
    const isStart = this.#isStart;
    this.#isStart = false;
    return { stream: streams[this.#kind] ?? 'stdout', payload, isStart };
  }
}
