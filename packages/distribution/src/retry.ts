// How often and how long a registry is asked again: growing pauses, its own Retry-After, and bounds on both.
import { setTimeout as sleep } from 'node:timers/promises';
import { ContainerError, errorCodeOf } from '@tscontainer/core/errors';

/** Tries of one thing in all. */
export const maxAttempts = 5;
const firstPauseMs = 100;
const maxPauseMs = 5_000;
/** A registry that asks for a longer pause than this has its refusal handed to the caller instead. */
const maxAskedPauseMs = 60_000;

/** What one more try may mend. An error that was retried below is final. */
export function isRetryable(error: unknown): boolean {
  if (error instanceof ContainerError && error.details.isFinal === true) return false;
  const code = errorCodeOf(error);
  return code === 'unavailable' || code === 'resource-exhausted' || code === 'unknown';
}

/** Of an answer that was asked for often enough. */
export function toFinal(error: ContainerError): ContainerError {
  const { code, message, reason, details } = error;
  return new ContainerError(code, message, { reason, details: { ...details, isFinal: true }, cause: error.cause });
}

export function isRetryableStatus(status: number): boolean {
  return status === 429 || status === 408 || (status >= 500 && status !== 501 && status !== 505);
}

/** Before try `attempt + 1`, the first being 0. */
export function pauseMs(attempt: number): number {
  return Math.min(firstPauseMs * 2 ** attempt, maxPauseMs) * (0.5 + Math.random() / 2);
}

/** `Retry-After` (RFC 9110, 10.2.3) in milliseconds: seconds or a date; undefined without one. */
function retryAfterMs(header: string | undefined, nowMs = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(at - nowMs, 0);
}

/** The pause that an answer asks for or that is due; undefined when it is longer than anybody should wait here. */
export function pauseBefore(attempt: number, retryAfter: string | undefined): number | undefined {
  const asked = retryAfterMs(retryAfter);
  if (asked !== undefined && asked > maxAskedPauseMs) return undefined;
  return Math.max(asked ?? 0, pauseMs(attempt));
}

/** Rejects cancelled. */
export async function pause(timeMs: number, what: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(timeMs, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw new ContainerError('cancelled', `${what}: cancelled`, { cause: error });
  }
}
