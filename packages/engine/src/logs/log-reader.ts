// Reads a container's log for the logs route: tail, since, until, and following a log that grows.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { parseRfc3339 } from '../go-time.ts';
import { type JsonFile, logFilesOf } from './json-file.ts';
import { type LogEntry, parseLine } from './log-lines.ts';

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
  try {
    const files = logFilesOf(query.path, query.maxFiles);
    const start = query.tail === undefined ? { index: 0, offset: 0 } : findTail(files, query.tail);
    for (let index = start.index; index < files.length; index++) {
      const isCurrent = index === files.length - 1;
      yield* readFile(
        files[index] as string,
        start.index === index ? start.offset : 0,
        isCurrent ? growth : undefined,
        query,
      );
      if (query.signal.aborted) return;
    }
    while (growth.takeRotation() && !query.signal.aborted) yield* readFile(query.path, 0, growth, query);
  } finally {
    growth.close();
  }
}

/** Wakes the reader when the pump has appended, rotated or ended. */
class Growth {
  readonly isFollowing: boolean;
  #wake: (() => void) | undefined;
  #hasChanged = false;
  #isRotated = false;
  #isEnded: boolean;
  readonly #stop: () => void;

  constructor(query: LogQuery) {
    this.isFollowing = query.follow !== undefined;
    this.#isEnded = query.follow?.isEnded ?? true;
    const unsubscribe = query.follow?.subscribe((change) => {
      if (change === 'rotated') this.#isRotated = true;
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

  get isFinal(): boolean {
    return this.#isEnded || this.#isRotated;
  }

  takeRotation(): boolean {
    const was = this.#isRotated;
    this.#isRotated = false;
    return was;
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
  }

  #notify(): void {
    this.#hasChanged = true;
    this.#wake?.();
    this.#wake = undefined;
  }
}

async function* readFile(
  path: string,
  offset: number,
  growth: Growth | undefined,
  query: LogQuery,
): AsyncGenerator<LogEntry[]> {
  const fd = openSync(path, 'r');
  try {
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
  } finally {
    closeSync(fd);
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
function findTail(files: string[], count: number): { index: number; offset: number } {
  let left = count;
  const block = Buffer.allocUnsafe(readBytes);
  for (let index = files.length - 1; index >= 0; index--) {
    const fd = openSync(files[index] as string, 'r');
    try {
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
    } finally {
      closeSync(fd);
    }
  }
  return { index: 0, offset: 0 };
}
