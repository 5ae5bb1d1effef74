// Where a shim listens: a short path below the socket directory, the same for all containers of one group.
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerError } from '@tscontainer/core/errors';

/** sun_path of unix(7), without the final zero. */
const maxPathBytes = 107;
/** 128 bits of the hash: enough to be unique, short enough for deep state directories. */
const nameCharacters = 32;

/** The path for (daemon, namespace, group or id). Throws invalid-argument when it is too long for a socket. */
export function socketPath(directory: string, address: string, namespace: string, group: string): string {
  const name = createHash('sha256')
    .update(join(address, namespace, group))
    .digest('hex')
    .slice(0, nameCharacters);
  const path = join(directory, name);
  if (Buffer.byteLength(path) > maxPathBytes) {
    throw new ContainerError('invalid-argument', `listen on ${path}: longer than ${maxPathBytes} bytes`);
  }
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  return path;
}
