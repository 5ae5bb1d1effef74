// Streams into files and out of them: an output that is there whole or not at all, and an input that can be opened.
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { CommandFailure } from './failures.ts';
import { openFailure } from './open-failure.ts';

export async function writeWhole(content: NodeJS.ReadableStream, path: string): Promise<void> {
  const fresh = `${path}.${process.pid}.partial`;
  try {
    await pipeline(content, createWriteStream(fresh, { mode: 0o600 }));
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}

/** Throws CommandFailure in docker's words. */
export async function openInput(path: string): Promise<NodeJS.ReadableStream> {
  const file = createReadStream(path);
  try {
    await once(file, 'open');
  } catch (error) {
    throw new CommandFailure(`open ${path}: ${openFailure(error)}`);
  }
  return file;
}
