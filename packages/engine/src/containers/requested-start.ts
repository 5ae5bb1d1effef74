// A start or restart that somebody asked for: its restart policy counts from the beginning, and `--rm` holds for a
// container that could not be started, too. The lifecycle routes are the callers.
import { notModified } from '../http/http-status.ts';
import type { Container } from './container.ts';
import { removeContainer } from './container-remover.ts';
import { startContainer } from './container-starter.ts';
import { type StopOptions, stopContainer } from './container-stopper.ts';
import type { EngineContext } from './engine-context.ts';

/** Throws not-modified when it runs, or waits for its restart. */
export async function startOnRequest(context: EngineContext, container: Container): Promise<void> {
  if (container.state.status === 'restarting') throw notModified('container is running already');
  await start(context, container);
}

/** The end in between is none for `--rm`. */
export async function restartOnRequest(
  context: EngineContext,
  container: Container,
  options: StopOptions,
): Promise<void> {
  container.outlivesExit = true;
  try {
    await stopContainer(context, container, options);
    await start(context, container);
  } finally {
    container.outlivesExit = false;
  }
  context.events.publish('container', 'restart', container.id, container.eventAttributes());
}

async function start(context: EngineContext, container: Container): Promise<void> {
  try {
    await container.queue.run(() => startContainer(context, container));
  } catch (error) {
    if (container.settings.hostConfig.AutoRemove && !container.isRunning)
      await container.queue.run(() => removeContainer(context, container, { removesVolumes: true }));
    throw error;
  }
}
