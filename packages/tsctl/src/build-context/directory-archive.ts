// A local directory as a build context: what .dockerignore leaves of it, no link followed, everything root's.
import { constants } from 'node:fs';
import { access, lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { IgnorePatterns } from '@tscontainer/core/ignore-patterns';
import { CommandFailure } from '../cli/failures.ts';
import { encodeHeader, padding, type TarEntry } from './tar-header.ts';

interface LocalEntry {
  path: string;
  entry: TarEntry;
}

const readBytes = 256 * 1024;
/** Two empty blocks. */
const endOfArchive = Buffer.alloc(1024);

/** Everything that will be sent, looked at before the first byte is. Throws CommandFailure for what cannot be read. */
export async function listDirectory(root: string, excludes: readonly string[]): Promise<LocalEntry[]> {
  const patterns = new IgnorePatterns(excludes);
  const found: LocalEntry[] = [];
  const linked = new Map<string, string>();
  const walk = async (directory: string): Promise<void> => {
    const names = await readdir(join(root, directory)).catch((error: NodeJS.ErrnoException) => {
      throw new CommandFailure(`error checking context: can't stat '${join(root, directory)}': ${error.code}`);
    });
    for (const name of names.sort()) {
      const relative = directory === '' ? name : `${directory}/${name}`;
      const path = join(root, relative);
      const facts = await lstat(path);
      const isIgnored = patterns.matches(relative);
      if (!isIgnored) {
        const entry = await toEntry(path, relative, facts, linked);
        if (entry !== undefined) found.push({ path, entry });
      }
      if (facts.isDirectory() && (!isIgnored || patterns.mayHoldExceptions(relative))) await walk(relative);
    }
  };
  await walk('');
  return found;
}

async function toEntry(
  path: string,
  name: string,
  facts: Awaited<ReturnType<typeof lstat>>,
  linked: Map<string, string>,
): Promise<TarEntry | undefined> {
  const base = { name, mode: Number(facts.mode), size: 0, modified: Math.floor(Number(facts.mtimeMs) / 1000) };
  if (facts.isDirectory()) return { ...base, name: `${name}/`, type: 'directory' };
  if (facts.isSymbolicLink()) return { ...base, type: 'symlink', linkName: await readlink(path) };
  if (facts.isFIFO()) return { ...base, type: 'fifo' };
  if (facts.isCharacterDevice() || facts.isBlockDevice()) {
    const device = BigInt(facts.rdev);
    const major = Number((device >> 8n) & 0xfffn);
    const minor = Number((device & 0xffn) | ((device >> 12n) & 0xfff00n));
    return { ...base, type: facts.isBlockDevice() ? 'block' : 'character', major, minor };
  }
  if (!facts.isFile()) return undefined; // a socket is nothing that an archive could hold
  await access(path, constants.R_OK).catch(() => {
    throw new CommandFailure(`error checking context: no permission to read from '${path}'`);
  });
  if (facts.nlink > 1) {
    const inode = `${facts.dev}:${facts.ino}`;
    const first = linked.get(inode);
    if (first !== undefined) return { ...base, type: 'link', linkName: first };
    linked.set(inode, name);
  }
  return { ...base, type: 'file', size: Number(facts.size) };
}

/** The archive's bytes. A file that has changed its size meanwhile is cut or filled up: the header is out already. */
export async function* packEntries(entries: readonly LocalEntry[]): AsyncGenerator<Buffer> {
  for (const { path, entry } of entries) {
    yield encodeHeader(entry);
    if (entry.type !== 'file') continue;
    yield* fileContent(path, entry.size);
    const rest = padding(entry.size);
    if (rest.length > 0) yield rest;
  }
  yield endOfArchive;
}

async function* fileContent(path: string, size: number): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    for (let left = size; left > 0; ) {
      const buffer = Buffer.allocUnsafe(Math.min(left, readBytes));
      const { bytesRead } = await file.read(buffer, 0, buffer.length);
      if (bytesRead === 0) {
        yield Buffer.alloc(left);
        return;
      }
      yield buffer.subarray(0, bytesRead);
      left -= bytesRead;
    }
  } finally {
    await file.close();
  }
}
