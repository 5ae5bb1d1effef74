// The one mapping between our error codes and gRPC's, used by gRPC and ttrpc alike.
import { ContainerError, type ErrorCode, errorMessageOf } from '@tscontainer/core/errors';

/** Metadata key that carries an error's reason beside its status. */
export const reasonKey = 'tscontainer-reason';

/** google.rpc.Code; spelled out so that a shim, which speaks ttrpc only, need not load grpc-js for its numbers. */
const statusByCode: Record<ErrorCode, number> = {
  cancelled: 1,
  unknown: 2,
  'invalid-argument': 3,
  'deadline-exceeded': 4,
  'not-found': 5,
  'already-exists': 6,
  'permission-denied': 7,
  'resource-exhausted': 8,
  'failed-precondition': 9,
  aborted: 10,
  'out-of-range': 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  'data-loss': 15,
  unauthenticated: 16,
};

const codeByStatus = new Map<number, ErrorCode>(
  Object.entries(statusByCode).map(([code, number]) => [number, code as ErrorCode]),
);

export function grpcStatusFromCode(code: ErrorCode): number {
  return statusByCode[code];
}

export function codeFromGrpcStatus(number: number): ErrorCode {
  return codeByStatus.get(number) ?? 'unknown';
}

/** Any thrown value as {code, message, reason}. What is not ours becomes `unknown`. */
export function statusFromError(error: unknown): {
  code: number;
  message: string;
  reason: string | undefined;
} {
  if (error instanceof ContainerError) {
    return {
      code: grpcStatusFromCode(error.code),
      message: error.message,
      reason: error.reason,
    };
  }
  return {
    code: statusByCode.unknown,
    message: errorMessageOf(error),
    reason: undefined,
  };
}

export function errorFromStatus(code: number, message: string, reason?: string): ContainerError {
  return new ContainerError(codeFromGrpcStatus(code), message, { reason });
}
