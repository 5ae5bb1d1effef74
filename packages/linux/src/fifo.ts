// FIFOs and splice: the engine's end of a container's stdio.
import { native } from './native.ts';

/** mkfifo(3). Rejects already-exists when the path is there. */
export function makeFifo(path: string, mode: number): void {
  native().makeFifo(path, mode);
}

/** Sets the pipe's capacity in bytes (F_SETPIPE_SZ) and returns what the kernel gave. */
export function setPipeSize(fd: number, bytes: number): number {
  return native().setPipeSize(fd, bytes);
}

/**
 * Moves up to `length` bytes from a non-blocking pipe to a file at its end (splice(2)); in one system call, so that a
 * killed process loses none. Returns bytes moved, 0 at end of file (no writer), -1 when the pipe is empty (EAGAIN).
 */
export function spliceToFile(pipeFd: number, fileFd: number, length: number): number {
  return native().spliceToFile(pipeFd, fileFd, length);
}
