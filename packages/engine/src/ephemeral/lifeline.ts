// A descriptor that ties the engine's life to that of the process which started it: main.ts watches it.
import net from 'node:net';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';

/**
 * Calls `onCut` once, when nobody has the other end open any more: however the process that had it ended, the kernel has
 * closed it. What is sent through it is ignored. Throws invalid-argument for what is no pipe, socket or terminal.
 */
export function watchLifeline(fd: number, onCut: () => void): void {
  try {
    const line = new net.Socket({ fd, readable: true, writable: false });
    line.on('error', () => line.destroy());
    line.once('close', onCut);
    line.resume();
  } catch (error) {
    throw new ContainerError('invalid-argument', `--lifeline ${fd}: ${errorMessageOf(error)}`, { cause: error });
  }
}
