// Says what went wrong on the disk: operation, path, errno; a full disk is resource-exhausted. For every store with files.
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';

const fullCodes = new Set(['ENOSPC', 'EDQUOT']);

/** `operation` names the object too: `write ingest layer-1`. */
export function diskError(operation: string, error: unknown): ContainerError {
  if (error instanceof ContainerError) return error;
  const { code } = error as NodeJS.ErrnoException;
  const isFull = code !== undefined && fullCodes.has(code);
  const details = { errno: code };
  return new ContainerError(isFull ? 'resource-exhausted' : 'internal', `${operation}: ${errorMessageOf(error)}`, {
    cause: error,
    details,
  });
}
