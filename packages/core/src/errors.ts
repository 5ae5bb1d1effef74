// The one error class of the project and its closed set of codes; each boundary (HTTP, gRPC, addon) maps it in one file.

/** The closed set of error codes: gRPC's canonical codes without OK, spelled as words. Source: google.rpc.Code. */
export const errorCodes = [
  'cancelled',
  'unknown',
  'invalid-argument',
  'deadline-exceeded',
  'not-found',
  'already-exists',
  'permission-denied',
  'resource-exhausted',
  'failed-precondition',
  'aborted',
  'out-of-range',
  'unimplemented',
  'internal',
  'unavailable',
  'data-loss',
  'unauthenticated',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export interface ContainerErrorOptions {
  /** A stable, kebab-case word a program can branch on, listed in docs/errors.md. */
  reason?: string | undefined;
  /** Plain facts for logs and clients: errno names, paths, ids. */
  details?: Record<string, unknown> | undefined;
  cause?: unknown;
}

/** An error that says operation, object, cause: `prepare snapshot <key>: mount overlay <path>: EINVAL`. */
export class ContainerError extends Error {
  override readonly name = 'ContainerError';
  readonly code: ErrorCode;
  readonly reason: string | undefined;
  readonly details: Record<string, unknown>;

  constructor(code: ErrorCode, message: string, options: ContainerErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = options.reason;
    this.details = options.details ?? {};
  }
}

/** The code of any thrown value: `unknown` for what is not ours. */
export function errorCodeOf(error: unknown): ErrorCode {
  return error instanceof ContainerError ? error.code : 'unknown';
}

/** The message of any thrown value. */
export function errorMessageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Adds `operation: ` in front and keeps code, reason and details. */
export function withContext(operation: string, error: unknown): ContainerError {
  const source = error instanceof ContainerError ? error : undefined;
  return new ContainerError(source?.code ?? 'unknown', `${operation}: ${errorMessageOf(error)}`, {
    reason: source?.reason,
    details: source?.details,
    cause: error,
  });
}

export function isNotFound(error: unknown): boolean {
  return errorCodeOf(error) === 'not-found';
}

export function isAlreadyExists(error: unknown): boolean {
  return errorCodeOf(error) === 'already-exists';
}
