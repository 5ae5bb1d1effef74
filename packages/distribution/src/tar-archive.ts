// Reads the outer tar of an image archive entry by entry, compressed or not, and refuses hostile names.
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import { peek } from '@tscontainer/platform/stream-head';
import tar from 'tar-stream';
import { decompressed } from './decompression.ts';

export interface ArchiveFile {
  /** Clean relative path. */
  path: string;
  size: number;
  /** To be read to its end before the next entry comes. */
  body: AsyncIterable<Buffer>;
}

export type ArchiveEntry = { kind: 'file'; file: ArchiveFile } | { kind: 'link'; path: string; target: string };

/** An image has a handful of files per layer; more is not an image. */
const maxEntries = 20_000;

export function badArchive(what: string, cause?: unknown): ContainerError {
  return new ContainerError('invalid-argument', `load image archive: ${what}`, { reason: 'bad-archive', cause });
}

/** `a/./b` is `a/b`. Rejects names that are absolute or climb. */
export function cleanEntryPath(name: string): string {
  const parts = name.split('/');
  if (name.startsWith('/') || parts.includes('..') || name.includes('\0'))
    throw badArchive(`entry ${JSON.stringify(name)} leaves the archive`);
  return posix.normalize(name).replace(/\/$/, '');
}

function linkTarget(path: string, linkName: string, isSymbolic: boolean): string {
  const target = posix.normalize(isSymbolic ? posix.join(posix.dirname(path), linkName) : linkName);
  if (linkName.startsWith('/') || target.startsWith('..'))
    throw badArchive(`link ${JSON.stringify(path)} points out of the archive`);
  return target;
}

/** Entries in the archive's order. Rejects invalid-argument (reason `bad-archive`) for what is broken, cut or hostile. */
export async function* readArchive(source: Readable): AsyncGenerator<ArchiveEntry> {
  const { first, whole } = await peek(source, 1);
  if (first.length === 0) throw badArchive('it is empty');
  const plain = await decompressed(whole);
  const extract = tar.extract();
  const finished = pipeline(plain, extract);
  finished.catch(() => undefined); // read below, after the entries
  let count = 0;
  try {
    for await (const entry of extract) {
      if (++count > maxEntries) throw badArchive(`more than ${maxEntries} entries`);
      const { name, type, size = 0, linkname } = entry.header;
      const path = cleanEntryPath(name);
      if (type === 'file' || type === 'contiguous-file')
        yield { kind: 'file', file: { path, size, body: bodyOf(entry as AsyncIterable<Buffer>, finished) } };
      else if (type === 'link' || type === 'symlink')
        yield { kind: 'link', path, target: linkTarget(path, linkname ?? '', type === 'symlink') };
      else if (type !== 'directory') throw badArchive(`entry ${JSON.stringify(path)} is a ${type}`);
      entry.resume();
    }
    await finished;
  } catch (error) {
    source.destroy();
    extract.destroy();
    throw toBadArchive(error);
  }
}

function toBadArchive(error: unknown): ContainerError {
  return error instanceof ContainerError ? error : badArchive(errorMessageOf(error).toLowerCase(), error);
}

/** What broke the archive while a file was read is told by its end: the file itself knows only that it was cut off. */
async function* bodyOf(entry: AsyncIterable<Buffer>, finished: Promise<void>): AsyncGenerator<Buffer> {
  try {
    yield* entry;
  } catch (error) {
    const cause: unknown = await finished.then(
      () => error,
      (broken: unknown) => broken,
    );
    throw toBadArchive(cause);
  }
}
