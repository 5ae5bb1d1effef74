// The one mapping from our error codes to HTTP statuses, and docker's JSON shape of an error.
import { ContainerError, type ErrorCode, errorMessageOf } from '@tscontainer/core/errors';

const statusByCode: Record<ErrorCode, number> = {
  cancelled: 499,
  unknown: 500,
  'invalid-argument': 400,
  'deadline-exceeded': 504,
  'not-found': 404,
  'already-exists': 409,
  'permission-denied': 403,
  'resource-exhausted': 500,
  'failed-precondition': 409,
  aborted: 409,
  'out-of-range': 400,
  unimplemented: 501,
  internal: 500,
  unavailable: 503,
  'data-loss': 500,
  unauthenticated: 401,
};

/** Reasons whose status is not that of their code: a command that cannot be run is the caller's mistake. */
const statusByReason: Record<string, number> = {
  'executable-not-found': 400,
  'not-executable': 400,
  'not-modified': 304,
};

export function httpStatusOf(error: unknown): number {
  if (!(error instanceof ContainerError)) return 500;
  return statusByReason[error.reason ?? ''] ?? statusByCode[error.code];
}

export function errorBodyOf(error: unknown): { message: string } {
  return { message: errorMessageOf(error) };
}

/** The state asked for is there already: docker answers 304 without a body. */
export function notModified(message: string): ContainerError {
  return new ContainerError('failed-precondition', message, { reason: 'not-modified' });
}
