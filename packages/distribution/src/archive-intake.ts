// Takes an image archive's files into the content store while it streams, before anybody knows which are layers.
//
// Nothing is spooled to disk twice: each file becomes a blob under the caller's lease, so that a refused archive's blobs
// go with the lease. Small JSON files stay in memory. A file named by its digest must have it.
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { randomHex } from '@tscontainer/core/ids';
import type { ContentIngest } from './image-sinks.ts';
import { type ArchiveFile, badArchive, readArchive } from './tar-archive.ts';

/** Begins an upload of a blob whose digest is known at its end. */
export type BeginBlob = (ref: string) => Promise<ContentIngest>;

export interface ArchiveBlob {
  digest: string;
  size: number;
  /** The first bytes, which tell tar from gzip from zstd. */
  magic: Buffer;
}

/** Documents that describe the archive; all other files are blobs. */
const maxDocumentBytes = 4 * 1024 * 1024;
const maxDocuments = 16;
const documentNames = new Set(['manifest.json', 'index.json', 'oci-layout', 'repositories']);
/** What docker before 25 wrote beside each layer; only an archive of docker before 1.10 is read by it. */
const obsoletePattern = /^[a-f0-9]{64}\/(VERSION|json)$/;
const maxDescriptionBytes = 256 * 1024;
const maxDescriptions = 1024;
const maxLinkDepth = 8;
const magicBytes = 4;

/** What was in an archive, by path. Links are followed. */
export class ArchiveIntake {
  readonly #documents = new Map<string, Buffer>();
  readonly #blobs = new Map<string, ArchiveBlob>();
  readonly #links = new Map<string, string>();
  readonly #descriptions = new Map<string, Buffer>();

  /** Reads all of `source`. Rejects invalid-argument (`bad-archive`), resource-exhausted. */
  static async read(source: Readable, begin: BeginBlob): Promise<ArchiveIntake> {
    const intake = new ArchiveIntake();
    const prefix = `load-${randomHex(8)}`;
    for await (const entry of readArchive(source)) {
      if (entry.kind === 'link') intake.#links.set(entry.path, entry.target);
      else if (documentNames.has(entry.file.path)) await intake.#keep(entry.file);
      else if (obsoletePattern.test(entry.file.path)) await intake.#describe(entry.file);
      else
        intake.#blobs.set(entry.file.path, await storeFile(await begin(`${prefix}-${intake.#blobs.size}`), entry.file));
    }
    return intake;
  }

  document(path: string): Buffer | undefined {
    return this.#documents.get(this.#follow(path));
  }

  /** A layer's `json` in the oldest form. */
  description(path: string): Buffer | undefined {
    return this.#descriptions.get(this.#follow(path));
  }

  /** Rejects invalid-argument when the archive has no such file. */
  blob(path: string): ArchiveBlob {
    const found = this.#blobs.get(this.#follow(posix.normalize(path)));
    if (found === undefined) throw badArchive(`file ${JSON.stringify(path)} is missing`);
    return found;
  }

  /** A blob of the OCI layout, or of any path, by its digest. */
  byDigest(digest: string): ArchiveBlob | undefined {
    const named = this.#blobs.get(this.#follow(`blobs/${digest.replace(':', '/')}`));
    return named ?? [...this.#blobs.values()].find((blob) => blob.digest === digest);
  }

  #follow(path: string): string {
    let current = path;
    for (let depth = 0; this.#links.has(current); depth++) {
      if (depth === maxLinkDepth) throw badArchive(`link ${JSON.stringify(path)} goes in circles`);
      current = this.#links.get(current) ?? current;
    }
    return current;
  }

  async #describe(file: ArchiveFile): Promise<void> {
    const isKept =
      file.path.endsWith('/json') && file.size <= maxDescriptionBytes && this.#descriptions.size < maxDescriptions;
    const chunks: Buffer[] = [];
    for await (const chunk of file.body) if (isKept) chunks.push(chunk);
    if (isKept) this.#descriptions.set(file.path, Buffer.concat(chunks));
  }

  async #keep(file: ArchiveFile): Promise<void> {
    if (file.size > maxDocumentBytes) throw badArchive(`${file.path} has ${file.size} bytes`);
    if (this.#documents.size === maxDocuments) throw badArchive('too many documents');
    const chunks: Buffer[] = [];
    for await (const chunk of file.body) chunks.push(chunk);
    this.#documents.set(file.path, Buffer.concat(chunks));
  }
}

async function storeFile(upload: ContentIngest, file: ArchiveFile): Promise<ArchiveBlob> {
  const hash = createHash('sha256');
  let magic = Buffer.alloc(0);
  try {
    for await (const chunk of file.body) {
      if (magic.length < magicBytes) magic = Buffer.concat([magic, chunk.subarray(0, magicBytes - magic.length)]);
      hash.update(chunk);
      await upload.write(chunk);
    }
    const digest = `sha256:${hash.digest('hex')}`;
    checkNamedDigest(file.path, digest);
    await upload.commit({});
    return { digest, size: file.size, magic };
  } catch (error) {
    await upload.close(false);
    throw error;
  }
}

function checkNamedDigest(path: string, digest: string): void {
  const named = /^blobs\/sha256\/([a-f0-9]{64})$/.exec(path)?.[1];
  if (named !== undefined && `sha256:${named}` !== digest)
    throw badArchive(`blob sha256:${named} does not match its digest: got ${digest}`);
}
