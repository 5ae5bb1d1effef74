// Runs the operations on one thing one after the other, so that a start never meets a remove half-way.

export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    // the next one waits for the end, whatever it was; the caller has the error
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** A queue per name, there as long as something is in it. */
export class NamedQueues {
  readonly #queues = new Map<string, { queue: SerialQueue; length: number }>();

  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const entry = this.#queues.get(name) ?? { queue: new SerialQueue(), length: 0 };
    this.#queues.set(name, entry);
    entry.length++;
    try {
      return await entry.queue.run(work);
    } finally {
      if (--entry.length === 0) this.#queues.delete(name);
    }
  }
}
