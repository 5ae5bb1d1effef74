// Netlink from TypeScript: messages built attribute by attribute, sent by the addon, their refusals thrown.
//
// A socket stays in the network namespace it was opened in; exchanges on one socket are made one after the other.
import { closeSync } from 'node:fs';
import { ContainerError } from '@tscontainer/core/errors';
import { codesByErrnoName } from './errors.ts';
import { native } from './native.ts';

export interface NetlinkFailure {
  sequence: number;
  errno: number;
  errnoName: string;
  /** The kernel's own words; may be empty. */
  detail: string;
}

export interface NetlinkReply {
  messages: Buffer;
  failures: NetlinkFailure[];
}

/** NLM_F_*: netlink(7). */
export const netlinkFlags = {
  request: 0x1,
  ack: 0x4,
  dump: 0x300,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
} as const;

const nested = 0x8000;
const alignment = 4;

/** One attribute's value: bytes, an unsigned 32-bit number in host order, a text with its NUL, or attributes in it. */
export type AttributeValue = Uint8Array | number | string | Attribute[];
export type Attribute = readonly [type: number, value: AttributeValue];

function valueBytes(value: AttributeValue): Uint8Array {
  if (typeof value === 'string') return Buffer.from(`${value}\0`);
  if (typeof value === 'number') return u32(value);
  if (value instanceof Uint8Array) return value;
  return attributes(value);
}

function padded(length: number): number {
  return (length + alignment - 1) & ~(alignment - 1);
}

export function attributes(list: readonly Attribute[]): Buffer {
  const parts = list.map(([type, value]) => ({
    type: Array.isArray(value) ? type | nested : type,
    bytes: valueBytes(value),
  }));
  const whole = Buffer.alloc(parts.reduce((sum, part) => sum + padded(4 + part.bytes.length), 0));
  let at = 0;
  for (const { type, bytes } of parts) {
    whole.writeUInt16LE(4 + bytes.length, at);
    whole.writeUInt16LE(type, at + 2);
    whole.set(bytes, at + 4);
    at += padded(4 + bytes.length);
  }
  return whole;
}

export function u8(value: number): Buffer {
  return Buffer.from([value]);
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

/** In network order. */
export function u16be(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** In network order. */
export function u32be(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** A message without its sequence number, which the socket gives. `what` names it in errors. */
export interface NetlinkMessage {
  what: string;
  type: number;
  flags: number;
  /** The fixed header of its family and the attributes after it. */
  body: Uint8Array;
  /** Errno names that are no failure. */
  tolerates?: readonly string[];
}

/** What a message that came back holds. */
export interface ReceivedMessage {
  type: number;
  body: Buffer;
}

const headerLength = 16;

function* received(messages: Buffer): Generator<ReceivedMessage> {
  for (let at = 0; at + headerLength <= messages.length; ) {
    const length = messages.readUInt32LE(at);
    yield { type: messages.readUInt16LE(at + 4), body: messages.subarray(at + headerLength, at + length) };
    at += padded(length);
  }
}

/** The attributes of `bytes` by their type; of several of one type the last. */
export function parseAttributes(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    if (length < 4) break;
    found.set(bytes.readUInt16LE(at + 2) & 0x3fff, bytes.subarray(at + 4, at + length));
    at += padded(length);
  }
  return found;
}

export class NetlinkSocket {
  readonly #fd: number;
  #sequence = 1;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** `protocol`: 0 routes and links, 12 netfilter. `namespaceFd` undefined: this process's own namespace. */
  static async open(protocol: number, namespaceFd?: number): Promise<NetlinkSocket> {
    return new NetlinkSocket(await native().openNetlink(protocol, namespaceFd ?? -1));
  }

  /** After the exchanges that are under way. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const end = () => closeSync(this.#fd);
    this.#last.then(end, end);
  }

  /**
   * Sends them at once and resolves with what came back, when all were answered. Rejects with the first refusal; those
   * before it stay done, unless the messages are one batch of netfilter's.
   */
  send(messages: readonly NetlinkMessage[]): Promise<ReceivedMessage[]> {
    if (messages.length === 0) return Promise.resolve([]);
    if (this.#isClosed)
      return Promise.reject(new ContainerError('failed-precondition', `${messages[0]?.what}: socket is closed`));
    const sent = this.#last.then(
      () => this.#exchange(messages),
      () => this.#exchange(messages),
    );
    this.#last = sent;
    sent.catch(() => undefined); // the caller has the error
    return sent;
  }

  async #exchange(messages: readonly NetlinkMessage[]): Promise<ReceivedMessage[]> {
    const first = this.#sequence;
    const request = Buffer.concat(messages.map((message, index) => framed(message, first + index)));
    this.#sequence = (first + messages.length) % 0x7fff_0000 || 1;
    const reply = await native().exchangeNetlink(this.#fd, request);
    for (const failure of reply.failures) {
      const message = messages[failure.sequence - first];
      if (message?.tolerates?.includes(failure.errnoName)) continue;
      throw refusal(message?.what ?? 'netlink', failure);
    }
    return [...received(reply.messages)];
  }
}

function framed(message: NetlinkMessage, sequence: number): Buffer {
  const length = headerLength + message.body.length;
  const bytes = Buffer.alloc(padded(length));
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt16LE(message.type, 4);
  bytes.writeUInt16LE(message.flags | netlinkFlags.request, 6);
  bytes.writeUInt32LE(sequence, 8);
  bytes.set(message.body, headerLength);
  return bytes;
}

function refusal(what: string, failure: NetlinkFailure): ContainerError {
  const detail = failure.detail === '' ? '' : ` (${failure.detail})`;
  return new ContainerError(
    codesByErrnoName[failure.errnoName] ?? 'internal',
    `${what}: ${failure.errnoName}${detail}`,
    { details: { errnoName: failure.errnoName, errno: failure.errno } },
  );
}
