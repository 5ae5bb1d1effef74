// A context as a tar, as docker's `context export` writes it: meta.json, then tls/<endpoint>/<file>.
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import tar from 'tar-stream';
import { CommandFailure } from '../cli/failures.ts';
import { type ContextMeta, parseMeta, type TlsMaterial } from './context-store.ts';

/** Files larger than this belong to no context. */
const maxFileBytes = 10 * 1024 * 1024;

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

/** `-` is standard input. Throws CommandFailure for what is no context. */
export async function unpackContext(path: string): Promise<ArchivedContext> {
  const source = path === '-' ? process.stdin : createReadStream(path);
  const extract = tar.extract();
  const fed = pipeline(source, extract);
  fed.catch(() => undefined); // read below
  let meta: ContextMeta | undefined;
  const tls: TlsMaterial = {};
  try {
    for await (const entry of extract) {
      const { name } = entry.header;
      const content = await readEntry(entry as unknown as Readable, name);
      if (entry.header.type !== 'file') continue;
      const words = /^tls\/([^/]+)\/([^/]+)$/.exec(name);
      if (name === 'meta.json') meta = parseMeta(content.toString(), name);
      else if (words !== null) tls[words[1] ?? ''] = { ...tls[words[1] ?? ''], [words[2] ?? '']: content };
      else throw new CommandFailure(`import context: ${name}: not a file of a context`);
    }
    await fed;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new CommandFailure(`open ${path}: no such file or directory`);
    throw error;
  }
  if (meta === undefined) throw new CommandFailure('invalid context: no metadata found');
  return { meta, tls };
}

async function readEntry(entry: Readable, name: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of entry) {
    length += (chunk as Buffer).length;
    if (length > maxFileBytes) throw new CommandFailure(`import context: ${name}: larger than ${maxFileBytes} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
