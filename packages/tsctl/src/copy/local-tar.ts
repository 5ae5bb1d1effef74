// Tars of local files for `cp`: packed as they are read, unpacked below one directory and nowhere else.
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, link, lstat, mkdir, readdir, readlink, rm, stat, symlink, utimes } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import tar from 'tar-stream';
import { CommandFailure } from '../cli/failures.ts';
import type { CopyPlace } from './copy-target.ts';

/** `name`: what the source is called in the archive; `.`: only what is in it. */
export function packLocal(source: string, name: string, followsLinks: boolean): Readable {
  const pack = tar.pack();
  packEntry(pack, source, name, followsLinks).then(
    () => pack.finalize(),
    (error) => pack.destroy(error as Error),
  );
  return pack as unknown as Readable;
}

async function packEntry(pack: tar.Pack, path: string, name: string, followsLinks: boolean): Promise<void> {
  const facts = followsLinks ? await stat(path) : await lstat(path);
  const header = { name, mode: facts.mode & 0o7777, mtime: facts.mtime, uid: facts.uid, gid: facts.gid };
  if (facts.isDirectory()) {
    await addEntry(pack, { ...header, name: `${name}/`, type: 'directory' });
    for (const child of (await readdir(path)).sort())
      await packEntry(pack, join(path, child), `${name}/${child}`, false);
  } else if (facts.isSymbolicLink())
    await addEntry(pack, { ...header, type: 'symlink', linkname: await readlink(path) });
  else if (facts.isFile()) await addFile(pack, path, { ...header, size: facts.size });
  else if (!facts.isSocket())
    throw new CommandFailure(`copy ${path}: a file of a kind that a tar of this client cannot hold`);
}

function addEntry(pack: tar.Pack, header: Partial<tar.Header> & { name: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    pack.entry(header, (error) => (error ? reject(error) : resolve()));
  });
}

async function addFile(
  pack: tar.Pack,
  path: string,
  header: Partial<tar.Header> & { name: string; size: number },
): Promise<void> {
  const done = Promise.withResolvers<void>();
  const entry = pack.entry(header, (error) => (error ? done.reject(error) : done.resolve()));
  // exactly as much as the header says: the file may grow meanwhile
  if (header.size === 0) entry.end(undefined);
  else await pipeline(createReadStream(path, { end: header.size - 1 }), entry);
  await done.promise;
}

/** `root`: the archive's own first word, which becomes `place.name`. */
export async function unpackLocal(source: Readable, root: string, place: CopyPlace): Promise<void> {
  const extract = tar.extract();
  const times: [string, Date][] = [];
  const fed = pipeline(source, extract);
  fed.catch(() => undefined); // read below
  for await (const entry of extract) {
    const path = await localPath(entry.header.name, root, place);
    await unpackEntry(entry, path, root, place);
    if (entry.header.type === 'directory' && entry.header.mtime) times.push([path, entry.header.mtime]);
    entry.resume();
  }
  await fed;
  for (const [path, time] of times.reverse()) await utimes(path, time, time);
}

/** Below the place, through no symbolic link that the archive made. */
async function localPath(name: string, root: string, place: CopyPlace): Promise<string> {
  const clean = posix.normalize(name).replace(/\/$/, '');
  const inside =
    root === '.' || root === '/' ? clean.replace(/^\//, '') : clean === root ? '' : clean.slice(root.length + 1);
  if (inside.split('/').includes('..'))
    throw new CommandFailure(`archive entry ${JSON.stringify(name)} leaves its directory`);
  const top = place.name === '.' ? place.directory : join(place.directory, place.name);
  const path = join(top, inside);
  for (let parent = dirname(path); parent.length > top.length; parent = dirname(parent)) {
    const facts = await lstat(parent).catch(() => undefined); // not there yet: it will be made
    if (facts?.isSymbolicLink())
      throw new CommandFailure(`archive entry ${JSON.stringify(name)} goes through a symbolic link`);
  }
  return path;
}

async function unpackEntry(entry: { header: tar.Header }, path: string, root: string, place: CopyPlace): Promise<void> {
  const { type, mode = 0o644, mtime, linkname } = entry.header;
  const existing = await lstat(path).catch(() => undefined); // nothing there
  if (type === 'directory') {
    if (existing !== undefined && !existing.isDirectory())
      throw new CommandFailure(`cannot overwrite non-directory ${JSON.stringify(path)} with directory`);
    await mkdir(path, { recursive: true });
    await chmod(path, mode);
    return;
  }
  if (existing?.isDirectory())
    throw new CommandFailure(`cannot overwrite directory ${JSON.stringify(path)} with non-directory`);
  await mkdir(dirname(path), { recursive: true });
  if (existing !== undefined) await rm(path);
  if (type === 'symlink') await symlink(linkname ?? '', path);
  else if (type === 'link') await link(await localPath(linkname ?? '', root, place), path);
  else if (type === 'file' || type === 'contiguous-file') {
    await pipeline(entry as unknown as Readable, createWriteStream(path, { mode, flags: 'wx' }));
    await chmod(path, mode);
    if (mtime) await utimes(path, mtime, mtime);
  } else
    throw new CommandFailure(
      `archive entry ${JSON.stringify(entry.header.name)} is a ${type}, which cannot be made here`,
    );
}
