// One daemon per root directory: a file lock that the kernel drops with the process, however it ends.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';

/** Throws already-exists while another daemon holds `root`. Answers what lets go. */
export function lockRoot(root: string): () => void {
  mkdirSync(root, { recursive: true, mode: 0o711 });
  const path = join(root, 'daemon.lock');
  const lock = new DatabaseSync(path, { timeout: 0 }); // SQLite's locks are fcntl locks, which Node does not offer
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    throw new ContainerError(
      'already-exists',
      `lock root ${root}: another daemon uses it (${path}: ${errorMessageOf(error)})`,
    );
  }
  return () => lock.close();
}
