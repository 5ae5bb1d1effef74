// Content by digest: rows per namespace, one file per blob shared by all, `blobs/sha256/HEX`. Used by every image path.
//
// Order: a blob is synced and renamed into place before its row is committed; a row is deleted before its file.
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { checkDigest, hexOf } from '@tscontainer/core/digest';
import { ContainerError } from '@tscontainer/core/errors';
import { failpoint } from '@tscontainer/platform/failpoint';
import type { Logger } from '@tscontainer/platform/logger';
import type { Store } from '@tscontainer/platform/store';
import { compileFilters, readRecord } from '../filters/filter.ts';
import { checkLabels, checkMask, type Labels, updatedLabels } from '../metadata/labels.ts';
import { holdByLease, type Scope, touchNamespace } from '../metadata/scope.ts';
import { fromText, now, type Timestamp, toText } from '../metadata/timestamp.ts';
import { Trash } from '../trash.ts';
import { ContentWriter, type WriterHost } from './content-writer.ts';
import { Ingest, type IngestStatus, ingestDirectory, readIngest } from './ingest.ts';

/** containerd.services.content.v1.Info. */
export interface ContentInfo {
  digest: string;
  /** Bytes. */
  size: number;
  createdAt: Timestamp;
  updatedAt: Timestamp;
  labels: Labels;
}

export interface WriterOptions {
  /** Bytes to come; 0 or absent is unknown. */
  size?: number;
  /** Digest to come; already-exists is thrown at once when the blob is there. */
  expected?: string;
}

/** `read` takes manifests and configs, not layers. */
const maxReadBytes = 16 * 1024 * 1024;

export class ContentStore {
  readonly #store: Store;
  readonly #root: string;
  readonly #trash: Trash;
  /** Digests whose file may be in place before their row: not to be removed. */
  readonly #committing = new Map<string, number>();
  /** Directories of the uploads that a writer holds. */
  readonly #open = new Set<string>();

  /** `root` belongs to it alone. */
  constructor(store: Store, root: string, log: Logger) {
    this.#store = store;
    this.#root = root;
    this.#trash = new Trash(join(root, 'trash'), log);
    mkdirSync(join(root, 'blobs/sha256'), { recursive: true, mode: 0o700 });
    mkdirSync(join(root, 'ingest'), { recursive: true, mode: 0o700 });
  }

  /** Throws not-found. */
  info(namespace: string, digest: string): ContentInfo {
    const row = this.#store
      .sql('SELECT * FROM content WHERE namespace=? AND digest=?')
      .get(namespace, checkDigest(digest));
    if (row === undefined) throw notFound(digest);
    return toInfo(row as unknown as ContentRow);
  }

  exists(namespace: string, digest: string): boolean {
    return this.#store.sql('SELECT 1 FROM content WHERE namespace=? AND digest=?').get(namespace, digest) !== undefined;
  }

  /** Path of the blob's file, to be read only. Throws not-found. */
  readerPath(namespace: string, digest: string): string {
    this.info(namespace, digest);
    return this.#blobPath(digest);
  }

  /** The whole of a small blob. Throws not-found, resource-exhausted over 16 MiB. */
  async read(namespace: string, digest: string): Promise<Buffer> {
    const { size } = this.info(namespace, digest);
    if (size > maxReadBytes)
      throw new ContainerError(
        'resource-exhausted',
        `read content ${digest}: ${size} bytes are more than ${maxReadBytes}`,
      );
    return readFile(this.#blobPath(digest));
  }

  /** In order of digest; filters over digest, size, labels.KEY. */
  *walk(namespace: string, filters: string[] = []): Iterable<ContentInfo> {
    const isWanted = compileFilters(filters);
    for (const row of this.#store.sql('SELECT * FROM content WHERE namespace=? ORDER BY digest').all(namespace)) {
      const info = toInfo(row as unknown as ContentRow);
      if (isWanted(readRecord({ digest: info.digest, size: String(info.size) }, info.labels))) yield info;
    }
  }

  /** Changes labels, all or those that the mask names. Throws not-found. */
  async update(scope: Scope, digest: string, labels: Labels, maskPaths: string[] = []): Promise<ContentInfo> {
    checkMask(` on content info "${digest}"`, maskPaths, []);
    return this.#store.write(() => {
      const current = this.info(scope.namespace, digest);
      const info = { ...current, labels: updatedLabels(current.labels, labels, maskPaths), updatedAt: now() };
      checkLabels(info.labels);
      this.#store
        .sql('UPDATE content SET labels=?, updated=? WHERE namespace=? AND digest=?')
        .run(JSON.stringify(info.labels), toText(info.updatedAt), scope.namespace, digest);
      return info;
    });
  }

  /** Takes the blob from this namespace; the file goes with the last namespace. Throws not-found. */
  async delete(scope: Scope, digest: string): Promise<void> {
    await this.#store.write(() => {
      const { changes } = this.#store
        .sql('DELETE FROM content WHERE namespace=? AND digest=?')
        .run(scope.namespace, checkDigest(digest));
      if (changes === 0) throw notFound(digest);
    });
    failpoint('content.delete.unrecorded');
    this.dropUnreferenced([digest]);
  }

  /**
   * Begins or resumes the upload `ref`. Throws already-exists when the namespace has `expected` (or takes it over from
   * another namespace), unavailable while another writer holds the ref.
   */
  async openWriter(scope: Scope, ref: string, options: WriterOptions = {}): Promise<ContentWriter> {
    const { size = 0, expected = '' } = options;
    if (ref === '') throw new ContainerError('invalid-argument', 'ref must not be empty: invalid argument');
    if (expected !== '' && (await this.#adopt(scope, checkDigest(expected)))) throw alreadyExists(expected);
    const directory = ingestDirectory(this.#root, scope.namespace, ref);
    if (this.#open.has(directory)) throw new ContainerError('unavailable', `ref ${ref} locked: unavailable`);
    this.#open.add(directory);
    try {
      const ingest = await Ingest.open(this.#root, { namespace: scope.namespace, ref, total: size, expected });
      return new ContentWriter(this.#writerHost, scope, ingest);
    } catch (error) {
      this.#open.delete(directory);
      throw error;
    }
  }

  /** Throws not-found. */
  status(namespace: string, ref: string): IngestStatus {
    const status = readIngest(ingestDirectory(this.#root, namespace, ref));
    if (status === undefined) throw new ContainerError('not-found', `ref ${ref}: not found`);
    return status;
  }

  /** Uploads of the namespace; filters over ref. */
  statuses(namespace: string, filters: string[] = []): IngestStatus[] {
    const isWanted = compileFilters(filters);
    const all = this.#ingests().filter((status) => status.namespace === namespace);
    return all.filter(({ ref }) => isWanted(readRecord({ ref }, {}))).sort((a, b) => (a.ref < b.ref ? -1 : 1));
  }

  /** Drops an upload that no writer holds. Throws not-found, unavailable. */
  abort(scope: Scope, ref: string): void {
    this.status(scope.namespace, ref);
    const directory = ingestDirectory(this.#root, scope.namespace, ref);
    if (this.#open.has(directory)) throw new ContainerError('unavailable', `ref ${ref} locked: unavailable`);
    this.#trash.take(directory);
  }

  /** Digests of the files that are there. */
  blobsOnDisk(): string[] {
    return readdirSync(join(this.#root, 'blobs/sha256')).map((hex) => `sha256:${hex}`);
  }

  /** Removes those blobs that no namespace has; the check and the rename are one turn, so no commit comes between. */
  dropUnreferenced(digests: string[]): void {
    for (const digest of digests) {
      if (this.#committing.has(digest)) continue;
      if (this.#store.sql('SELECT 1 FROM content WHERE digest=? LIMIT 1').get(digest) !== undefined) continue;
      this.#trash.take(this.#blobPath(digest));
    }
  }

  /** Resolves when the files of all that was removed are gone. */
  settled(): Promise<void> {
    return this.#trash.settled();
  }

  /** Drops uploads that nobody holds and that were last written before `before`. `kept`: as `namespace/ref`. */
  dropStaleIngests(before: Date, kept = new Set<string>()): void {
    for (const status of this.#ingests()) {
      const directory = ingestDirectory(this.#root, status.namespace, status.ref);
      if (this.#open.has(directory) || kept.has(`${status.namespace}/${status.ref}`)) continue;
      if (status.updatedAt.seconds * 1000 > before.getTime()) continue;
      this.#trash.take(directory);
    }
  }

  /** At start: drops uploads that a kill left before they said what they are, or after their bytes had become a blob. */
  dropBrokenIngests(): void {
    for (const name of readdirSync(join(this.#root, 'ingest'))) {
      const directory = join(this.#root, 'ingest', name);
      if (readIngest(directory) === undefined) this.#trash.take(directory);
    }
  }

  readonly #writerHost: WriterHost = {
    commit: (scope, ingest, digest, labels) => this.#commit(scope, ingest, digest, labels),
    discard: (ingest) => this.#trash.take(ingest.directory),
    unlock: (ingest) => void this.#open.delete(ingest.directory),
  };

  /** Whether the namespace has the blob now: it is put under the lease, and taken over when another namespace has it. */
  async #adopt(scope: Scope, digest: string): Promise<boolean> {
    const row = this.#store.sql('SELECT size FROM content WHERE digest=? LIMIT 1').get(digest);
    if (row === undefined) return false;
    return this.#store.write(() => {
      const known = this.#store.sql('SELECT size FROM content WHERE digest=? LIMIT 1').get(digest);
      if (known === undefined || !existsSync(this.#blobPath(digest))) return false;
      this.#insert(scope, digest, known.size as number, {});
      return true;
    });
  }

  async #commit(scope: Scope, ingest: Ingest, digest: string, labels: Labels): Promise<void> {
    const size = ingest.offset;
    this.#committing.set(digest, (this.#committing.get(digest) ?? 0) + 1);
    try {
      const sealed = await ingest.seal();
      failpoint('content.commit.sealed');
      await rename(sealed, this.#blobPath(digest));
      failpoint('content.commit.renamed');
      await syncDirectory(join(this.#root, 'blobs/sha256'));
      failpoint('content.commit.synced');
      const isNew = await this.#store.write(() => this.#insert(scope, digest, size, labels));
      failpoint('content.commit.recorded');
      if (!isNew) throw alreadyExists(digest);
    } finally {
      const left = (this.#committing.get(digest) ?? 1) - 1;
      if (left === 0) this.#committing.delete(digest);
      else this.#committing.set(digest, left);
      this.dropUnreferenced([digest]); // has an effect only when no row came to be
    }
  }

  /** Inside `store.write`. False when the namespace had it; its lease holds it either way. */
  #insert(scope: Scope, digest: string, size: number, labels: Labels): boolean {
    const at = toText(now());
    touchNamespace(this.#store, scope.namespace);
    holdByLease(this.#store, scope, 'content', digest);
    const { changes } = this.#store
      .sql('INSERT OR IGNORE INTO content (namespace, digest, size, labels, created, updated) VALUES (?,?,?,?,?,?)')
      .run(scope.namespace, digest, size, JSON.stringify(labels), at, at);
    return changes !== 0;
  }

  #ingests(): (IngestStatus & { namespace: string })[] {
    const all = readdirSync(join(this.#root, 'ingest')).map((name) => readIngest(join(this.#root, 'ingest', name)));
    return all.filter((status) => status !== undefined);
  }

  #blobPath(digest: string): string {
    return join(this.#root, 'blobs/sha256', hexOf(digest));
  }
}

interface ContentRow {
  digest: string;
  size: number;
  labels: string;
  created: string;
  updated: string;
}

function toInfo(row: ContentRow): ContentInfo {
  const { digest, size } = row;
  return {
    digest,
    size,
    labels: JSON.parse(row.labels) as Labels,
    createdAt: fromText(row.created),
    updatedAt: fromText(row.updated),
  };
}

function notFound(digest: string): ContainerError {
  return new ContainerError('not-found', `content digest ${digest}: not found`);
}

function alreadyExists(digest: string): ContainerError {
  return new ContainerError('already-exists', `content ${digest}: already exists`);
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
