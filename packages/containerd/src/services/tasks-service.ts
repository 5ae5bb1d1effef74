// containerd.services.tasks.v1.Tasks: reads requests, asks the task manager, answers in containerd's messages.
import { ContainerError, errorMessageOf, isNotFound } from '@tscontainer/core/errors';
import { checkIdentifier } from '@tscontainer/core/ids';
import { startedKey, startKey } from '@tscontainer/platform/call-context';
import { loadService } from '@tscontainer/platform/contract-loader';
import type * as contract from '@tscontainer/platform/contracts/containerd/services/tasks/v1/tasks';
import type { StateResponse } from '@tscontainer/platform/contracts/containerd/task/v2/task';
import type { HandlersOf } from '@tscontainer/platform/contracts/message-forms';
import type { CallContext, ServedService } from '@tscontainer/platform/grpc-server';
import type { Daemon } from '../daemon.ts';
import { compileFilters } from '../filters/filter.ts';
import { now } from '../metadata/timestamp.ts';
import type { TaskCheckpoints } from '../tasks/task-checkpoints.ts';
import type { CreateTask } from '../tasks/task-creator.ts';
import { required, scopeOf } from './request-fields.ts';

/** A shim that does not answer must not keep a list from its caller. */
const stateTimeoutMs = 5000;

const empty = {};

const namespaceOf = (context: CallContext) => scopeOf(context).namespace;

export function tasksService(
  daemon: Pick<Daemon, 'containers' | 'log' | 'tasks'>,
  checkpoints: TaskCheckpoints,
): ServedService {
  const { containers, log, tasks } = daemon;

  async function processOf(namespace: string, containerId: string, execId: string) {
    const state = await tasks.call(namespace, containerId, 'State', { execId }, { timeoutMs: stateTimeoutMs });
    return toProcess(containerId, execId, state);
  }

  /** A task that is deleted meanwhile, or whose shim does not answer, is left out. */
  async function each<T>(namespace: string, ids: string[], read: (id: string) => Promise<T>): Promise<T[]> {
    const results = await Promise.allSettled(ids.map(read));
    return results.flatMap((result, index) => {
      if (result.status === 'fulfilled') return [result.value];
      if (!isNotFound(result.reason))
        log.warn({ namespace, id: ids[index], err: errorMessageOf(result.reason) }, 'task does not answer');
      return [];
    });
  }

  async function createFrom(namespace: string, task: CreateTask, checkpoint: string) {
    const { id } = task.container;
    try {
      return { containerId: id, pid: await tasks.create(namespace, { ...task, checkpoint }) };
    } catch (error) {
      await checkpoints.release(namespace, id);
      throw error;
    }
  }

  const handlers: HandlersOf<contract.Tasks> = {
    Create: async (request, context) => {
      const namespace = namespaceOf(context);
      const container = containers.get(namespace, request.containerId);
      const { rootfs, stdin, stdout, stderr, terminal, options } = request;
      const task = { container, rootfs, stdin, stdout, stderr, terminal, options };
      tasks.checkFree(namespace, container.id); // an image that another one waits for must stay
      const checkpoint = await checkpoints.give(namespace, container.id, options, request.checkpoint);
      if (checkpoint !== '') return createFrom(namespace, task, checkpoint);
      const isStarted = context.metadata?.(startKey) === '1';
      const pid = await tasks.create(namespace, { ...task, isStarted });
      if (isStarted) context.addTrailer?.(startedKey, String(pid));
      return { containerId: request.containerId, pid };
    },
    Start: async ({ containerId, execId }, context) => {
      const namespace = namespaceOf(context);
      const pid = await tasks.startProcess(namespace, containerId, execId);
      if (execId === '') await checkpoints.release(namespace, containerId);
      return { pid };
    },
    Delete: async ({ containerId }, context) => {
      const namespace = namespaceOf(context);
      const exit = await tasks.delete(namespace, containerId);
      await checkpoints.release(namespace, containerId);
      return { id: '', ...exit }; // as containerd leaves it
    },
    DeleteProcess: async ({ containerId, execId }, context) => ({
      id: execId,
      ...(await tasks.deleteExec(namespaceOf(context), containerId, execId)),
    }),
    Get: async ({ containerId, execId }, context) => ({
      process: await processOf(namespaceOf(context), containerId, execId),
    }),
    List: async (_request, context) => {
      const namespace = namespaceOf(context);
      return { tasks: await each(namespace, tasks.list(namespace), (id) => processOf(namespace, id, '')) };
    },
    Kill: async ({ containerId, execId, signal, all }, context) => {
      await tasks.call(namespaceOf(context), containerId, 'Kill', { execId, signal, all });
      return empty;
    },
    Exec: async ({ containerId, execId, stdin, stdout, stderr, terminal, spec }, context) => {
      if (execId === '') throw new ContainerError('invalid-argument', 'exec id cannot be empty');
      checkIdentifier(`invalid exec id ${execId}: `, execId); // it becomes part of paths
      const request = { execId, stdin, stdout, stderr, terminal, spec: required(spec, 'spec') };
      const isStarted = context.metadata?.(startKey) === '1';
      const pid = await tasks.exec(namespaceOf(context), containerId, request, isStarted);
      if (isStarted) context.addTrailer?.(startedKey, String(pid));
      return empty;
    },
    ResizePty: async ({ containerId, execId, width, height }, context) => {
      await tasks.call(namespaceOf(context), containerId, 'ResizePty', { execId, width, height });
      return empty;
    },
    CloseIO: async ({ containerId, execId, stdin }, context) => {
      await tasks.call(namespaceOf(context), containerId, 'CloseIO', { execId, stdin });
      return empty;
    },
    Pause: async ({ containerId }, context) => {
      await tasks.call(namespaceOf(context), containerId, 'Pause', {});
      return empty;
    },
    Resume: async ({ containerId }, context) => {
      await tasks.call(namespaceOf(context), containerId, 'Resume', {});
      return empty;
    },
    ListPids: async ({ containerId }, context) => {
      const { processes } = await tasks.call(namespaceOf(context), containerId, 'Pids', {});
      return { processes };
    },
    Checkpoint: async ({ containerId, options }, context) => ({
      descriptors: await checkpoints.take(scopeOf(context), containerId, options),
    }),
    Update: async ({ containerId, resources, annotations }, context) => {
      await tasks.call(namespaceOf(context), containerId, 'Update', {
        resources: required(resources, 'resources'),
        annotations,
      });
      return empty;
    },
    Metrics: async ({ filters }, context) => {
      const namespace = namespaceOf(context);
      const isWanted = compileFilters(filters);
      const ids = tasks
        .list(namespace)
        .filter((id) => isWanted(([field]) => (field === 'id' ? id : field === 'namespace' ? namespace : undefined)));
      const metrics = await each(namespace, ids, async (id) => {
        const { stats } = await tasks.call(namespace, id, 'Stats', {}, { timeoutMs: stateTimeoutMs });
        return { timestamp: now(), id, data: stats };
      });
      return { metrics };
    },
    Wait: async ({ containerId, execId }, context) => {
      return tasks.wait(namespaceOf(context), containerId, execId, context.signal);
    },
  };
  return {
    definition: loadService('containerd/services/tasks/v1/tasks.proto', 'containerd.services.tasks.v1.Tasks'),
    handlers: { ...handlers },
  };
}

function toProcess(containerId: string, execId: string, state: StateResponse) {
  const { pid, status, stdin, stdout, stderr, terminal, exitStatus, exitedAt } = state;
  return { containerId, id: execId || state.id, pid, status, stdin, stdout, stderr, terminal, exitStatus, exitedAt };
}
