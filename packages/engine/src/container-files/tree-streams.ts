// A place of a container's filesystem as a tar stream, and a tar stream into it: the addon's threads behind FIFOs.
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errorMessageOf } from '@tscontainer/core/errors';
import { decompressed } from '@tscontainer/distribution/decompression';
import { type ExtractTreeRequest, extractTree, type PackTreeRequest, packTree } from '@tscontainer/linux/archive';
import { makeFifo } from '@tscontainer/linux/fifo';
import type { Logger } from '@tscontainer/platform/logger';

interface Fifo {
  path: string;
  remove(): void;
}

function temporaryFifo(directory: string): Fifo {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const own = mkdtempSync(join(directory, 'tar-'));
  const path = join(own, 'pipe');
  makeFifo(path, 0o600);
  return { path, remove: () => rmSync(own, { recursive: true, force: true }) };
}

/** The tar; destroyed with the error when packing fails. `onEnd` is called once, however it ends. */
export function packedStream(
  directory: string,
  request: Omit<PackTreeRequest, 'pipe'>,
  onEnd: () => Promise<void>,
  log: Logger,
): Readable {
  const fifo = temporaryFifo(directory);
  const fd = openSync(fifo.path, constants.O_RDONLY | constants.O_NONBLOCK);
  const socket = new net.Socket({ fd, readable: true, writable: false });
  const output = new PassThrough();
  const packed = packTree({ ...request, pipe: fifo.path });
  socket.on('error', (error) => output.destroy(error));
  // the archive is whole only when packing says so, not when the pipe ends
  socket.pipe(output, { end: false });
  const drained = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  output.once('close', () => socket.destroy());
  packed
    .then(async () => {
      await drained;
      output.end();
    })
    .catch((error) => output.destroy(error as Error))
    .finally(fifo.remove)
    .finally(onEnd)
    .catch((error) => log.warn({ err: errorMessageOf(error) }, 'tidying up after an archive failed'));
  return output;
}

/** Compressed or not. Rejects invalid-argument for what is no tar; what was extracted until then stays. */
export async function extractStream(
  directory: string,
  source: Readable,
  request: Omit<ExtractTreeRequest, 'pipe'>,
): Promise<void> {
  const fifo = temporaryFifo(directory);
  // a reader of our own: what is written before the addon has opened its end waits in the pipe
  const keeper = openSync(fifo.path, constants.O_RDONLY | constants.O_NONBLOCK);
  const fd = openSync(fifo.path, constants.O_WRONLY | constants.O_NONBLOCK);
  const socket = new net.Socket({ fd, readable: false, writable: true });
  try {
    const extracted = extractTree({ ...request, pipe: fifo.path });
    const written = decompressed(source)
      .then((plain) => pipeline(plain, socket))
      .catch((error) => {
        socket.destroy();
        throw error;
      });
    // whoever fails first ends the other: the extractor's word counts, for a broken pipe is only its echo
    const [outcome] = await Promise.allSettled([extracted.finally(() => socket.destroy()), written]);
    if (outcome?.status === 'rejected') throw outcome.reason;
    await written;
  } finally {
    socket.destroy();
    closeSync(keeper);
    fifo.remove();
  }
}
