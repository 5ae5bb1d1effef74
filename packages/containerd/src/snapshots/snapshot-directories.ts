// The directories of one snapshotter: `snapshots/<id>/{fs,work}`, a few made ahead, the removed ones swept off the path.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessageOf } from '@tscontainer/core/errors';
import { makeDirectories, removeTrees } from '@tscontainer/linux/tree';
import { failpoint } from '@tscontainer/platform/failpoint';
import type { Logger } from '@tscontainer/platform/logger';
import { diskError } from '../metadata/disk-error.ts';

/** Directories kept ready: three mkdirs cost more than all else that a prepare does (0.4 of 0.8 ms, measured). */
const readyCount = 8;
/** They are made anew when so few are left: several in one turn of one thread, since waking it costs as much as a mkdir. */
const refillBelow = 4;
/** What is removed within this time goes in one turn of one thread. */
const gatherMs = 10;

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
  readonly #trash: string;
  readonly #log: Logger;
  readonly #ready: number[] = [];
  readonly #gathered: string[] = [];
  readonly #pending = new Set<Promise<void>>();
  #isRefilling = false;
  #trashCount = 0;
  readonly #numbers: SnapshotNumbers;

  readonly #onRemoval: ((path: string) => Promise<unknown>) | undefined;

  /** Directories that `known` has not are removed. `onRemoval` comes before the files of each go. */
  constructor(
    root: string,
    numbers: SnapshotNumbers,
    known: Set<number>,
    log: Logger,
    onRemoval?: (path: string) => Promise<unknown>,
  ) {
    this.#onRemoval = onRemoval;
    this.#numbers = numbers;
    this.#log = log;
    this.#directory = join(root, 'snapshots');
    this.#trash = join(root, 'trash');
    for (const path of [this.#directory, this.#trash]) mkdirSync(path, { recursive: true, mode: 0o700 });
    // what is not named by a number is not ours, such as a disk's lost+found
    const found = readdirSync(this.#directory).map(Number).filter(Number.isSafeInteger);
    for (const id of found) numbers.skip(id);
    for (const name of readdirSync(this.#trash)) this.#sweep(join(this.#trash, name));
    this.discard(found.filter((id) => !known.has(id)));
  }

  /** What all files of a snapshot are in. */
  of(id: number): string {
    return join(this.#directory, String(id));
  }

  /** The layer itself. */
  upper(id: number): string {
    return join(this.#directory, String(id), 'fs');
  }

  /** What overlayfs needs beside the upper directory. */
  work(id: number): string {
    return join(this.#directory, String(id), 'work');
  }

  /** The number of a directory that nothing uses; numbers are never used twice. */
  take(): number {
    const id = this.#ready.shift() ?? this.#makeNew();
    if (!this.#isRefilling && this.#ready.length < refillBelow) this.#track(this.#refill());
    return id;
  }

  /** Makes what a power loss may have taken: a row is synced to disk, the directories are not. */
  ensure(id: number): void {
    if (!existsSync(this.upper(id))) this.#make(id);
  }

  /** Removes the files: renamed at once, deleted off the path. */
  discard(ids: number[]): void {
    for (const id of ids) {
      this.#trashCount += 1;
      const trashed = join(this.#trash, `${process.pid}-${this.#trashCount}`);
      try {
        renameSync(join(this.#directory, String(id)), trashed);
      } catch (error) {
        this.#log.warn({ snapshot: id, err: errorMessageOf(error) }, 'snapshot directory not moved to the trash');
        continue; // the next start finds it without a row and removes it
      }
      failpoint('snapshot.remove.trashed');
      this.#sweep(trashed);
    }
  }

  /** Resolves when nothing is being made or removed. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** Gives the ready ones back: the last call. */
  async close(): Promise<void> {
    this.#isRefilling = true;
    await this.settled();
    for (const id of this.#ready.splice(0)) rmSync(join(this.#directory, String(id)), { recursive: true });
  }

  #makeNew(): number {
    const id = this.#numbers.next();
    this.#make(id);
    return id;
  }

  #make(id: number): void {
    try {
      mkdirSync(join(this.#directory, String(id)), { recursive: true, mode: 0o700 });
      mkdirSync(this.upper(id), { recursive: true, mode: 0o755 });
      mkdirSync(this.work(id), { recursive: true, mode: 0o711 });
    } catch (error) {
      throw diskError(`make directory of snapshot ${id}`, error);
    }
  }

  async #refill(): Promise<void> {
    this.#isRefilling = true;
    try {
      const ids = Array.from({ length: readyCount - this.#ready.length }, () => this.#numbers.next());
      await makeDirectories(
        ids.flatMap((id) => [
          { path: join(this.#directory, String(id)), mode: 0o700 },
          { path: this.upper(id), mode: 0o755 },
          { path: this.work(id), mode: 0o711 },
        ]),
      );
      this.#ready.push(...ids);
    } catch (error) {
      this.#log.warn({ err: errorMessageOf(error) }, 'no snapshot directories made ahead'); // take then makes its own, or says why not
    } finally {
      this.#isRefilling = false;
    }
  }

  #sweep(path: string): void {
    this.#gathered.push(path);
    if (this.#gathered.length === 1) this.#track(this.#removeGathered());
  }

  async #removeGathered(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, gatherMs));
    const paths = this.#gathered.splice(0);
    for (const path of paths) {
      try {
        await this.#onRemoval?.(path);
      } catch (error) {
        this.#log.warn({ path, err: errorMessageOf(error) }, 'removed snapshot is still in use');
      }
    }
    for (const err of await removeTrees(paths))
      this.#log.warn({ err }, 'removed snapshot left files; the next start removes them');
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#pending.delete(tracked));
    this.#pending.add(tracked);
  }
}
