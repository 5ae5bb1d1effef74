// A context as a tar, as docker's `context export` writes it: meta.json, then tls/<endpoint>/<file>. It is also read from a zip.
import { createReadStream } from 'node:fs';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import tar from 'tar-stream';
import { CommandFailure } from '../cli/failures.ts';
import { type ContextMeta, parseMeta, type TlsMaterial } from './context-store.ts';
import { type ArchivedFile, isZip, readZip } from './zip-archive.ts';

/** Docker's: nothing larger is a context. */
const maxArchiveBytes = 10 * 1024 * 1024;
const metaFile = 'meta.json';

export interface ArchivedContext {
  meta: ContextMeta;
  tls: TlsMaterial;
}

export async function packContext({ meta, tls }: ArchivedContext): Promise<Buffer> {
  const pack = tar.pack();
  const when = { mtime: new Date(0), uid: 0, gid: 0 };
  pack.entry({ name: 'meta.json', mode: 0o644, ...when }, JSON.stringify(meta));
  pack.entry({ name: 'tls', type: 'directory', mode: 0o700, ...when });
  for (const [endpoint, files] of Object.entries(tls)) {
    pack.entry({ name: `tls/${endpoint}`, type: 'directory', mode: 0o700, ...when });
    for (const [file, content] of Object.entries(files))
      pack.entry({ name: `tls/${endpoint}/${file}`, mode: 0o600, ...when }, content);
  }
  pack.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of pack as unknown as Readable) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** `-` is standard input; a tar, or a zip. Throws CommandFailure for what is no context. */
export async function unpackContext(path: string): Promise<ArchivedContext> {
  const bytes = await readWhole(path);
  const files = isZip(bytes) ? readZip(bytes, maxArchiveBytes) : await readTar(bytes);
  let meta: ContextMeta | undefined;
  const tls: TlsMaterial = {};
  for (const { name, content } of files) {
    checkPlace(name);
    if (name === metaFile) {
      meta = parseMeta(content.toString(), name);
      continue;
    }
    const words = /^tls\/([^/]+)\/([^/]+)$/.exec(name);
    if (words === null) throw new CommandFailure('archive format is invalid');
    const [, endpoint = '', file = ''] = words;
    tls[endpoint] = { ...tls[endpoint], [file]: content };
  }
  if (meta === undefined) throw new CommandFailure('invalid context: no metadata found');
  return { meta, tls };
}

/** Docker's rules, in its words: nothing is written beside the context's own directory. */
function checkPlace(name: string): void {
  if (name !== metaFile && !name.startsWith('tls/')) throw new CommandFailure(`${name}: unexpected context file`);
  if (posix.normalize(name) !== name) throw new CommandFailure(`${name}: unexpected path format`);
  if (name.includes('\\')) throw new CommandFailure(`${name}: unexpected '\\' in path`);
}

async function readWhole(path: string): Promise<Buffer> {
  const source = path === '-' ? process.stdin : createReadStream(path);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of source) {
      length += (chunk as Buffer).length;
      if (length > maxArchiveBytes) throw new CommandFailure('read exceeds the defined limit');
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new CommandFailure(`open ${path}: no such file or directory`);
  }
  return Buffer.concat(chunks);
}

async function readTar(bytes: Buffer): Promise<ArchivedFile[]> {
  const extract = tar.extract();
  const fed = pipeline(Readable.from([bytes], { objectMode: false }), extract);
  fed.catch(() => undefined); // read below
  const files: ArchivedFile[] = [];
  for await (const entry of extract) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry as unknown as Readable) chunks.push(chunk as Buffer);
    if (entry.header.type === 'file') files.push({ name: entry.header.name, content: Buffer.concat(chunks) });
  }
  await fed;
  return files;
}
