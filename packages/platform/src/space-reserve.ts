// A few hundred KiB of disk kept aside, so that the store can still say that something is gone when the disk is full.
import { randomBytes } from 'node:crypto';
import { rmSync, statSync, writeFileSync } from 'node:fs';

/** Room for some dozens of commits. */
const reserveBytes = 512 * 1024;
/** After it was given up, taking it back is tried this often. */
const retakeMs = 10_000;

/** Story: `take` at the start; `release` when the disk is full; it takes itself back once there is room. */
export class SpaceReserve {
  readonly #path: string;
  #isHeld = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** False when there is no room now. */
  take(): boolean {
    if (this.#isHeld) return true;
    try {
      const isThere = statSync(this.#path, { throwIfNoEntry: false })?.size === reserveBytes;
      // random: a file system that compresses would keep no room for zeros
      if (!isThere) writeFileSync(this.#path, randomBytes(reserveBytes), { mode: 0o600 });
      this.#isHeld = true;
    } catch {
      rmSync(this.#path, { force: true }); // a part of it is no use, and somebody needs that room
    }
    return this.#isHeld;
  }

  /** Gives the room to whoever writes next; false when it was given before. */
  release(): boolean {
    if (!this.#isHeld) return false;
    rmSync(this.#path, { force: true });
    this.#isHeld = false;
    this.#timer ??= setInterval(() => this.#retake(), retakeMs).unref();
    return true;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #retake(): void {
    if (!this.take()) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
