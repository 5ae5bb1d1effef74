// The `log` FIFO of a foreign shim's bundle: made and read here, because such a shim waits for its reader.
import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { makeFifo } from '@tscontainer/linux/fifo';
import type { Logger } from '@tscontainer/platform/logger';
import type { Bundle } from './bundle-store.ts';

/** One line is cut there. */
const maxLineCharacters = 8192;

/** Passes the shim's lines on until `close`. */
export function readShimLog(bundle: Bundle, log: Logger): { close(): void } {
  const path = join(bundle.path, 'log');
  if (!existsSync(path)) makeFifo(path, 0o600);
  // read-write: an end of our own keeps the FIFO open between the shim's processes; non-blocking: no thread waits on it
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  let socket: Socket;
  try {
    socket = new Socket({ fd, readable: true, writable: false });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  socket.unref();
  let rest = '';
  socket.on('data', (chunk) => {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = (lines.pop() ?? '').slice(-maxLineCharacters);
    for (const line of lines)
      if (line !== '') log.debug({ id: bundle.id, shim: line.slice(0, maxLineCharacters) }, 'shim log');
  });
  socket.on('error', (error) => log.debug({ id: bundle.id, err: error.message }, 'shim log ended'));
  return { close: () => socket.destroy() };
}
