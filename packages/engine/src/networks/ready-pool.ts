// A few things that take long to make, kept ready: prepared namespaces, so that a container's start does not wait for one.
import { errorMessageOf } from '@tscontainer/core/errors';
import type { Logger } from '@tscontainer/platform/logger';

export interface PoolParts<T> {
  name: string;
  /** How many lie ready at most. */
  size: number;
  make(): Promise<T>;
  dispose(item: T): void;
  log: Logger;
}

/** What a taken one leaves is filled up only after the start that took it is likely to be over. */
const refillDelayMs = 15;
/** After a failure. */
const retryDelayMs = 2000;

export class ReadyPool<T> {
  readonly #parts: PoolParts<T>;
  readonly #ready: T[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isFilling = false;
  #isClosed = false;

  constructor(parts: PoolParts<T>) {
    this.#parts = parts;
  }

  /** The oldest one; undefined when none is ready. */
  take(): T | undefined {
    const item = this.#ready.shift();
    this.#fillLater(this.#ready.length * 2 < this.#parts.size ? 0 : refillDelayMs);
    return item;
  }

  /** Makes the first ones. */
  open(): void {
    this.#fillLater(0);
  }

  /** Disposes of those that are ready, and of one that is being made; there will be no more. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const item of this.#ready.splice(0)) this.#parts.dispose(item);
  }

  #fillLater(delayMs: number): void {
    if (this.#isClosed || this.#isFilling) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#fill(), delayMs);
    this.#timer.unref();
  }

  async #fill(): Promise<void> {
    if (this.#isFilling) return;
    this.#isFilling = true;
    try {
      while (!this.#isClosed && this.#ready.length < this.#parts.size) {
        const item = await this.#parts.make();
        if (this.#isClosed) this.#parts.dispose(item);
        else this.#ready.push(item);
      }
    } catch (error) {
      this.#parts.log.warn({ pool: this.#parts.name, err: errorMessageOf(error) }, 'pool not filled');
      this.#isFilling = false;
      this.#fillLater(retryDelayMs);
    } finally {
      this.#isFilling = false;
    }
  }
}
