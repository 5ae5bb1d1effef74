// Removes directories off the event loop, when nobody waits for it: what a crash leaves is removed at the next start.
import { renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errorMessageOf } from '@tscontainer/core/errors';
import { randomHex } from '@tscontainer/core/ids';
import { removeTrees } from '@tscontainer/linux/tree';
import type { Logger } from '@tscontainer/platform/logger';

/** What is disposed of within this time goes in one turn of one thread: waking a thread costs more than an unlink. */
const gatherMs = 10;

const gathered: string[] = [];

/** Returns at once. */
export function disposeTree(path: string, log: Logger): void {
  gathered.push(path);
  if (gathered.length > 1) return;
  setTimeout(() => {
    removeTrees(gathered.splice(0)).then(
      (failures) => {
        for (const err of failures) log.warn({ err }, 'directory stays');
      },
      (error) => log.warn({ err: errorMessageOf(error) }, 'directories stay'),
    );
  }, gatherMs);
}

/** The same for a path that may be used anew at once: it is moved aside first. Nothing when it does not exist. */
export function disposeAside(path: string, log: Logger): void {
  const aside = join(dirname(path), `.gone-${randomHex(8)}`);
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  disposeTree(aside, log);
}
