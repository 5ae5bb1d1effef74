// The addon boundary's one mapping: an addon error's fields to a ContainerError; native.ts and runtime-manager.ts call it.
import { ContainerError, type ErrorCode } from '@tscontainer/core/errors';

/** What an Error thrown by the addon carries beside its message. Absent fields are undefined. */
export interface AddonErrorFields {
  /** What was being done, as a verb and its object: `apply layer`. */
  operation?: string;
  /** The runtime's step, when one failed: `mount-rootfs`. */
  step?: string;
  /** `openat2`, `mount`, ... */
  syscall?: string;
  errno?: number;
  /** `ENOENT`; names of Linux that Node's table lacks are there too. */
  errnoName?: string;
  path?: string;
  detail?: string;
  /** A stable word for an error that no errno describes: `executable-not-found`, `bad-archive`. */
  reason?: string;
  /** The code the addon itself chose, when the errno alone would say it wrong. */
  errorCode?: string;
}

const fieldNames = ['operation', 'step', 'syscall', 'errno', 'errnoName', 'path', 'detail'] as const;

/** Errno names whose meaning is the same wherever they come from. All others are `internal`. */
export const codesByErrnoName: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'not-found',
  ESRCH: 'not-found',
  ENXIO: 'not-found',
  EEXIST: 'already-exists',
  ENOSPC: 'resource-exhausted',
  EDQUOT: 'resource-exhausted',
  EMFILE: 'resource-exhausted',
  ENFILE: 'resource-exhausted',
  ENOMEM: 'resource-exhausted',
  EAGAIN: 'resource-exhausted',
  EUSERS: 'resource-exhausted',
  EFBIG: 'resource-exhausted',
  EPERM: 'permission-denied',
  EACCES: 'permission-denied',
  EROFS: 'permission-denied',
  EINVAL: 'invalid-argument',
  ENAMETOOLONG: 'invalid-argument',
  ELOOP: 'invalid-argument',
  ENOTDIR: 'invalid-argument',
  EISDIR: 'invalid-argument',
  EXDEV: 'invalid-argument',
  ENOEXEC: 'invalid-argument',
  E2BIG: 'invalid-argument',
  EBADF: 'invalid-argument',
  ERANGE: 'out-of-range',
  EBUSY: 'failed-precondition',
  ENODEV: 'failed-precondition',
  ENOTEMPTY: 'failed-precondition',
  ENOSYS: 'unimplemented',
  EOPNOTSUPP: 'unimplemented',
  ECANCELED: 'cancelled',
  ETIMEDOUT: 'deadline-exceeded',
  EUCLEAN: 'data-loss',
  EIO: 'data-loss',
};

/** Codes the runtime may choose by itself are those of the closed set; anything else is a defect and told as internal. */
const chosenCodes: ReadonlySet<string> = new Set<ErrorCode>([
  'invalid-argument',
  'not-found',
  'already-exists',
  'permission-denied',
  'resource-exhausted',
  'failed-precondition',
  'out-of-range',
  'unimplemented',
  'internal',
  'unavailable',
  'data-loss',
  'deadline-exceeded',
  'aborted',
]);

/** Turns what the addon threw into a ContainerError; a ContainerError passes unchanged, a TypeError is invalid-argument. */
export function toContainerError(error: unknown): ContainerError {
  if (error instanceof ContainerError) return error;
  if (!(error instanceof Error)) return new ContainerError('internal', String(error), { cause: error });
  const fields = error as Error & AddonErrorFields;
  const details: Record<string, unknown> = {};
  for (const name of fieldNames) if (fields[name] !== undefined) details[name] = fields[name];
  return new ContainerError(codeOf(fields), error.message, { reason: fields.reason, details, cause: error });
}

function codeOf(error: Error & AddonErrorFields): ErrorCode {
  if (error.errorCode !== undefined && chosenCodes.has(error.errorCode)) return error.errorCode as ErrorCode;
  if (error.errnoName !== undefined) return codesByErrnoName[error.errnoName] ?? 'internal';
  return error instanceof TypeError || error instanceof RangeError ? 'invalid-argument' : 'internal';
}
