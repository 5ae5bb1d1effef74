// Undo steps registered right after each acquisition and run in reverse order when an operation fails.
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';

type Undo = () => void | Promise<void>;

/** Story: `defer` after each acquisition; `release` on success, or `unwind` on failure. Both empty the stack. */
export class CleanupStack {
  readonly #steps: { what: string; undo: Undo }[] = [];

  defer(what: string, undo: Undo): void {
    this.#steps.push({ what, undo });
  }

  /** The operation succeeded: what was acquired stays. */
  release(): void {
    this.#steps.length = 0;
  }

  /** Runs every step, the last first; the failures of steps are returned, never thrown, so that all run. */
  async unwind(): Promise<ContainerError[]> {
    const failures: ContainerError[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.undo();
      } catch (error) {
        failures.push(new ContainerError('internal', `undo ${step.what}: ${errorMessageOf(error)}`, { cause: error }));
      }
    }
    return failures;
  }
}

/** Runs `work` with a stack: kept when it returns, unwound when it throws (undo failures join the error's details). */
export async function withCleanup<T>(work: (cleanup: CleanupStack) => Promise<T>): Promise<T> {
  const cleanup = new CleanupStack();
  try {
    const result = await work(cleanup);
    cleanup.release();
    return result;
  } catch (error) {
    const failures = await cleanup.unwind();
    if (failures.length > 0 && error instanceof ContainerError) {
      error.details.undoFailures = failures.map((failure) => failure.message);
    }
    throw error;
  }
}
