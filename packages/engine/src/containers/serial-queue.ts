// Runs the operations on one container one after the other, so that a start never meets a remove half-way.

export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    // the next one waits for the end, whatever it was; the caller has the error
    this.#last = result.catch(() => undefined);
    return result;
  }
}
