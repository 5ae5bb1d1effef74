// Events on their way to one client of the event stream: in order, and not more than a bound of them. The events route fills
// and empties it.
import type { EngineEvent } from './event-hub.ts';

/** A client that lags further behind is given up: it can ask again for what came since. */
export const maxWaitingEvents = 4096;

/** Story: `add`s; `next` until it says that there are no more; `end` when none are to come. */
export class WaitingEvents {
  #events: EngineEvent[] = [];
  #wake: (() => void) | undefined;
  #isEnded = false;
  #isOverrun = false;

  /** More came than the client took. */
  get isOverrun(): boolean {
    return this.#isOverrun;
  }

  add(event: EngineEvent): void {
    if (this.#isEnded) return;
    this.#events.push(event);
    if (this.#events.length > maxWaitingEvents) {
      this.#isOverrun = true;
      this.#events = [];
      this.end();
    }
    this.#wake?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  /** All that wait by now, at least one; undefined after the last. */
  async next(): Promise<EngineEvent[] | undefined> {
    while (this.#events.length === 0) {
      if (this.#isEnded) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#events.splice(0);
  }
}
