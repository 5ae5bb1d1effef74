// Writes ustar archives (POSIX.1-2001 pax, "ustar Interchange Format") whose bytes depend on nothing but their content.
import { Buffer } from 'node:buffer';

export interface TarEntry {
  /** Relative; at most 100 bytes. Directories end with a slash. */
  name: string;
  type: 'file' | 'directory' | 'hardlink' | 'symlink';
  /** Permission bits. */
  mode: number;
  uid?: number;
  gid?: number;
  /** A file's content. */
  data?: Uint8Array;
  /** A link's target. */
  target?: string;
}

const blockBytes = 512;
const nameBytes = 100;
const typeFlags = { file: '0', hardlink: '1', symlink: '2', directory: '5' } as const;

/** The whole archive; every entry has the modification time `timeSeconds` (since the epoch). */
export function tarArchive(entries: TarEntry[], timeSeconds: number): Buffer {
  const blocks: Buffer[] = [];
  for (const entry of entries) {
    const data = entry.data ?? new Uint8Array();
    blocks.push(header(entry, data.length, timeSeconds), Buffer.from(data), padding(data.length));
  }
  return Buffer.concat([...blocks, Buffer.alloc(2 * blockBytes)]);
}

function padding(length: number): Buffer {
  return Buffer.alloc((blockBytes - (length % blockBytes)) % blockBytes);
}

function header(entry: TarEntry, size: number, timeSeconds: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  writeName(block, entry.name, 0);
  writeOctal(block, entry.mode, 100, 8);
  writeOctal(block, entry.uid ?? 0, 108, 8);
  writeOctal(block, entry.gid ?? 0, 116, 8);
  writeOctal(block, size, 124, 12);
  writeOctal(block, timeSeconds, 136, 12);
  block.write(' '.repeat(8), 148, 'latin1'); // the checksum counts itself as spaces
  block.write(typeFlags[entry.type], 156, 'latin1');
  writeName(block, entry.target ?? '', 157);
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function writeName(block: Buffer, name: string, at: number): void {
  if (Buffer.byteLength(name) > nameBytes)
    throw new RangeError(`write tar entry ${name}: longer than ${nameBytes} bytes`);
  block.write(name, at, 'utf8');
}

function writeOctal(block: Buffer, value: number, at: number, length: number): void {
  const digits = value.toString(8).padStart(length - 1, '0');
  if (digits.length >= length) throw new RangeError(`write tar entry: ${value} does not fit into ${length} bytes`);
  block.write(digits, at, 'latin1');
}
