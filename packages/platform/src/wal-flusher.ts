// Flushes SQLite's write-ahead log to disk off the event loop; used by the store, whose commits share the flushes.
//
// The log is made ahead with all its blocks written, so that a flush writes a commit's pages and nothing of the file
// system's own: SQLite's fsync would commit the file system's journal, and whatever else waits there, with each of ours.
import { Buffer } from 'node:buffer';
import { closeSync, fdatasync, fsyncSync, openSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { ContainerError } from '@tscontainer/core/errors';

/** Somewhat more than SQLite lets the log grow to before it begins anew (1000 pages of 4 KiB, with their headers). */
const walBytes = 1040 * 4120;

const walOf = (databasePath: string): string => `${databasePath}-wal`;

/** Before the database is opened. A log with content is left alone: it is what the last process could not finish. */
export function prepareWal(databasePath: string): void {
  const path = walOf(databasePath);
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0) return;
  const fd = openSync(path, 'w', 0o600);
  try {
    writeSync(fd, Buffer.alloc(walBytes)); // no valid header: SQLite takes it for an empty log
    fsyncSync(fd);
  } catch {
    // a full disk: the store opens all the same, since what frees space has to get through; the log grows as it may
  } finally {
    closeSync(fd);
  }
  const directory = openSync(dirname(path), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

type Settle = (failure: ContainerError | undefined) => void;

/** Story: `flush` after each commit; `close` after the database, whose own closing has flushed the rest. */
export class WalFlusher {
  readonly #path: string;
  readonly #fd: number;
  #waiting: Settle[] = [];
  #isFlushing = false;
  #isClosed = false;

  /** After the database was opened. */
  constructor(databasePath: string) {
    this.#path = walOf(databasePath);
    this.#fd = openSync(this.#path, 'r+');
  }

  /** Calls `settle` once all that was committed before this call is on disk, or with why it may not be. */
  flush(settle: Settle): void {
    this.#waiting.push(settle);
    if (!this.#isFlushing) this.#begin();
  }

  close(): void {
    this.#isClosed = true;
    for (const settle of this.#waiting.splice(0)) settle(undefined);
    if (!this.#isFlushing) closeSync(this.#fd);
  }

  #begin(): void {
    this.#isFlushing = true;
    const flushed = this.#waiting.splice(0);
    fdatasync(this.#fd, (error) => {
      this.#isFlushing = false;
      const failure =
        error === null
          ? undefined
          : new ContainerError('data-loss', `flush ${this.#path}: ${error.message}`, { cause: error });
      for (const settle of flushed) settle(failure);
      if (this.#isClosed) closeSync(this.#fd);
      else if (this.#waiting.length > 0) this.#begin();
    });
  }
}
