// Starts a container: stdio first, then the task. A failure leaves it as it was, with the reason and exit code docker has.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerError, errorMessageOf, isNotFound } from '@tscontainer/core/errors';
import { makeFifo } from '@tscontainer/linux/fifo';
import { type CleanupStack, withCleanup } from '@tscontainer/platform/cleanup-stack';
import { askingForStart } from '../containerd/start-at-once.ts';
import { nowText } from '../go-time.ts';
import { notModified } from '../http/http-status.ts';
import { forwarderOf, isAsynchronous, isRemote } from '../logs/container-forwarder.ts';
import { fileAttributes, type LoggedContainer } from '../logs/log-attributes.ts';
import { logFileOptions } from '../logs/log-drivers.ts';
import type { LogForwarder } from '../logs/log-forwarder.ts';
import { makeOutputFifos, type OutputName, OutputPump } from '../logs/output-pump.ts';
import { optionsMessage } from '../runtimes/shim-options.ts';
import { mountVolumes } from '../volumes/container-volumes.ts';
import { openHeldMounts } from '../volumes/held-mounts.ts';
import type { Container } from './container.ts';
import { writeContainerFiles } from './container-files.ts';
import { whenMade } from './container-making.ts';
import { type ContainerSettings, zeroTime } from './container-record.ts';
import { snapshotMounts } from './container-snapshot.ts';
import { disposeAside } from './disposal.ts';
import type { EngineContext } from './engine-context.ts';
import { withRuntimePlaces } from './runtime-places.ts';
import { openSharedShm } from './shared-shm.ts';
import { deviceEditsOf, specOf, updateRecord } from './spec-store.ts';
import { StdinPipe } from './stdin-pipe.ts';
import { startFailure } from './task-errors.ts';
import { readSnapshotUserFiles } from './user-files-cache.ts';

/** To be called in the container's queue. `restartCount`: how often its policy has started it since. Throws not-modified when it runs. */
export async function startContainer(context: EngineContext, container: Container, restartCount = 0): Promise<void> {
  checkStartable(container);
  container.state.restartCount = restartCount;
  clearTimeout(container.restartTimer);
  container.restartTimer = undefined;
  const started = withCleanup((cleanup) => launch(context, container, cleanup));
  // an exit may be told before Tasks.Start has answered: it waits for this
  container.starting = started.then(
    () => undefined,
    () => undefined,
  );
  try {
    await started;
  } catch (error) {
    throw await recordFailure(context, container, error);
  } finally {
    container.starting = undefined;
  }
}

function checkStartable(container: Container): void {
  const { status } = container.state;
  if (container.isDestroyed || status === 'removing' || status === 'dead') {
    throw new ContainerError('failed-precondition', 'container is marked for removal and cannot be started');
  }
  if (status === 'paused')
    throw new ContainerError('failed-precondition', 'cannot start a paused container, try unpause instead');
  if (status === 'running') throw notModified('container is running already');
}

async function launch(context: EngineContext, container: Container, cleanup: CleanupStack): Promise<void> {
  const { settings } = container;
  const { tasks } = context.client;
  const runtimeOptions = presentRuntimeOptions(context, settings);
  container.hastenTeardown();
  await container.taskGone;
  await whenMade(context, container);
  if (!container.isSpecCurrent) await renewSpec(context, container);
  // it waits for nothing of the kernel's when a prepared namespace is at hand
  await context.networks.start(container);
  cleanup.defer('networks', () => releaseNetworks(context, container));
  const rootfs = container.rootfs ?? (await snapshotMounts(context, settings));
  await openSharedShm(context, settings, cleanup);
  if (settings.mountPoints.length > 0) {
    await mountVolumes(context, container, cleanup);
    await openHeldMounts(context, settings, cleanup);
  }
  const directory = context.paths.containerRun(container.id);
  const forwarder = isRemote(settings.hostConfig.LogConfig)
    ? await openForwarder(context, container, cleanup)
    : undefined;
  openStdio(context, container, directory, cleanup, forwarder);
  Object.assign(container.state, {
    status: 'running',
    pid: 0,
    startedAt: nowText(),
    finishedAt: container.state.finishedAt,
    exitCode: 0,
    error: '',
    isOomKilled: false,
    isStoppedByUser: false,
  });
  // durable while the task is made: were the engine killed now, its successor would find the task and know its past
  const saved = context.store.updateState(container.id, container.state);
  cleanup.defer('saved state', () => saved.catch(() => undefined));
  const { Tty, OpenStdin } = settings.config;
  cleanup.defer(`task ${container.id}`, () => deleteTask(context, container.id));
  const needsTask = context.networks.needsTask(container);
  const request = {
    containerId: container.id,
    rootfs: withRuntimePlaces(context, settings, rootfs),
    stdin: OpenStdin ? join(directory, 'stdin') : '',
    stdout: join(directory, 'stdout'),
    stderr: Tty ? '' : join(directory, 'stderr'),
    terminal: Tty,
    ...(runtimeOptions === undefined ? {} : { options: runtimeOptions }),
  };
  const created = await askingForStart(context.client, !needsTask, (options) => tasks.Create(request, options));
  container.state.pid = created.answer.pid;
  context.networks.takeBack(container);
  if (needsTask) await context.networks.attachTask(container, created.answer.pid);
  if (created.startedPid === undefined) await tasks.Start({ containerId: container.id, execId: '' });
  await saved;
  container.rootfs = rootfs;
  // a further start may find other users, devices or neighbours
  container.isSpecCurrent = false;
  context.networks.tellConnected(container);
  context.events.publish('container', 'start', container.id, container.eventAttributes());
}

/** What its runtime's name means now: an administrator may have changed that. Throws when it means nothing any more. */
function presentRuntimeOptions(context: EngineContext, { hostConfig, runtime }: ContainerSettings) {
  const { name, options } = context.runtimes.choose(hostConfig.Runtime);
  if (name === runtime) return optionsMessage(options) ?? undefined;
  const message = `runtime ${hostConfig.Runtime}: ${name} drives it now, and ${runtime} when the container was created`;
  throw new ContainerError('failed-precondition', message);
}

async function releaseNetworks(context: EngineContext, container: Container): Promise<void> {
  const { network } = container.state;
  container.state.network = undefined;
  await context.networks.release(container, network, false);
}

/** FIFOs and the pump that reads them: there before the task, so that its first byte finds a reader. */
function openStdio(
  context: EngineContext,
  container: Container,
  directory: string,
  cleanup: CleanupStack,
  forwarder: LogForwarder | undefined,
): void {
  disposeAside(directory, context.log); // of an earlier run
  mkdirSync(directory, { mode: 0o700 });
  cleanup.defer(`directory ${directory}`, () => disposeAside(directory, context.log));
  const streams = outputStreams(container);
  makeOutputFifos(directory, streams);
  if (container.settings.config.OpenStdin) makeFifo(join(directory, 'stdin'), 0o600);
  adoptStdio(context, container, forwarder);
  cleanup.defer('output pump', () => {
    container.run?.pump.close();
    container.run?.stdin?.destroy();
    container.run = undefined;
  });
}

function newForwarder(context: EngineContext, { settings }: Container): LogForwarder | undefined {
  return forwarderOf(settings.hostConfig.LogConfig, loggedContainer(settings), context.log);
}

function loggedContainer({ id, name, imageId, config, args, created }: ContainerSettings): LoggedContainer {
  const { Image: imageName, Labels: labels, Env } = config;
  return { id, name, imageId, imageName, labels, env: Env ?? [], args, created };
}

/** A container whose logs nobody takes does not start, unless it asked to. */
async function openForwarder(
  context: EngineContext,
  container: Container,
  cleanup: CleanupStack,
): Promise<LogForwarder | undefined> {
  const forwarder = newForwarder(context, container);
  cleanup.defer('log forwarder', () => forwarder?.close());
  if (isAsynchronous(container.settings.hostConfig.LogConfig)) forwarder?.begin();
  else
    await forwarder?.open().catch((error) => {
      const message = `failed to initialize logging driver: ${errorMessageOf(error)}`;
      throw new ContainerError('failed-precondition', message, { cause: error });
    });
  return forwarder;
}

/** After a restart of the engine the container runs already. */
function adoptedForwarder(context: EngineContext, container: Container): LogForwarder | undefined {
  const forwarder = newForwarder(context, container);
  forwarder?.begin();
  return forwarder;
}

function outputStreams(container: Container): OutputName[] {
  return container.settings.config.Tty ? ['stdout'] : ['stdout', 'stderr'];
}

/** Opens the engine's ends of FIFOs that are there, also after a restart of the engine. */
export function adoptStdio(context: EngineContext, container: Container, forwarder?: LogForwarder): void {
  const directory = context.paths.containerRun(container.id);
  const { LogConfig } = container.settings.hostConfig;
  const options = logFileOptions(LogConfig);
  const attributes =
    LogConfig.Type === 'json-file' ? fileAttributes(LogConfig.Config, loggedContainer(container.settings)) : undefined;
  const path = context.paths.logFile(container.id);
  const logFile = options === undefined ? undefined : { path, ...options, attributes };
  const pump = new OutputPump({
    directory,
    streams: outputStreams(container),
    logFile,
    forwarder: forwarder ?? adoptedForwarder(context, container),
    log: context.log,
    deliver: (stream, piece) => container.hub.deliver(stream, piece),
  });
  container.hub.onDrain = () => pump.resume();
  const stdin = container.settings.config.OpenStdin ? new StdinPipe(join(directory, 'stdin')) : undefined;
  container.openRun({ pump, stdin, hasExited: false });
}

/** Users as the container left them, devices and neighbours as they are now. */
async function renewSpec(context: EngineContext, container: Container): Promise<void> {
  const { settings } = container;
  const hasRun = container.state.startedAt !== zeroTime;
  container.rootfs ??= await snapshotMounts(context, settings);
  const files =
    (hasRun ? undefined : context.userFiles.get(settings.chainId)) ?? (await readSnapshotUserFiles(container.rootfs));
  writeContainerFiles(context.paths.containerData(settings.id), settings, context.networks.files.resolver(settings));
  const built = specOf(context, settings, files, true, await deviceEditsOf(context, settings));
  await updateRecord(context, settings, built);
  container.user = built.user;
}

/** Kills what still runs of it and deletes it; nothing when there is none. */
export async function deleteTask(context: EngineContext, id: string): Promise<void> {
  const { tasks } = context.client;
  for (let tries = 0; ; tries++) {
    try {
      await tasks.Delete({ containerId: id });
      return;
    } catch (error) {
      if (isNotFound(error)) return;
      if (tries >= maxDeleteTries) throw error;
      await tasks
        .Kill({ containerId: id, execId: '', signal: 9, all: true })
        .catch((failure) => context.log.debug({ id, err: errorMessageOf(failure) }, 'kill before delete'));
      await new Promise((resolve) => setTimeout(resolve, deleteRetryMs * (tries + 1)));
    }
  }
}

const maxDeleteTries = 8;
const deleteRetryMs = 20;

/** The container is `created` or `exited` again, and says why; the error is in docker's words. */
async function recordFailure(context: EngineContext, container: Container, cause: unknown): Promise<ContainerError> {
  const { state, settings } = container;
  const { error, exitCode } = startFailure('failed to create task for container', settings.args[0] ?? '', cause);
  const hasRunBefore = state.finishedAt !== zeroTime;
  Object.assign(state, { status: hasRunBefore ? 'exited' : 'created', pid: 0, exitCode, error: error.message });
  if (!hasRunBefore) state.startedAt = zeroTime;
  await context.store.updateState(container.id, state);
  container.hub.endAll();
  return error;
}
