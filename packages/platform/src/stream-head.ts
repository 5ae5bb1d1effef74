// The first bytes of a stream, which say what it is, without taking them from whoever reads it. For archives on both ends.
import { Buffer } from 'node:buffer';
import { Readable } from 'node:stream';

export type Compression = 'gzip' | 'bzip2' | 'xz' | 'zstd';

const magics: [name: Compression, bytes: number[]][] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
];

export const longestMagicBytes = 6;

/** Undefined: none of these, plain bytes most likely. */
export function compressionOf(first: Buffer): Compression | undefined {
  return magics.find(([, magic]) => magic.every((byte, at) => first[at] === byte))?.[0];
}

/** At least `wanted` first bytes, unless there are fewer; `whole` begins with them again. Read `whole` in the same turn. */
export async function peek(source: Readable, wanted: number): Promise<{ first: Buffer; whole: Readable }> {
  const chunks = source.iterator({ destroyOnReturn: false });
  const read: Buffer[] = [];
  let length = 0;
  while (length < wanted) {
    const next = await chunks.next();
    // what has ended takes nothing back
    if (next.done) return { first: Buffer.concat(read), whole: Readable.from(read, { objectMode: false }) };
    read.push(next.value as Buffer);
    length += (next.value as Buffer).length;
  }
  await chunks.return?.();
  const first = Buffer.concat(read);
  source.unshift(first);
  return { first, whole: source };
}
