// Asks a session's other end again and again whether it is well: a client that hangs, or is gone without a word, is given up.
import type { Session } from './session.ts';

export interface HealthBounds {
  /** From one answer to the next question. */
  intervalMs: number;
  /** The same after a failure. */
  retryMs: number;
  /** For one answer: a client that sends a large context may be slow to give it. */
  timeoutMs: number;
  /** In a row. */
  maxFailures: number;
}

/** BuildKit's own but for `retryMs`: a client whose build was refused waits for the end of its session. */
export const defaultHealthBounds: HealthBounds = {
  intervalMs: 5000,
  retryMs: 1000,
  timeoutMs: 15_000,
  maxFailures: 2,
};

const checkMethod = '/grpc.health.v1.Health/Check';
/** An empty HealthCheckRequest: about the server as a whole. */
const question = new Uint8Array(0);

/** Until the session is over. What the answer says does not matter, only that one comes. */
export async function watchHealth(session: Session, bounds: HealthBounds): Promise<void> {
  let failures = 0;
  while (!session.signal.aborted) {
    try {
      await session.call(checkMethod, question, { timeoutMs: bounds.timeoutMs });
      failures = 0;
    } catch (error) {
      failures++;
      if (failures >= bounds.maxFailures) session.end(error);
    }
    await pause(failures === 0 ? bounds.intervalMs : bounds.retryMs, session.signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
  });
}
