// Reads the files of a zip, whole and in memory: a context may come as one. By the central directory, which says what counts.
import { crc32, inflateRawSync } from 'node:zlib';
import { CommandFailure } from '../cli/failures.ts';

export interface ArchivedFile {
  name: string;
  content: Buffer;
}

/** Of the parts of a zip (APPNOTE 4.3): signature and length without the parts of varying length. */
const endOfDirectory = { signature: 0x06054b50, bytes: 22 };
const directoryEntry = { signature: 0x02014b50, bytes: 46 };
const fileHeader = { signature: 0x04034b50, bytes: 30 };
const maxCommentBytes = 0xffff;
/** In 16 and 32 bits: look into the Zip64 fields, which nothing as small as a context needs. */
const elsewhere = [0xffff, 0xffff_ffff];
const encrypted = 1;
const methods = { stored: 0, deflated: 8 };
const typeMask = 0o170_000;
const regularFile = 0o100_000;

export function isZip(bytes: Buffer): boolean {
  return bytes.length >= 4 && [fileHeader.signature, endOfDirectory.signature].includes(bytes.readUInt32LE(0));
}

function broken(what: string): CommandFailure {
  return new CommandFailure(`zip: not a valid zip file: ${what}`);
}

/** Regular files only, as docker takes them. `limitBytes` of each, written out. Throws CommandFailure. */
export function readZip(bytes: Buffer, limitBytes: number): ArchivedFile[] {
  try {
    return entriesOf(bytes)
      .map((at) => readEntry(bytes, at, limitBytes))
      .filter((file) => file !== undefined);
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw broken((error as Error).message); // an offset that leads out, data that is no deflate stream
  }
}

/** Where the directory's entries begin. */
function entriesOf(bytes: Buffer): number[] {
  const end = findEnd(bytes);
  const count = bytes.readUInt16LE(end + 10);
  const places: number[] = [];
  let at = bytes.readUInt32LE(end + 16);
  if ([count, at].some((value) => elsewhere.includes(value))) throw broken('Zip64 is not read');
  for (let index = 0; index < count; index++) {
    if (bytes.readUInt32LE(at) !== directoryEntry.signature) throw broken('a directory entry is missing');
    places.push(at);
    at +=
      directoryEntry.bytes + bytes.readUInt16LE(at + 28) + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return places;
}

function findEnd(bytes: Buffer): number {
  const last = bytes.length - endOfDirectory.bytes;
  for (let at = last; at >= Math.max(0, last - maxCommentBytes); at--)
    if (bytes.readUInt32LE(at) === endOfDirectory.signature) return at;
  throw broken('its end is missing');
}

function readEntry(bytes: Buffer, at: number, limitBytes: number): ArchivedFile | undefined {
  const nameBytes = bytes.readUInt16LE(at + 28);
  const name = bytes.toString('utf8', at + directoryEntry.bytes, at + directoryEntry.bytes + nameBytes);
  const type = (bytes.readUInt32LE(at + 38) >>> 16) & typeMask;
  if (name.endsWith('/') || (type !== 0 && type !== regularFile)) return undefined;
  const packedBytes = bytes.readUInt32LE(at + 20);
  const plainBytes = bytes.readUInt32LE(at + 24);
  if (plainBytes > limitBytes) throw new CommandFailure('read exceeds the defined limit');
  if ((bytes.readUInt16LE(at + 8) & encrypted) !== 0) throw new CommandFailure(`zip: ${name}: it is encrypted`);
  const header = bytes.readUInt32LE(at + 42);
  if (bytes.readUInt32LE(header) !== fileHeader.signature) throw broken(`${name} has no header`);
  const start = header + fileHeader.bytes + bytes.readUInt16LE(header + 26) + bytes.readUInt16LE(header + 28);
  const packed = bytes.subarray(start, start + packedBytes);
  const content = unpacked(name, bytes.readUInt16LE(at + 10), packed, plainBytes);
  if (content.length !== plainBytes || crc32(content) !== bytes.readUInt32LE(at + 16))
    throw new CommandFailure(`zip: ${name}: checksum error`);
  return { name, content };
}

function unpacked(name: string, method: number, packed: Buffer, plainBytes: number): Buffer {
  if (method === methods.stored) return packed;
  // a bound that holds whatever the directory says of its length; 0 would be none
  if (method === methods.deflated) return inflateRawSync(packed, { maxOutputLength: Math.max(plainBytes, 1) });
  throw new CommandFailure(`zip: ${name}: unsupported compression algorithm`);
}
