// Why a file could not be opened, in the system's words: `no such file or directory`.
import { getSystemErrorMessage } from 'node:util';

export function openFailure(error: unknown): string {
  const { errno, message } = error as NodeJS.ErrnoException;
  return errno === undefined ? message : getSystemErrorMessage(errno);
}
