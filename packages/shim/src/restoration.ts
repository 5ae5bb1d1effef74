// What a task that was created from a checkpoint still has to be made of, kept in its bundle until start has made it: the
// next shim reads it there when this one dies first.
import { readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import type { RestoreRequest } from '@tscontainer/linux/runtime';

const fileName = 'restore.json';

export async function noteRestoration(request: RestoreRequest): Promise<void> {
  await writeFile(join(request.bundle, fileName), JSON.stringify(request), { mode: 0o600 });
}

/** Undefined when the bundle's task was not created from a checkpoint, or has been started. */
export function readRestoration(bundle: string): RestoreRequest | undefined {
  const path = join(bundle, fileName);
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as RestoreRequest;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ContainerError('data-loss', `read ${path}: ${errorMessageOf(error)}`, { cause: error });
  }
}

export function forgetRestoration(bundle: string): void {
  rmSync(join(bundle, fileName), { force: true });
}
