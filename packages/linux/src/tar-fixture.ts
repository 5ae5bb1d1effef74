// Tar streams made by hand for the archive tests: any header may be wrong on purpose, which no tar library would allow.
import { Buffer } from 'node:buffer';

export interface FixtureEntry {
  name: string;
  /** Type flag of the header: '0' file, '1' hard link, '2' symbolic link, '3' char, '4' block, '5' directory, '6' FIFO. */
  type?: string;
  mode?: number;
  uid?: number;
  gid?: number;
  /** Seconds since the epoch. */
  mtime?: number;
  link?: string;
  data?: Uint8Array | string;
  /** Size in the header when it shall not be the data's own. */
  size?: number;
  device?: [major: number, minor: number];
  /** PAX records put before the entry. */
  pax?: Record<string, string | Uint8Array>;
  /** The PAX header's body as it is, in place of `pax`. */
  paxBytes?: Uint8Array;
  /** ustar's prefix field: what stands before the name and a slash. */
  prefix?: string;
  /** Changes the header before its sum is taken. */
  patch?: (header: Buffer) => void;
}

/** Where the fields of a header are, for patches. */
export const fieldAt = { uid: 108, gid: 116, size: 124, mtime: 136, sum: 148, magic: 257, major: 329 } as const;

/** GNU's binary form of a number that octal digits cannot hold, over `length` bytes. */
export function base256(value: bigint, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let rest = BigInt.asUintN(length * 8 - 1, value);
  for (let at = length - 1; at >= 0; at--, rest >>= 8n) bytes[at] = Number(rest & 0xffn);
  bytes[0] = (bytes[0] as number) | (value < 0n ? 0xff : 0x80);
  return bytes;
}

const blockBytes = 512;

/** A whole archive with its end marker. */
export function tar(...entries: FixtureEntry[]): Buffer {
  return Buffer.concat([...entries.map(tarEntry), Buffer.alloc(2 * blockBytes)]);
}

/** One entry with its PAX header, without an end marker. */
export function tarEntry(entry: FixtureEntry): Buffer {
  const data = Buffer.from(entry.data ?? '');
  const block = Buffer.concat([header(entry, data.length), padded(data)]);
  if (entry.pax === undefined && entry.paxBytes === undefined) return block;
  const records = entry.paxBytes !== undefined ? Buffer.from(entry.paxBytes) : paxRecords(entry.pax ?? {});
  return Buffer.concat([header({ name: 'PaxHeaders/x', type: 'x' }, records.length), padded(records), block]);
}

/** The body of a PAX header. */
export function paxRecords(pax: Record<string, string | Uint8Array>): Buffer {
  return Buffer.concat(Object.entries(pax).map(([name, value]) => paxRecord(name, Buffer.from(value))));
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((blockBytes - (data.length % blockBytes)) % blockBytes)]);
}

/** `length name=value\n`, where the length counts its own digits. */
function paxRecord(name: string, value: Buffer): Buffer {
  const rest = name.length + value.length + 3;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length += 1;
  return Buffer.concat([Buffer.from(`${length} ${name}=`), value, Buffer.from('\n')]);
}

function header(entry: FixtureEntry, size: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, at: number, length: number) =>
    block.write(value.toString(8).padStart(length - 1, '0'), at, 'latin1');
  block.write(entry.name, 0, 100, 'latin1');
  octal(entry.mode ?? 0o644, 100, 8);
  octal(entry.uid ?? 0, 108, 8);
  octal(entry.gid ?? 0, 116, 8);
  octal(entry.size ?? size, 124, 12);
  octal(entry.mtime ?? 1_700_000_000, 136, 12);
  block.write(' '.repeat(8), 148, 'latin1');
  block.write(entry.type ?? '0', 156, 'latin1');
  block.write(entry.link ?? '', 157, 100, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  octal(entry.device?.[0] ?? 0, 329, 8);
  octal(entry.device?.[1] ?? 0, 337, 8);
  block.write(entry.prefix ?? '', 345, 155, 'latin1');
  entry.patch?.(block);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
