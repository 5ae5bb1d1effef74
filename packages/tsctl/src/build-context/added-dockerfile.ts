// Puts a Dockerfile that lies elsewhere (stdin, or out of the context) into a context under a random name, and that name
// into its .dockerignore, so that the image does not see it.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { randomHex } from '@tscontainer/core/ids';
import tar from 'tar-stream';
import { encodeHeader, padding, type TarEntry } from './tar-header.ts';

const ignoreName = '.dockerignore';

export interface ContextWithDockerfile {
  archive: Readable;
  /** Its path in the context. */
  dockerfile: string;
}

/** Before what there is already: `.dockerignore` is replaced where it comes. */
export function addDockerfile(context: Readable, content: Buffer): ContextWithDockerfile {
  const dockerfile = `.dockerfile.${randomHex(10)}`;
  return { archive: Readable.from(rewritten(context, content, dockerfile), { objectMode: false }), dockerfile };
}

function file(name: string, content: Buffer, mode = 0o100600): Buffer {
  const entry: TarEntry = { name, mode, size: content.length, modified: Math.floor(Date.now() / 1000), type: 'file' };
  return Buffer.concat([encodeHeader(entry), content, padding(content.length)]);
}

/** Entries other than .dockerignore pass as they are. */
async function* rewritten(context: Readable, content: Buffer, dockerfile: string): AsyncGenerator<Buffer> {
  yield file(dockerfile, content);
  const extract = tar.extract({ allowUnknownFormat: true } as object);
  const fed = pipeline(context, extract);
  fed.catch(() => undefined); // read below
  let hasIgnore = false;
  for await (const entry of extract) {
    const { header } = entry;
    if (header.name === ignoreName || header.name === `./${ignoreName}`) {
      hasIgnore = true;
      const chunks: Buffer[] = [];
      for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
      yield file(ignoreName, Buffer.concat([...chunks, Buffer.from(`\n${dockerfile}\n`)]), header.mode);
      continue;
    }
    yield encodeHeader(toTarEntry(header));
    for await (const chunk of entry as AsyncIterable<Buffer>) yield chunk;
    const rest = padding(header.type === 'directory' ? 0 : (header.size ?? 0));
    if (rest.length > 0) yield rest;
  }
  await fed;
  if (!hasIgnore) yield file(ignoreName, Buffer.from(`${ignoreName}\n${dockerfile}\n`));
  yield Buffer.alloc(1024);
}

const kinds: Record<string, TarEntry['type']> = {
  file: 'file',
  'contiguous-file': 'file',
  link: 'link',
  symlink: 'symlink',
  'character-device': 'character',
  'block-device': 'block',
  directory: 'directory',
  fifo: 'fifo',
};

function toTarEntry(header: tar.Header): TarEntry {
  const { name, mode = 0o644, size = 0, mtime, linkname, devmajor, devminor } = header;
  return {
    name,
    mode,
    size,
    modified: Math.floor((mtime?.getTime() ?? 0) / 1000),
    type: kinds[header.type ?? 'file'] ?? 'file',
    ...(linkname ? { linkName: linkname } : {}),
    ...(devmajor ? { major: devmajor } : {}),
    ...(devminor ? { minor: devminor } : {}),
  };
}
