// After a start of the engine, or a lost event stream: finds what goes on and what ended, and tidies what was cut short.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { errorMessageOf, isNotFound } from '@tscontainer/core/errors';
import type { Process } from '@tscontainer/platform/contracts/containerd/v1/types/task';
import { nowNs, nsOfTimestamp } from '../go-time.ts';
import { unmountVolumes } from '../volumes/container-volumes.ts';
import { closeHeldMounts } from '../volumes/held-mounts.ts';
import { Container } from './container.ts';
import { deleteRecord } from './container-creator.ts';
import type { ExitHandler } from './container-exit.ts';
import { makeAgain } from './container-making.ts';
import { zeroTime } from './container-record.ts';
import { eraseContainer, removeContainer } from './container-remover.ts';
import { containerLabel } from './container-snapshot.ts';
import { adoptStdio, deleteTask } from './container-starter.ts';
import type { EngineContext } from './engine-context.ts';
import { readExitNote } from './exit-note.ts';
import { ownerLabel } from './spec-store.ts';

/** What docker gives an exit that nobody saw. */
const unknownExitCode = 255;

/** Once, before requests are served: the index, and the leftovers of operations that a crash cut short. */
export async function loadContainers(context: EngineContext): Promise<void> {
  for (const { settings, state } of context.store.loadAll()) context.index.add(new Container(settings, state));
  const { containers } = await context.client.containers.List({ filters: [] });
  const recorded = new Set(containers.map((container) => container.id));
  const prepared = await snapshotsOfOurs(context);
  for (const container of context.index.values()) {
    const hasRecord = recorded.has(container.id);
    const hasSnapshot =
      container.settings.snapshotter !== context.config.snapshotter || prepared.has(container.settings.snapshotKey);
    if (container.settings.isBuildStep) await endBuildStep(context, container);
    else if (container.state.startedAt === zeroTime && !(hasRecord && hasSnapshot)) makeAgain(context, container);
    // somebody else has removed the record: without it the container cannot be started again
    else if (!hasRecord) await finishRemoval(context, container);
  }
  for (const record of containers) {
    if (record.labels[ownerLabel] !== context.engineId || context.index.get(record.id) !== undefined) continue;
    context.log.info({ id: record.id }, 'removing what a creation or a removal that was cut short has left');
    await deleteTask(context, record.id);
    await deleteRecord(context, record.id);
  }
  await removeOrphanMounts(context);
  await removeOrphanSnapshots(context, prepared);
  removeOrphanDirectories(context);
}

async function finishRemoval(context: EngineContext, container: Container): Promise<void> {
  context.log.info({ id: container.id }, 'removing a container whose record is gone');
  await deleteTask(context, container.id).catch((error) =>
    context.log.warn({ id: container.id, err: errorMessageOf(error) }, 'task stays'),
  );
  await eraseContainer(context, container);
}

/** Nobody reads what a build prints whose engine was killed. */
async function endBuildStep(context: EngineContext, container: Container): Promise<void> {
  context.log.info({ id: container.id }, 'removing the container of a build that was cut short');
  await deleteTask(context, container.id);
  await unmountVolumes(context, container);
  container.state.status = 'exited';
  await removeContainer(context, container, { removesVolumes: true });
}

/** Container by the key of its snapshot. */
async function snapshotsOfOurs(context: EngineContext): Promise<Map<string, string>> {
  const { snapshotter } = context.config;
  const filters = [`labels."${ownerLabel}"==${context.engineId}`];
  const found = new Map<string, string>();
  for await (const { info } of context.client.snapshots.List({ snapshotter, filters })) {
    for (const { name, labels } of info)
      if (labels[containerLabel] !== undefined) found.set(name, labels[containerLabel]);
  }
  return found;
}

async function removeOrphanMounts(context: EngineContext): Promise<void> {
  const { allHeldMounts } = context.paths;
  if (!existsSync(allHeldMounts)) return;
  for (const id of readdirSync(allHeldMounts))
    if (context.index.get(id) === undefined) await closeHeldMounts(context, id);
}

async function removeOrphanSnapshots(context: EngineContext, found: Map<string, string>): Promise<void> {
  const { snapshotter } = context.config;
  for (const [key, id] of found) {
    if (context.index.get(id) !== undefined) continue;
    await context.client.snapshots.Remove({ snapshotter, key }).catch((error) => {
      if (!isNotFound(error)) context.log.warn({ snapshot: key, err: errorMessageOf(error) }, 'snapshot stays');
    });
  }
}

function removeOrphanDirectories(context: EngineContext): void {
  for (const directory of [context.paths.containers, context.paths.runs]) {
    if (!existsSync(directory)) continue;
    for (const id of readdirSync(directory)) {
      if (context.index.get(id) === undefined) rmSync(`${directory}/${id}`, { recursive: true, force: true });
    }
  }
}

/** Brings every container that counts as running in line with the tasks that there are. One's trouble keeps no other from it. */
export async function catchUp(context: EngineContext, exits: ExitHandler): Promise<void> {
  const { tasks } = await context.client.tasks.List({ filter: '' });
  const byContainer = new Map(tasks.map((task) => [task.containerId || task.id, task]));
  await Promise.all(
    context.index
      .values()
      .map((container) =>
        align(context, exits, container, byContainer.get(container.id)).catch((error) =>
          context.log.error({ id: container.id, err: errorMessageOf(error) }, 'container not taken over whole'),
        ),
      ),
  );
}

async function align(
  context: EngineContext,
  exits: ExitHandler,
  container: Container,
  task: Process | undefined,
): Promise<void> {
  // a start or an exit that is under way settles the matter itself
  if (container.starting !== undefined || container.run?.hasExited) return;
  if (!container.isRunning) {
    if (task !== undefined && container.run === undefined)
      container.taskGone = deleteTask(context, container.id).catch(() => undefined);
    if (container.state.status === 'restarting' && container.restartTimer === undefined) exits.restart(container);
    return;
  }
  try {
    if (container.run === undefined) adoptStdio(context, container);
  } catch (error) {
    context.log.warn({ id: container.id, err: errorMessageOf(error) }, 'stdio is gone');
  }
  if (task !== undefined && (task.status === 'RUNNING' || task.status === 'PAUSED' || task.status === 'PAUSING')) {
    container.state.pid = task.pid;
    container.state.status = task.status === 'RUNNING' ? 'running' : 'paused';
    await context.networks.adopt(container);
    return;
  }
  if (task?.status === 'CREATED') {
    context.log.warn({ id: container.id }, 'a start was cut short');
    await deleteTask(context, container.id);
  }
  const seen =
    task?.status === 'STOPPED'
      ? { exitCode: task.exitStatus, exitedAtNs: nsOfTimestamp(task.exitedAt) }
      : readExitNote(context.paths.containerRun(container.id));
  await exits.handle(container, seen ?? { exitCode: unknownExitCode, exitedAtNs: nowNs() });
}
