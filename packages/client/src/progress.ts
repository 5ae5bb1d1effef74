// The progress of a pull, push, load, import or build: a promise of what came of it, and each step for whoever wants to see.
import type { ProgressMessage } from './contracts/engine-api.ts';
import { asFailure } from './engine-stream.ts';
import { EngineError } from './errors.ts';
import { readJsonLines } from './json-lines.ts';

/**
 * `await` it for the result: it rejects with an EngineError when the work failed, whenever that came out. Or read the steps
 * with `for await`, which throws the same. Leaving the loop does not end the work; a signal does.
 */
export type Progress<T> = Promise<T> & AsyncIterable<ProgressMessage>;

/** Steps that wait for whoever reads them. */
const maxWaiting = 1000;

export interface ProgressWork<T> {
  /** As `POST /images/create`, for errors. */
  call: string;
  open(): Promise<AsyncIterable<unknown>>;
  /** Takes a step for the result. */
  take?(message: ProgressMessage): void;
  result(): T;
}

export function trackProgress<T>(work: ProgressWork<T>): Progress<T> {
  const steps = new StepQueue();
  const result = followSteps(work, steps).finally(() => steps.end());
  return Object.assign(result, {
    [Symbol.asyncIterator]: (): AsyncIterator<ProgressMessage> => {
      result.catch(() => undefined); // the loop throws it
      return steps.read(result);
    },
  });
}

async function followSteps<T>(work: ProgressWork<T>, steps: StepQueue): Promise<T> {
  const source = await work.open();
  try {
    for await (const message of readJsonLines<ProgressMessage>(source)) {
      const failure = message.errorDetail?.message ?? message.error;
      if (failure !== undefined) throw new EngineError(failure, { call: work.call });
      work.take?.(message);
      await steps.add(message);
    }
  } catch (error) {
    throw asFailure(error);
  }
  return work.result();
}

/** Steps between the answer and a loop: without a loop the oldest go, with one the answer waits. */
class StepQueue {
  readonly #waiting: ProgressMessage[] = [];
  #hasReader = false;
  #hasEnded = false;
  #wakeReader: () => void = () => undefined;
  #wakeWriter: () => void = () => undefined;

  async add(message: ProgressMessage): Promise<void> {
    this.#waiting.push(message);
    this.#wakeReader();
    if (this.#waiting.length <= maxWaiting) return;
    if (!this.#hasReader) this.#waiting.shift();
    else
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
  }

  end(): void {
    this.#hasEnded = true;
    this.#wakeReader();
  }

  read(result: Promise<unknown>): AsyncGenerator<ProgressMessage, void, undefined> {
    this.#hasReader = true;
    return this.#steps(result);
  }

  async *#steps(result: Promise<unknown>): AsyncGenerator<ProgressMessage, void, undefined> {
    try {
      for (;;) {
        for (let step = this.#waiting.shift(); step !== undefined; step = this.#waiting.shift()) {
          this.#wakeWriter();
          yield step;
        }
        if (this.#hasEnded) break;
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve;
        });
      }
      await result;
    } finally {
      this.#hasReader = false;
      this.#wakeWriter();
    }
  }
}
