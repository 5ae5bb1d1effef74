// One upload on disk: `ingest/<hash of namespace and ref>/{about.json,data}`; it survives a restart and can be resumed.
import { createHash, type Hash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { ContainerError } from '@tscontainer/core/errors';
import { failpoint } from '@tscontainer/platform/failpoint';
import { diskError } from '../metadata/disk-error.ts';
import { fromText, now, type Timestamp, toText } from '../metadata/timestamp.ts';

/** What is fixed when an upload begins. */
export interface IngestAbout {
  namespace: string;
  ref: string;
  /** Bytes that the caller announced; 0 is unknown. */
  total: number;
  /** Digest that the caller announced, or ''. */
  expected: string;
  startedAt: string;
}

export interface IngestStatus {
  ref: string;
  /** Bytes written so far. */
  offset: number;
  total: number;
  expected: string;
  startedAt: Timestamp;
  updatedAt: Timestamp;
}

export function ingestDirectory(root: string, namespace: string, ref: string): string {
  return join(root, 'ingest', createHash('sha256').update(`${namespace}/${ref}`).digest('hex'));
}

/** The state of an upload that may or may not be open. undefined when there is none, or when it is beyond reading. */
export function readIngest(directory: string): (IngestStatus & { namespace: string }) | undefined {
  try {
    const about = JSON.parse(readFileSync(join(directory, 'about.json'), 'utf8')) as IngestAbout;
    const { size, mtimeMs } = statSync(join(directory, 'data'));
    const updatedAt = { seconds: Math.floor(mtimeMs / 1000), nanos: Math.floor((mtimeMs % 1000) * 1e6) };
    const { namespace, ref, total, expected } = about;
    return { namespace, ref, total, expected, offset: size, startedAt: fromText(about.startedAt), updatedAt };
  } catch {
    return undefined; // a kill between mkdir and the first write leaves such a directory: it is begun anew
  }
}

/** An upload open for writing by one caller. Story: `open`, any `write`s, then `seal`, or `close` to resume later. */
export class Ingest {
  readonly directory: string;
  readonly about: IngestAbout;
  #handle: FileHandle;
  #hash: Hash;
  #offset: number;
  #updatedAt = now();

  private constructor(directory: string, about: IngestAbout, handle: FileHandle, hash: Hash, offset: number) {
    this.directory = directory;
    this.about = about;
    this.#handle = handle;
    this.#hash = hash;
    this.#offset = offset;
  }

  /** Begins the upload, or takes up what is there: its bytes are hashed again. */
  static async open(root: string, wanted: Omit<IngestAbout, 'startedAt'>): Promise<Ingest> {
    const directory = ingestDirectory(root, wanted.namespace, wanted.ref);
    const known = readIngest(directory);
    if (known !== undefined && wanted.total > 0 && known.total > 0 && known.total !== wanted.total) {
      throw new ContainerError(
        'failed-precondition',
        `provided total differs from status: ${wanted.total} != ${known.total}: failed precondition`,
      );
    }
    const data = join(directory, 'data');
    const hash = createHash('sha256');
    try {
      if (known === undefined) begin(directory, { ...wanted, startedAt: toText(now()) });
      if (known !== undefined) for await (const chunk of createReadStream(data)) hash.update(chunk as Buffer);
      const about = JSON.parse(readFileSync(join(directory, 'about.json'), 'utf8')) as IngestAbout;
      return new Ingest(directory, about, await open(data, 'r+'), hash, known?.offset ?? 0);
    } catch (error) {
      throw diskError(`open ingest ${wanted.ref}`, error);
    }
  }

  get offset(): number {
    return this.#offset;
  }

  get status(): IngestStatus {
    const { ref, total, expected, startedAt } = this.about;
    return { ref, total, expected, offset: this.#offset, startedAt: fromText(startedAt), updatedAt: this.#updatedAt };
  }

  /** Digest of what is written so far. */
  get digest(): string {
    return `sha256:${this.#hash.copy().digest('hex')}`;
  }

  /** Appends. Throws resource-exhausted when the disk is full. */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.length; ) {
        done += (await this.#handle.write(bytes, done, bytes.length - done, this.#offset + done)).bytesWritten;
      }
    } catch (error) {
      throw diskError(`write ingest ${this.about.ref}`, error);
    }
    this.#hash.update(bytes);
    this.#offset += bytes.length;
    this.#updatedAt = now();
  }

  /** Begins again at byte 0. */
  async reset(): Promise<void> {
    await this.#handle.truncate(0);
    this.#hash = createHash('sha256');
    this.#offset = 0;
  }

  /** Puts the bytes on disk, closes, and answers the path of the file, ready to be renamed. */
  async seal(): Promise<string> {
    try {
      await this.#handle.datasync();
    } catch (error) {
      throw diskError(`sync ingest ${this.about.ref}`, error);
    } finally {
      await this.#handle.close();
    }
    return join(this.directory, 'data');
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

function begin(directory: string, about: IngestAbout): void {
  if (existsSync(directory)) rmSync(directory, { recursive: true });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  failpoint('content.ingest.begun');
  writeFileSync(join(directory, 'data'), '');
  writeFileSync(join(directory, 'about.json'), JSON.stringify(about));
}
