// The server's side of a WebSocket (RFC 6455) as a byte stream: attach by websocket stands on it. Binary frames out, any in.
import { createHash } from 'node:crypto';
import { Duplex } from 'node:stream';

/** RFC 6455, 1.3. */
const handshakeGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** What a client may send in one frame, in bytes. */
const maxFrameBytes = 1024 * 1024;
const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };
const closeCodes = { normal: 1000, protocolError: 1002, tooLarge: 1009 };

export function acceptKey(key: string): string {
  return createHash('sha1').update(`${key}${handshakeGuid}`).digest('base64');
}

/** One unmasked frame, whole. */
export function encodeFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 0x10000 ? 4 : 10);
  head[0] = 0x80 | opcode;
  if (length < 126) head[1] = length;
  else if (length < 0x10000) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}

interface Frame {
  opcode: number;
  payload: Buffer;
  /** Of the whole frame. */
  bytes: number;
}

/** Undefined: more bytes are needed. A close code: the peer broke the protocol. */
export function decodeFrame(data: Buffer): Frame | number | undefined {
  if (data.length < 2) return undefined;
  const [first = 0, second = 0] = data;
  if ((first & 0x70) !== 0 || (second & 0x80) === 0) return closeCodes.protocolError; // clients mask, extensions are none
  let length = second & 0x7f;
  let at = 2;
  if (length === 126) {
    if (data.length < 4) return undefined;
    length = data.readUInt16BE(2);
    at = 4;
  } else if (length === 127) {
    if (data.length < 10) return undefined;
    length = Number(data.readBigUInt64BE(2));
    at = 10;
  }
  if (length > maxFrameBytes) return closeCodes.tooLarge;
  if (data.length < at + 4 + length) return undefined;
  const mask = data.subarray(at, at + 4);
  const payload = Buffer.from(data.subarray(at + 4, at + 4 + length));
  for (let index = 0; index < length; index++) payload[index] = (payload[index] ?? 0) ^ (mask[index & 3] ?? 0);
  return { opcode: first & 0x0f, payload, bytes: at + 4 + length };
}

/** Readable: what the client's messages hold. Writable: becomes messages to it. Its end closes the WebSocket. */
export class WebSocketStream extends Duplex {
  readonly #socket: Duplex;
  #buffered = Buffer.alloc(0);
  #isClosing = false;

  constructor(socket: Duplex) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('end', () => this.push(null));
    socket.on('close', () => this.destroy());
    socket.on('error', () => this.destroy());
    socket.on('drain', () => this.emit('drain'));
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#isClosing || this.#socket.destroyed) done();
    else this.#socket.write(encodeFrame(opcodes.binary, chunk), () => done());
  }

  override _final(done: () => void): void {
    this.#close(closeCodes.normal);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #close(code: number): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.#socket.end(encodeFrame(opcodes.close, payload));
  }

  #take(chunk: Buffer): void {
    this.#buffered = Buffer.concat([this.#buffered, chunk]);
    for (;;) {
      const frame = decodeFrame(this.#buffered);
      if (frame === undefined) return;
      if (typeof frame === 'number') {
        this.#close(frame);
        this.push(null);
        return;
      }
      this.#buffered = this.#buffered.subarray(frame.bytes);
      this.#handle(frame);
    }
  }

  #handle({ opcode, payload }: Frame): void {
    if (opcode === opcodes.close) {
      this.#close(closeCodes.normal);
      this.push(null);
    } else if (opcode === opcodes.ping) this.#socket.write(encodeFrame(opcodes.pong, payload));
    else if (opcode <= opcodes.binary && payload.length > 0 && !this.push(payload)) this.#socket.pause();
  }
}
