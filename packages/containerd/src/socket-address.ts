// Makes a socket path free to listen on: a file that a killed daemon left is removed, one that answers is respected.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { ContainerError } from '@tscontainer/core/errors';

/** Throws already-exists when somebody listens there. */
export async function claimSocket(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
  if (!existsSync(path)) return;
  if (await answers(path))
    throw new ContainerError('already-exists', `listen on ${path}: another process listens there`);
  rmSync(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false)); // ECONNREFUSED: the file of a dead listener
  });
}
