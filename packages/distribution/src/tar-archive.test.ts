// Tests the outer tar of image archives: compressions, cuts, hostile names.
import { execFileSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import tar from 'tar-stream';
import { expect, it } from 'vitest';
import { cleanEntryPath, readArchive } from './tar-archive.ts';

async function pack(
  ...entries: { name: string; content?: string; type?: 'symlink' | 'fifo'; linkname?: string }[]
): Promise<Buffer> {
  const archive = tar.pack();
  for (const { content, ...header } of entries) archive.entry(header, content ?? '');
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function read(bytes: Buffer, chunkBytes = 1000): Promise<string[]> {
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, index) =>
    bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes),
  );
  const seen: string[] = [];
  for await (const entry of readArchive(Readable.from(chunks))) {
    if (entry.kind === 'link') {
      seen.push(`${entry.path} -> ${entry.target}`);
      continue;
    }
    let text = '';
    for await (const chunk of entry.file.body) text += chunk.toString();
    seen.push(`${entry.file.path}=${text}`);
  }
  return seen;
}

it('reads archives as they are and of every compression, in whatever pieces they come', async () => {
  const bytes = await pack(
    { name: './a', content: 'x'.repeat(5000) },
    { name: 'b/', content: 'y' },
    { name: 'c/d', type: 'symlink', linkname: '../a' },
  );
  const expected = [`a=${'x'.repeat(5000)}`, 'b=y', 'c/d -> a'];
  const packed = (program: string) => execFileSync(program, ['-c'], { input: bytes });
  const forms = [bytes, gzipSync(bytes), zstdCompressSync(bytes), packed('bzip2'), packed('xz')];
  for (const form of forms) for (const chunkBytes of [1, 1000]) expect(await read(form, chunkBytes)).toEqual(expected);
});

it('goes on when a file is not read', async () => {
  const bytes = await pack({ name: 'a', content: 'x'.repeat(5000) }, { name: 'b', content: 'y' });
  const names: string[] = [];
  for await (const entry of readArchive(Readable.from([bytes]))) if (entry.kind === 'file') names.push(entry.file.path);
  expect(names).toEqual(['a', 'b']);
});

it.each([
  [
    'cut in a file',
    async () => (await pack({ name: 'a', content: 'x'.repeat(5000) })).subarray(0, 2000),
    'unexpected end',
  ],
  [
    'cut in gzip',
    async () => gzipSync(await pack({ name: 'a', content: 'x'.repeat(5000) })).subarray(0, 60),
    'unexpected end',
  ],
  ['without a byte', async () => Buffer.alloc(0), 'empty'],
  ['with a pipe', () => pack({ name: 'a', type: 'fifo' }), 'is a fifo'],
  ['with a climbing link', () => pack({ name: 'a', type: 'symlink', linkname: '../b' }), 'points out of the archive'],
])('refuses an archive %s', async (_what, bytes, message) => {
  await expect(bytes().then((archive) => read(archive))).rejects.toThrow(message);
});

it('refuses names that leave the archive', () => {
  for (const name of ['/a', '../a', 'a/../../b', 'a/..'])
    expect(() => cleanEntryPath(name)).toThrow('leaves the archive');
  expect(cleanEntryPath('./a//b/./c/')).toBe('a/b/c');
});
