// The directories of an engine that leaves nothing: they must be its own from the first, and are marked so. main.ts asks.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerError } from '@tscontainer/core/errors';

/** In the data root: whoever finds it may remove all of it, once the process that it names is gone. */
const ephemeralMark = 'ephemeral';

/**
 * Nobody's data is removed by mistake: a root that holds anything is refused, unless it bears the mark of an ephemeral engine
 * that did not come to its end. This one then does what that one did not. Throws failed-precondition.
 */
export function checkEphemeralRoots(dataRoot: string, execRoot: string): void {
  if (existsSync(join(dataRoot, ephemeralMark))) return;
  for (const root of [dataRoot, execRoot]) {
    if (existsSync(root) && readdirSync(root).length > 0)
      throw new ContainerError('failed-precondition', `--ephemeral: ${root} is not empty: it would be removed`);
  }
}

/** From now on it may be removed. */
export function markEphemeral(dataRoot: string): void {
  mkdirSync(dataRoot, { recursive: true, mode: 0o711 });
  writeFileSync(join(dataRoot, ephemeralMark), `${process.pid}\n`);
}
