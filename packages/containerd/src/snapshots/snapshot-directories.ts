// The directories of one snapshotter: `snapshots/<id>/{fs,work}`, a few made ahead, the removed ones taken to the trash.
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessageOf } from '@tscontainer/core/errors';
import { makeDirectories } from '@tscontainer/linux/tree';
import { failpoint } from '@tscontainer/platform/failpoint';
import type { Logger } from '@tscontainer/platform/logger';
import { diskError } from '../metadata/disk-error.ts';
import { Trash } from '../trash.ts';

/** Directories kept ready: three mkdirs cost more than all else that a prepare does (0.4 of 0.8 ms, measured). */
const readyCount = 8;
/** They are made anew when so few are left: several in one turn of one thread, since waking it costs as much as a mkdir. */
const refillBelow = 4;

/** Numbers of snapshots, never given twice: rows of all snapshotters are in one table. */
export class SnapshotNumbers {
  #last: number;

  /** Begins above `last`. */
  constructor(last: number) {
    this.#last = last;
  }

  /** None up to `used` is given any more. */
  skip(used: number): void {
    this.#last = Math.max(this.#last, used);
  }

  next(): number {
    this.#last += 1;
    return this.#last;
  }
}

/** Story: `take` one for a new snapshot; `discard` it when its row is gone or never came to be. */
export class SnapshotDirectories {
  readonly #directory: string;
  readonly #trash: Trash;
  readonly #log: Logger;
  readonly #numbers: SnapshotNumbers;
  readonly #ready: number[] = [];
  #isClosed = false;
  /** Under way. */
  #refilling: Promise<void> | undefined;

  /** Directories that `known` has not are removed. `onRemoval` comes before the files of each go. */
  constructor(
    root: string,
    numbers: SnapshotNumbers,
    known: Set<number>,
    log: Logger,
    onRemoval?: (path: string) => Promise<unknown>,
  ) {
    this.#numbers = numbers;
    this.#log = log;
    this.#directory = join(root, 'snapshots');
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    this.#trash = new Trash(join(root, 'trash'), log, onRemoval);
    // what is not named by a number is not ours, such as a disk's lost+found
    const found = readdirSync(this.#directory).map(Number).filter(Number.isSafeInteger);
    for (const id of found) numbers.skip(id);
    this.discard(found.filter((id) => !known.has(id)));
  }

  /** What all files of a snapshot are in. */
  of(id: number): string {
    return join(this.#directory, String(id));
  }

  /** The layer itself. */
  upper(id: number): string {
    return join(this.of(id), 'fs');
  }

  /** What overlayfs needs beside the upper directory. */
  work(id: number): string {
    return join(this.of(id), 'work');
  }

  /** The number of a directory that nothing uses; numbers are never used twice. */
  take(): number {
    const id = this.#ready.shift() ?? this.#makeNew();
    if (!this.#isClosed && this.#ready.length < refillBelow)
      this.#refilling ??= this.#refill().finally(() => {
        this.#refilling = undefined;
      });
    return id;
  }

  /** Makes what a power loss may have taken: a row is synced to disk, the directories are not. */
  ensure(id: number): void {
    if (!existsSync(this.upper(id))) this.#make(id);
  }

  /** Removes the files. */
  discard(ids: number[]): void {
    for (const id of ids) this.#trash.take(this.of(id), () => failpoint('snapshot.remove.trashed'));
  }

  /** Resolves when nothing is being made or removed. */
  async settled(): Promise<void> {
    await this.#refilling;
    await this.#trash.settled();
  }

  /** Gives the ready ones back: the last call. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.settled();
    for (const id of this.#ready.splice(0)) rmSync(this.of(id), { recursive: true });
  }

  #makeNew(): number {
    const id = this.#numbers.next();
    this.#make(id);
    return id;
  }

  #make(id: number): void {
    try {
      mkdirSync(this.of(id), { recursive: true, mode: 0o700 });
      mkdirSync(this.upper(id), { recursive: true, mode: 0o755 });
      mkdirSync(this.work(id), { recursive: true, mode: 0o711 });
    } catch (error) {
      throw diskError(`make directory of snapshot ${id}`, error);
    }
  }

  async #refill(): Promise<void> {
    try {
      const ids = Array.from({ length: readyCount - this.#ready.length }, () => this.#numbers.next());
      await makeDirectories(
        ids.flatMap((id) => [
          { path: this.of(id), mode: 0o700 },
          { path: this.upper(id), mode: 0o755 },
          { path: this.work(id), mode: 0o711 },
        ]),
      );
      this.#ready.push(...ids);
    } catch (error) {
      this.#log.warn({ err: errorMessageOf(error) }, 'no snapshot directories made ahead'); // take then makes its own, or says why not
    }
  }
}
