// What is removed from a store: out of its place at once, by a rename; gone from the disk soon after, off the event loop.
//
// An unlink takes 0.2 ms for each MB (ext4, measured), a tree as long as it has files: no other call may wait for that.
import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessageOf } from '@tscontainer/core/errors';
import { randomHex } from '@tscontainer/core/ids';
import { removeTrees } from '@tscontainer/linux/tree';
import type { Logger } from '@tscontainer/platform/logger';

/** What is removed within this time goes in one turn of one thread. */
const gatherMs = 10;

/** Story: any number of `take`s; `settled`. What a killed daemon left in it goes at the next start. */
export class Trash {
  readonly #directory: string;
  readonly #log: Logger;
  readonly #onRemoval: ((path: string) => Promise<unknown>) | undefined;
  readonly #gathered: string[] = [];
  readonly #pending = new Set<Promise<void>>();

  /** `directory`: of its own, on the disk of what is taken. `onRemoval` comes before the files of each go. */
  constructor(directory: string, log: Logger, onRemoval?: (path: string) => Promise<unknown>) {
    this.#directory = directory;
    this.#log = log;
    this.#onRemoval = onRemoval;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(directory)) this.#sweep(join(directory, name));
  }

  /** `onTaken` comes between the two. What is not there is no error; what cannot be taken stays, and the log says so. */
  take(path: string, onTaken: () => void = () => undefined): void {
    const trashed = join(this.#directory, randomHex(8));
    try {
      renameSync(path, trashed);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#log.warn(
          { path, err: errorMessageOf(error) },
          'not removed; the next start removes what no record names',
        );
      return;
    }
    onTaken();
    this.#sweep(trashed);
  }

  /** Resolves when nothing is being removed. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  #sweep(path: string): void {
    this.#gathered.push(path);
    if (this.#gathered.length > 1) return;
    const removal = this.#removeGathered().finally(() => this.#pending.delete(removal));
    this.#pending.add(removal);
  }

  async #removeGathered(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, gatherMs));
    const paths = this.#gathered.splice(0);
    for (const path of paths) {
      try {
        await this.#onRemoval?.(path);
      } catch (error) {
        this.#log.warn({ path, err: errorMessageOf(error) }, 'what was removed is still in use');
      }
    }
    for (const err of await removeTrees(paths))
      this.#log.warn({ err }, 'files are left in the trash until the next start');
  }
}
