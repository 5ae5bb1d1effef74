// One object of a prune: what came into use meanwhile, or went by another hand, stays out of the answer, and the rest goes on.
import { errorMessageOf } from '@tscontainer/core/errors';
import type { Logger } from '@tscontainer/platform/logger';

/** False: it is still there, or somebody else has removed it. */
export async function pruned(log: Logger, name: string, removal: Promise<unknown>): Promise<boolean> {
  try {
    await removal;
    return true;
  } catch (error) {
    log.warn({ name, err: errorMessageOf(error) }, 'not pruned');
    return false;
  }
}
