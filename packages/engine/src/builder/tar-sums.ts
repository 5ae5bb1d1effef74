// The cache's key of files: one sum per tar entry over its header and content. Times are left out, so that a file that
// was only touched is the same; the sums are those that docker computes (its tarsum, version 1).
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import tar from 'tar-stream';
import { buildFailure } from './build-failure.ts';

/** Clean path, without a leading slash -> hexadecimal sum. */
export type PathSums = Map<string, string>;

const typeFlags: Record<string, string> = {
  file: '0',
  link: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
  'contiguous-file': '7',
};

/** Entries of one archive: more is no context. */
const maxEntries = 5_000_000;
/** Old writers' archives too; the types do not know the option. */
const extractOptions = { allowUnknownFormat: true } as object;
const attributePrefix = 'SCHILY.xattr.';

export interface TarSummerOptions {
  /** The mode counts with the bits of stat(2) that tell a file's type, which tars of our own leave out. */
  hasTypeBits?: boolean;
  /** Each header as it comes. */
  onEntry?(header: tar.Header): void;
  /** Clean paths of files whose content is kept, unless it is larger than `maxKeptBytes`. */
  keeps?: ReadonlySet<string>;
  maxKeptBytes?: number;
}

const typeBits: Record<string, number> = {
  file: 0o100000,
  link: 0o100000,
  symlink: 0o120000,
  'character-device': 0o020000,
  'block-device': 0o060000,
  directory: 0o040000,
  fifo: 0o010000,
};

function withTypeBits(header: tar.Header): tar.Header {
  return { ...header, mode: (header.mode ?? 0) | (typeBits[header.type ?? 'file'] ?? 0) };
}

/** Takes the plain tar as it passes by: `write` each piece, then `end`; the sums are whole when that resolves. */
export class TarSummer {
  readonly sums: PathSums = new Map();
  /** Of what was kept. */
  readonly texts = new Map<string, Buffer>();
  readonly #extract = tar.extract(extractOptions);
  readonly #read: Promise<void>;
  #failure: Error | undefined;
  readonly #options: TarSummerOptions;

  constructor(options: TarSummerOptions = {}) {
    this.#options = options;
    this.#read = this.#readEntries();
    this.#read.catch((error: Error) => {
      this.#failure = error;
    });
  }

  /** A file that was downloaded, as if it were the entry `name` of a tar, for root alone. */
  static async ofFile(path: string, name: string): Promise<string> {
    const hash = createHash('sha256');
    const { size } = await stat(path);
    hash.update(headerText({ name, mode: 0o100600, uid: 0, gid: 0, size, type: 'file' } as tar.Header));
    for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
    return hash.digest('hex');
  }

  /** Resolves when there is room. Rejects invalid-argument for what is no tar. */
  async write(piece: Buffer): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#extract.write(piece)) return;
    await new Promise<void>((resolve) => {
      const go = () => {
        this.#extract.off('drain', go).off('close', go);
        resolve();
      };
      this.#extract.on('drain', go).on('close', go);
    });
  }

  async end(): Promise<PathSums> {
    this.#extract.end(undefined);
    await this.#read;
    return this.sums;
  }

  #isKept(path: string, { type, size = 0 }: tar.Header): boolean {
    const { keeps, maxKeptBytes = 0 } = this.#options;
    return keeps?.has(path) === true && (type ?? 'file') === 'file' && size <= maxKeptBytes;
  }

  async #readEntries(): Promise<void> {
    try {
      for await (const entry of this.#extract) {
        const hash = createHash('sha256');
        hash.update(headerText(this.#options.hasTypeBits ? withTypeBits(entry.header) : entry.header));
        this.#options.onEntry?.(entry.header);
        const path = cleanName(entry.header.name);
        const kept: Buffer[] | undefined = this.#isKept(path, entry.header) ? [] : undefined;
        for await (const piece of entry as AsyncIterable<Buffer>) {
          hash.update(piece);
          kept?.push(piece);
        }
        if (kept !== undefined) this.texts.set(path, Buffer.concat(kept));
        if (this.sums.size >= maxEntries) throw buildFailure(`build context: more than ${maxEntries} entries`);
        this.sums.set(path, hash.digest('hex'));
      }
    } catch (error) {
      throw buildFailure(`Error processing tar file: ${(error as Error).message}`, error);
    }
  }
}

/** The sums of a tar that nobody else reads. */
export async function sumsOf(archive: Readable, options: TarSummerOptions = {}): Promise<PathSums> {
  const summer = new TarSummer(options);
  for await (const piece of archive) await summer.write(piece as Buffer);
  return summer.end();
}

function cleanName(name: string): string {
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/') || '.';
}

function headerText(header: tar.Header): string {
  const { name, mode = 0, uid = 0, gid = 0, size = 0, type, linkname, devmajor, devminor } = header;
  const { pax } = header as { pax?: Record<string, string> | null };
  const fields = [
    ['name', name],
    ['mode', mode],
    ['uid', uid],
    ['gid', gid],
    ['size', size],
    ['typeflag', typeFlags[type ?? 'file'] ?? ''],
    ['linkname', linkname ?? ''],
    ['uname', ''],
    ['gname', ''],
    ['devmajor', devmajor ?? 0],
    ['devminor', devminor ?? 0],
  ];
  const attributes = Object.entries(pax ?? {})
    .filter(([key]) => key.startsWith(attributePrefix))
    .map(([key, value]) => [key.slice(attributePrefix.length), value])
    .sort(([left = ''], [right = '']) => (left < right ? -1 : 1));
  return [...fields, ...attributes].flat().join('');
}
