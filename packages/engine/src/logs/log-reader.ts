// Reads a container's log for the logs route: tail, since, until, and following a log that grows.
import { closeSync, constants, createReadStream, createWriteStream, fstatSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { parseRfc3339 } from '../go-time.ts';
import type { JsonFile } from './json-file.ts';
import { type LogEntry, parseLine } from './log-lines.ts';
import { isCompressed, logFilesOf } from './rotated-files.ts';

export interface LogQuery {
  path: string;
  maxFiles: number;
  /** The last so many lines; undefined: all. */
  tail: number | undefined;
  /** Nanoseconds since the epoch. */
  since: bigint | undefined;
  until: bigint | undefined;
  /** Set: goes on with what the pump appends, until it ends. */
  follow: JsonFile | undefined;
  signal: AbortSignal;
}

const readBytes = 256 * 1024;
const newline = 0x0a;

/** Entries in batches, in the order of the file. */
export async function* readLog(query: LogQuery): AsyncGenerator<LogEntry[]> {
  const growth = new Growth(query);
  const files: LogFile[] = [];
  try {
    // all in one turn: what is rotated from now on is told to `growth`
    for (const path of logFilesOf(query.path, query.maxFiles)) files.push(new LogFile(path));
    const start = query.tail === undefined ? { index: 0, offset: 0 } : await findTail(files, query.tail);
    for (const [index, file] of files.entries()) {
      if (index < start.index) continue;
      const isCurrent = index === files.length - 1;
      const offset = start.index === index ? start.offset : 0;
      yield* readFile(await file.open(), offset, isCurrent ? growth : undefined, query);
      if (query.signal.aborted) return;
    }
    for (let next = growth.takeNext(); next !== undefined && !query.signal.aborted; next = growth.takeNext()) {
      files.push(next);
      yield* readFile(await next.open(), 0, growth, query);
    }
  } finally {
    growth.close();
    for (const file of files) file.close();
  }
}

/** Held open from the start, so that no rotation takes it away; a compressed one is unpacked when it is read. */
class LogFile {
  #fd: number;
  #isPacked: boolean;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, 'r');
    this.#isPacked = isCompressed(path);
  }

  /** The descriptor of its plain content. */
  async open(): Promise<number> {
    if (!this.#isPacked) return this.#fd;
    const plain = openUnnamed(dirname(this.#path));
    const packed = createReadStream('', { fd: this.#fd, autoClose: false, start: 0 });
    try {
      await pipeline(packed, createGunzip(), createWriteStream('', { fd: plain, autoClose: false, start: 0 }));
    } catch (error) {
      closeSync(plain);
      throw error;
    }
    closeSync(this.#fd);
    this.#fd = plain;
    this.#isPacked = false;
    return plain;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** A file without a name: it goes with its descriptor. */
function openUnnamed(directory: string): number {
  const O_TMPFILE = 0o20200000;
  return openSync(directory, O_TMPFILE | constants.O_RDWR, 0o600);
}

/** New files that a slow reader of a log that is rotated all the time falls behind at most; older ones are left out. */
const maxWaitingFiles = 16;

/** Wakes the reader when the pump has appended, rotated or ended, and holds the files that came since. */
class Growth {
  readonly isFollowing: boolean;
  readonly #next: LogFile[] = [];
  #wake: (() => void) | undefined;
  #hasChanged = false;
  #isEnded: boolean;
  readonly #stop: () => void;

  constructor(query: LogQuery) {
    this.isFollowing = query.follow !== undefined;
    this.#isEnded = query.follow?.isEnded ?? true;
    const unsubscribe = query.follow?.subscribe((change) => {
      if (change === 'rotated') this.#add(new LogFile(query.path));
      if (change === 'ended') this.#isEnded = true;
      this.#notify();
    });
    const onAbort = () => this.#notify();
    query.signal.addEventListener('abort', onAbort);
    this.#stop = () => {
      unsubscribe?.();
      query.signal.removeEventListener('abort', onAbort);
    };
  }

  /** The file at hand does not grow any more. */
  get isFinal(): boolean {
    return this.#isEnded || this.#next.length > 0;
  }

  /** The caller closes it. */
  takeNext(): LogFile | undefined {
    return this.#next.shift();
  }

  async changed(): Promise<void> {
    if (!this.#hasChanged) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#hasChanged = false;
  }

  close(): void {
    this.#stop();
    for (const file of this.#next) file.close();
  }

  #add(file: LogFile): void {
    this.#next.push(file);
    if (this.#next.length > maxWaitingFiles) this.#next.shift()?.close();
  }

  #notify(): void {
    this.#hasChanged = true;
    this.#wake?.();
    this.#wake = undefined;
  }
}

async function* readFile(
  fd: number,
  offset: number,
  growth: Growth | undefined,
  query: LogQuery,
): AsyncGenerator<LogEntry[]> {
  let at = offset;
  let rest = Buffer.alloc(0);
  const block = Buffer.allocUnsafe(readBytes);
  for (;;) {
    // asked before reading: what was appended until then is in the file
    const isLast = growth === undefined || !growth.isFollowing || growth.isFinal;
    const count = readSync(fd, block, 0, block.length, at);
    at += count;
    if (count > 0) {
      const bytes = rest.length === 0 ? block.subarray(0, count) : Buffer.concat([rest, block.subarray(0, count)]);
      const end = bytes.lastIndexOf(newline) + 1;
      rest = Buffer.from(bytes.subarray(end));
      const { entries, isPastUntil } = selectEntries(bytes.toString('utf8', 0, end), query);
      if (entries.length > 0) yield entries;
      if (isPastUntil) return;
    } else {
      if (isLast) return;
      await growth?.changed();
    }
    if (query.signal.aborted) return;
  }
}

function selectEntries(text: string, query: LogQuery): { entries: LogEntry[]; isPastUntil: boolean } {
  const entries: LogEntry[] = [];
  const hasBounds = query.since !== undefined || query.until !== undefined;
  for (const line of text.split('\n')) {
    const entry = line === '' ? undefined : parseLine(line);
    if (entry === undefined) continue;
    if (hasBounds) {
      const time = parseRfc3339(entry.time) ?? 0n;
      if (query.since !== undefined && time < query.since) continue;
      if (query.until !== undefined && time > query.until) return { entries, isPastUntil: true };
    }
    entries.push(entry);
  }
  return { entries, isPastUntil: false };
}

/** Where the last `count` lines begin, searched from the end. */
async function findTail(files: LogFile[], count: number): Promise<{ index: number; offset: number }> {
  let left = count;
  const block = Buffer.allocUnsafe(readBytes);
  for (let index = files.length - 1; index >= 0; index--) {
    const fd = await (files[index] as LogFile).open();
    const { size } = fstatSync(fd);
    if (left === 0) return { index, offset: size };
    for (let end = size; end > 0; ) {
      const start = Math.max(0, end - block.length);
      const length = readSync(fd, block, 0, end - start, start);
      // the newline that ends the file ends its last line: it begins none
      let at = block.subarray(0, length).lastIndexOf(newline, end === size ? length - 2 : length - 1);
      for (; at >= 0; at = at === 0 ? -1 : block.lastIndexOf(newline, at - 1)) {
        left--;
        if (left === 0) return { index, offset: start + at + 1 };
      }
      end = start;
    }
    if (size > 0) left--;
    if (left === 0) return { index, offset: 0 };
  }
  return { index: 0, offset: 0 };
}
