// The one mapping between our error codes and gRPC's, used by gRPC and ttrpc alike.
import { status } from '@grpc/grpc-js';
import { ContainerError, type ErrorCode, errorMessageOf } from '@tscontainer/core/errors';

/** Metadata key that carries an error's reason beside its status. */
export const reasonKey = 'tscontainer-reason';

const statusByCode: Record<ErrorCode, status> = {
  cancelled: status.CANCELLED,
  unknown: status.UNKNOWN,
  'invalid-argument': status.INVALID_ARGUMENT,
  'deadline-exceeded': status.DEADLINE_EXCEEDED,
  'not-found': status.NOT_FOUND,
  'already-exists': status.ALREADY_EXISTS,
  'permission-denied': status.PERMISSION_DENIED,
  'resource-exhausted': status.RESOURCE_EXHAUSTED,
  'failed-precondition': status.FAILED_PRECONDITION,
  aborted: status.ABORTED,
  'out-of-range': status.OUT_OF_RANGE,
  unimplemented: status.UNIMPLEMENTED,
  internal: status.INTERNAL,
  unavailable: status.UNAVAILABLE,
  'data-loss': status.DATA_LOSS,
  unauthenticated: status.UNAUTHENTICATED,
};

const codeByStatus = new Map<number, ErrorCode>(
  Object.entries(statusByCode).map(([code, number]) => [number, code as ErrorCode]),
);

export function grpcStatusFromCode(code: ErrorCode): status {
  return statusByCode[code];
}

export function codeFromGrpcStatus(number: number): ErrorCode {
  return codeByStatus.get(number) ?? 'unknown';
}

/** Any thrown value as {code, message, reason}. What is not ours becomes `unknown`. */
export function statusFromError(error: unknown): {
  code: status;
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
    code: status.UNKNOWN,
    message: errorMessageOf(error),
    reason: undefined,
  };
}

export function errorFromStatus(code: number, message: string, reason?: string): ContainerError {
  return new ContainerError(codeFromGrpcStatus(code), message, { reason });
}
