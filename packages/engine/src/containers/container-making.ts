// The lifecycle daemon's half of a container: its snapshot and its record, made while create already answers.
//
// A container is created once our row is on disk. What the daemon holds of it is needed at the first start or look at
// its files: whoever needs it waits here, and it is made again when that failed or a crash cut it short.
import { errorMessageOf, isAlreadyExists } from '@tscontainer/core/errors';
import type { Mount } from '@tscontainer/linux/mounts';
import type { Container } from './container.ts';
import { prepareSnapshot, snapshotMounts } from './container-snapshot.ts';
import type { EngineContext } from './engine-context.ts';
import { withRuntimePlaces } from './runtime-places.ts';
import { type BuiltSpec, createRecord, joinsOthers, specOf, updateRecord } from './spec-store.ts';

/** `prepared` is under way already. A failure waits for the other half: an undo must not overtake what it undoes. */
export function beginMaking(
  context: EngineContext,
  container: Container,
  prepared: Promise<Mount[]>,
  built: BuiltSpec,
): void {
  container.user = built.user;
  container.made = bothOf(container, prepared, createRecord(context, container.settings, built));
  container.made.catch((error) =>
    context.log.warn({ id: container.id, err: errorMessageOf(error) }, 'snapshot or record not made yet'),
  );
}

/** Rejects with what keeps it from being made. */
export async function whenMade(context: EngineContext, container: Container): Promise<void> {
  const { made } = container;
  try {
    await made;
  } catch {
    if (container.made === made) makeAgain(context, container);
    await container.made;
  }
}

/** For a container of which a part is missing. */
export function makeAgain(context: EngineContext, container: Container): void {
  container.made = remake(context, container);
  container.made.catch((error) =>
    context.log.warn({ id: container.id, err: errorMessageOf(error) }, 'snapshot or record not made again'),
  );
}

/** Its image and what it has written, as the snapshotter says now: what becomes a layer. */
export async function layerMounts(context: EngineContext, container: Container): Promise<Mount[]> {
  await whenMade(context, container);
  return snapshotMounts(context, container.settings);
}

/** The root filesystem that it sees. */
export async function containerMounts(context: EngineContext, container: Container): Promise<Mount[]> {
  return withRuntimePlaces(context, container.settings, await layerMounts(context, container));
}

async function remake(context: EngineContext, container: Container): Promise<void> {
  const { settings } = container;
  const prepared = prepareSnapshot(context, settings).catch((error) => {
    if (!isAlreadyExists(error)) throw error;
    return snapshotMounts(context, settings);
  });
  const mounts = await prepared;
  const files = context.userFiles.get(settings.chainId) ?? (await context.userFiles.read(settings.chainId, mounts));
  const built = specOf(context, settings, files, false);
  container.user = built.user;
  const recorded = createRecord(context, settings, built).catch((error) => {
    if (!isAlreadyExists(error)) throw error;
    return updateRecord(context, settings, built);
  });
  await bothOf(container, prepared, recorded);
}

async function bothOf(container: Container, prepared: Promise<Mount[]>, recorded: Promise<void>): Promise<void> {
  const { settings } = container;
  const outcomes = await Promise.allSettled([prepared, recorded]);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  container.rootfs = await prepared;
  // changed meanwhile, they ask for another specification
  container.isSpecCurrent = container.settings === settings && !joinsOthers(settings);
}
