// Signals, stops, pauses: everything that reaches a running container's process.
import { ContainerError, isNotFound, withContext } from '@tscontainer/core/errors';
import type { Container } from './container.ts';
import type { EngineContext } from './engine-context.ts';
import { parseSignal } from './signals.ts';

const defaultStopSignal = 'SIGTERM';
const defaultStopSeconds = 10;
const sigkill = 9;
/** How long the exit is waited for after SIGKILL: a process in uninterruptible sleep takes its time. */
const killWaitMs = 10_000;

function checkRunning(container: Container, verb: string): void {
  if (!container.isRunning)
    throw new ContainerError(
      'failed-precondition',
      `cannot ${verb} container: ${container.name}: container ${container.id} is not running`,
    );
}

/** For what needs a process at hand. Throws failed-precondition in docker's words. */
export function checkNotRestarting({ id, state }: Container): void {
  if (state.status === 'restarting')
    throw new ContainerError(
      'failed-precondition',
      `Container ${id} is restarting, wait until the container is running`,
    );
}

/** True when it exited within `timeoutMs`; a negative one waits for ever. */
async function waitForExit(container: Container, timeoutMs: number): Promise<boolean> {
  if (!container.isRunning) return true;
  const abort = new AbortController();
  const timer = timeoutMs < 0 ? undefined : setTimeout(() => abort.abort(), timeoutMs);
  const result = await container.waitFor('next-exit', abort.signal);
  clearTimeout(timer);
  return result !== undefined || !container.isRunning;
}

async function send(context: EngineContext, container: Container, signal: number): Promise<void> {
  try {
    await context.client.tasks.Kill({ containerId: container.id, execId: '', signal, all: false });
  } catch (error) {
    if (!isNotFound(error)) throw error; // it ended meanwhile, which is what was wanted
  }
  // a frozen process takes its signal only when thawed
  if (container.state.status === 'paused')
    await context.client.tasks.Resume({ containerId: container.id }).catch(() => undefined);
}

function signalFor(verb: string, { name }: Container, text: string): number {
  try {
    return parseSignal(text);
  } catch (error) {
    throw withContext(`cannot ${verb} container: ${name}`, error);
  }
}

/** Sends `signal`; SIGKILL waits for the exit. One that waits for its restart is not started again. */
export async function killContainer(context: EngineContext, container: Container, signalText: string): Promise<void> {
  const signal = signalFor('kill', container, signalText);
  await container.starting; // a process that does not exist yet takes no signal
  if (container.state.status === 'restarting') return cancelRestart(context, container);
  checkRunning(container, 'kill');
  const stopSignal = parseSignal(container.settings.config.StopSignal || defaultStopSignal);
  if (signal === sigkill || signal === stopSignal) container.state.isStoppedByUser = true;
  context.events.publish('container', 'kill', container.id, container.eventAttributes({ signal: String(signal) }));
  await send(context, container, signal);
  if (signal === sigkill && !(await waitForExit(container, killWaitMs))) {
    throw new ContainerError(
      'deadline-exceeded',
      `kill container ${container.id}: no exit within ${killWaitMs / 1000} seconds`,
    );
  }
}

export interface StopOptions {
  /** Seconds; undefined: the container's own, or ten. */
  timeoutSeconds: number | undefined;
  signal: string | undefined;
}

/** Resolves false when it does not run. A start that is under way is waited for. */
export async function stopContainer(
  context: EngineContext,
  container: Container,
  options: StopOptions,
): Promise<boolean> {
  await container.starting;
  if (container.state.status === 'restarting') {
    await cancelRestart(context, container);
    return true;
  }
  if (!container.isRunning) return false;
  const { config } = container.settings;
  const signal = signalFor('stop', container, options.signal || config.StopSignal || defaultStopSignal);
  container.state.isStoppedByUser = true;
  const seconds = options.timeoutSeconds ?? config.StopTimeout ?? defaultStopSeconds;
  context.events.publish('container', 'kill', container.id, container.eventAttributes({ signal: String(signal) }));
  await send(context, container, signal);
  if (!(await waitForExit(container, seconds < 0 ? -1 : seconds * 1000))) {
    context.events.publish('container', 'kill', container.id, container.eventAttributes({ signal: String(sigkill) }));
    await send(context, container, sigkill);
    if (!(await waitForExit(container, killWaitMs))) {
      throw new ContainerError(
        'deadline-exceeded',
        `stop container ${container.id}: no exit within ${killWaitMs / 1000} seconds of SIGKILL`,
      );
    }
  }
  context.events.publish('container', 'stop', container.id, container.eventAttributes());
  return true;
}

async function cancelRestart(context: EngineContext, container: Container): Promise<void> {
  clearTimeout(container.restartTimer);
  container.restartTimer = undefined;
  Object.assign(container.state, { status: 'exited', isStoppedByUser: true });
  await context.store.updateState(container.id, container.state);
}

export async function pauseContainer(context: EngineContext, container: Container): Promise<void> {
  checkNotRestarting(container);
  checkRunning(container, 'pause');
  if (container.state.status === 'paused')
    throw new ContainerError('failed-precondition', `Container ${container.id} is already paused`);
  await context.client.tasks.Pause({ containerId: container.id });
  if (container.state.status !== 'running') return; // its exit was faster than the answer
  container.state.status = 'paused';
  await context.store.updateState(container.id, container.state);
  context.events.publish('container', 'pause', container.id, container.eventAttributes());
}

export async function unpauseContainer(context: EngineContext, container: Container): Promise<void> {
  if (container.state.status !== 'paused')
    throw new ContainerError('failed-precondition', `Container ${container.id} is not paused`);
  await context.client.tasks.Resume({ containerId: container.id });
  if (container.state.status !== 'paused') return; // its exit was faster than the answer
  container.state.status = 'running';
  await context.store.updateState(container.id, container.state);
  context.events.publish('container', 'unpause', container.id, container.eventAttributes());
}
