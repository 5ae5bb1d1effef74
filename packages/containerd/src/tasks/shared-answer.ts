// One answer that many wait for, each as long as it likes: who leaves is forgotten at once. Waits of the task manager.
//
// Promise.race would keep a reaction of everybody who has left on the answer, for as long as that takes: days, of an exit.
import { ContainerError } from '@tscontainer/core/errors';

/** Story: made with the question that was asked once; any number of `wait`s. */
export class SharedAnswer<T> {
  readonly #answer: Promise<T>;
  readonly #waiters = new Set<() => void>();
  #isThere = false;

  constructor(answer: Promise<T>) {
    this.#answer = answer;
    const tell = () => {
      this.#isThere = true;
      for (const settle of this.#waiters) settle();
      this.#waiters.clear();
    };
    answer.then(tell, tell); // a failure is nobody's when everybody has left
  }

  get waiterCount(): number {
    return this.#waiters.size;
  }

  /** Settles as the answer does. Rejects cancelled, in the words of `what`, when `signal` says that the caller left. */
  wait(signal: AbortSignal, what: string): Promise<T> {
    if (this.#isThere) return this.#answer;
    return new Promise<T>((resolve, reject) => {
      const settle = () => {
        signal.removeEventListener('abort', leave);
        resolve(this.#answer);
      };
      const leave = () => {
        this.#waiters.delete(settle);
        reject(new ContainerError('cancelled', `${what}: the caller left`));
      };
      if (signal.aborted) return leave();
      signal.addEventListener('abort', leave, { once: true });
      this.#waiters.add(settle);
    });
  }
}
