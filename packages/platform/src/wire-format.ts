// Protobuf's wire: varints, tags, lengths. Used by wire-codec.ts alone. Source: protobuf.dev, "Encoding".
import { ContainerError } from '@tscontainer/core/errors';

export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const bytesScalars = new Set(['string', 'bytes', 'message']);
const firstCapacity = 128;
const two32 = 2 ** 32;

function wireTypeOf(scalar: string): number {
  if (bytesScalars.has(scalar)) return wireTypes.bytes;
  if (scalar === 'double') return wireTypes.fixed64;
  return scalar === 'float' ? wireTypes.fixed32 : wireTypes.varint;
}

/** Story: any number of tags and values, then `finish`. */
export class WireWriter {
  #buffer = Buffer.allocUnsafe(firstCapacity);
  #length = 0;

  wireTypeOf(scalar: string): number {
    return wireTypeOf(scalar);
  }

  tag(number: number, wireType: number): void {
    this.varint(number * 8 + wireType);
  }

  /** Whole numbers within ±2^53; negative ones take ten bytes, as protobuf says. */
  varint(value: number): void {
    this.#reserve(10);
    if (value < 0) {
      this.#negative(BigInt(value));
      return;
    }
    let rest = value;
    while (rest >= 128) {
      this.#buffer[this.#length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#length++] = rest;
  }

  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  scalar(scalar: string, value: unknown): void {
    if (scalar === 'string') this.bytes(Buffer.from(value as string));
    else if (scalar === 'bytes') this.bytes(value as Uint8Array);
    else if (scalar === 'bool') this.varint(value === true ? 1 : 0);
    else if (scalar === 'double') {
      this.#reserve(8);
      this.#length = this.#buffer.writeDoubleLE(value as number, this.#length);
    } else this.varint(Number(value));
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #negative(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    for (; rest >= 128n; rest >>= 7n) this.#buffer[this.#length++] = Number(rest & 127n) | 128;
    this.#buffer[this.#length++] = Number(rest);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** Reads what WireWriter writes. Throws invalid-argument when the bytes end within a value. */
export class WireReader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#buffer.length;
  }

  wireTypeOf(scalar: string): number {
    return wireTypeOf(scalar);
  }

  tag(): { number: number; wireType: number } {
    const tag = this.#varint(false);
    return { number: Math.floor(tag / 8), wireType: tag % 8 };
  }

  signedVarint(): number {
    return this.#varint(true);
  }

  bytes(): Buffer {
    return this.#take(this.#varint(false));
  }

  scalar(scalar: string): unknown {
    if (scalar === 'string') return this.bytes().toString('utf8');
    if (scalar === 'bytes') return Buffer.from(this.bytes());
    if (scalar === 'bool') return this.#varint(false) !== 0;
    if (scalar === 'double') return this.#take(8).readDoubleLE(0);
    return this.#varint(scalar === 'int64' || scalar === 'int32');
  }

  skip(wireType: number): void {
    if (wireType === wireTypes.varint) this.#varint(false);
    else if (wireType === wireTypes.fixed64) this.#take(8);
    else if (wireType === wireTypes.bytes) this.bytes();
    else if (wireType === wireTypes.fixed32) this.#take(4);
    else throw truncated(`wire type ${wireType}`);
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#buffer.length) throw truncated(`${length} bytes`);
    this.#at += length;
    return this.#buffer.subarray(this.#at - length, this.#at);
  }

  /** In two halves, because a 64-bit value may pass 2^53 on its way to being negative. */
  #varint(isSigned: boolean): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#buffer[this.#at++];
      if (byte === undefined) throw truncated('a number');
      const bits = byte & 127;
      if (shift < 28) low += bits * 2 ** shift;
      else if (shift === 28) {
        low += (bits & 15) * 2 ** 28;
        high += bits >> 4;
      } else high += bits * 2 ** (shift - 32);
      if (byte < 128) break;
      if (shift === 63) throw truncated('a number of more than ten bytes');
    }
    high %= two32;
    return isSigned && high >= two32 / 2 ? -((two32 - 1 - high) * two32 + (two32 - low)) : high * two32 + low;
  }
}

function truncated(what: string): ContainerError {
  return new ContainerError('invalid-argument', `decode protobuf: ${what} expected`);
}
