// DNS messages as far as the embedded server needs them: one question read, an answer written (RFC 1035, 6891).
import { toBytes } from './ip-address.ts';

export const dnsType = { a: 1, ptr: 12, aaaa: 28, any: 255 } as const;
export const dnsCode = { noError: 0, formatError: 1, serverFailure: 2, nameError: 3, notImplemented: 4 } as const;

export interface DnsQuestion {
  id: number;
  /** Without the last dot. */
  name: string;
  type: number;
  /** 1 is IN. */
  class: number;
  /** As it was sent, for the answer. */
  bytes: Buffer;
  /** Largest answer by UDP that the asker takes. */
  maxBytes: number;
  isRecursionDesired: boolean;
}

const headerBytes = 12;
const defaultMaxBytes = 512;
const optType = 41;
const maxLabels = 128;

/** Undefined for what is no query of one question. */
export function readQuestion(message: Buffer): DnsQuestion | undefined {
  if (message.length < headerBytes || message.readUInt16BE(4) !== 1) return undefined;
  const flags = message.readUInt16BE(2);
  if ((flags & 0x8000) !== 0) return undefined;
  const labels: string[] = [];
  let at = headerBytes;
  for (;;) {
    const length = message[at];
    if (length === undefined || length > 63 || labels.length > maxLabels) return undefined;
    at++;
    if (length === 0) break;
    labels.push(message.toString('latin1', at, at + length));
    at += length;
  }
  if (at + 4 > message.length) return undefined;
  return {
    id: message.readUInt16BE(0),
    name: labels.join('.'),
    type: message.readUInt16BE(at),
    class: message.readUInt16BE(at + 2),
    bytes: message.subarray(headerBytes, at + 4),
    maxBytes: maxBytesOf(message, at + 4),
    isRecursionDesired: (flags & 0x100) !== 0,
  };
}

/** The OPT record's size, when the first additional record is one. */
function maxBytesOf(message: Buffer, at: number): number {
  const hasOnlyAdditional = message.readUInt16BE(6) === 0 && message.readUInt16BE(8) === 0;
  if (!hasOnlyAdditional || message.readUInt16BE(10) === 0 || at + 11 > message.length) return defaultMaxBytes;
  if (message[at] !== 0 || message.readUInt16BE(at + 1) !== optType) return defaultMaxBytes;
  return Math.max(defaultMaxBytes, message.readUInt16BE(at + 3));
}

export interface DnsAnswer {
  type: number;
  ttlSeconds: number;
  data: Buffer;
}

export function addressAnswer(address: string, ttlSeconds: number): DnsAnswer {
  const data = toBytes(address);
  return { type: data.length === 4 ? dnsType.a : dnsType.aaaa, ttlSeconds, data };
}

export function nameAnswer(name: string, ttlSeconds: number): DnsAnswer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return { type: dnsType.ptr, ttlSeconds, data: Buffer.concat([...labels, Buffer.from([0])]) };
}

/** The answer's message; cut to `limitBytes` and marked so when it is longer. */
export function writeAnswer(question: DnsQuestion, code: number, answers: DnsAnswer[], limitBytes = 65_535): Buffer {
  const records = answers.map((answer) => {
    const head = Buffer.alloc(12);
    head.writeUInt16BE(0xc000 | headerBytes, 0); // the question's name
    head.writeUInt16BE(answer.type, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt32BE(answer.ttlSeconds, 6);
    head.writeUInt16BE(answer.data.length, 10);
    return Buffer.concat([head, answer.data]);
  });
  let size = headerBytes + question.bytes.length;
  const fitting = records.filter((record) => {
    size += record.length;
    return size <= limitBytes;
  });
  const header = Buffer.alloc(headerBytes);
  header.writeUInt16BE(question.id, 0);
  const isCut = fitting.length < records.length;
  // response, recursion available; and as asked: recursion desired
  header.writeUInt16BE(0x8080 | (question.isRecursionDesired ? 0x100 : 0) | (isCut ? 0x200 : 0) | code, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(fitting.length, 6);
  return Buffer.concat([header, question.bytes, ...fitting]);
}

/** `2.0.17.172.in-addr.arpa` as `172.17.0.2`; undefined for other names. */
export function addressOfReverseName(name: string): string | undefined {
  const v4 = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa$/i.exec(name);
  if (v4 !== null) return v4.slice(1).reverse().join('.');
  const v6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/i.exec(name);
  if (v6?.[1] === undefined) return undefined;
  const digits = v6[1].replaceAll('.', '').split('').reverse().join('');
  return digits.match(/.{4}/g)?.join(':');
}
