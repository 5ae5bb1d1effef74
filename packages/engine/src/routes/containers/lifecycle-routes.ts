// POST and DELETE on containers: create, start, stop, restart, kill, pause, rename, wait, remove, prune.
import { ContainerError, errorCodeOf, errorMessageOf, isNotFound } from '@tscontainer/core/errors';
import type { FastifyInstance } from 'fastify';
import type { Container } from '../../containers/container.ts';
import { createContainer } from '../../containers/container-creator.ts';
import { sizesOf } from '../../containers/container-list.ts';
import { killContainer, pauseContainer, stopContainer, unpauseContainer } from '../../containers/container-stopper.ts';
import { decodeCreateRequest } from '../../containers/create-request.ts';
import type { EngineContext } from '../../containers/engine-context.ts';
import { removeOnRequest } from '../../containers/requested-removal.ts';
import { restartOnRequest, startOnRequest } from '../../containers/requested-start.ts';
import { parseRfc3339 } from '../../go-time.ts';
import { notModified } from '../../http/http-status.ts';
import { readBody, readJson } from '../../http/json-body.ts';
import { openJsonLines } from '../../http/ndjson.ts';
import { type Query, queryBool, queryFilters, queryInt, queryText } from '../../http/query.ts';
import { parseUntil } from '../../images/image-list.ts';
import { pruned } from '../prune.ts';

interface ById {
  Params: { id: string };
  Querystring: Query;
}

export const waitConditions = ['not-running', 'next-exit', 'removed'];
export const containerPruneFilters = ['until', 'label', 'label!'];

export function registerLifecycleRoutes(app: FastifyInstance, context: EngineContext): void {
  const find = (id: string) => context.index.find(id);

  app.post<{ Querystring: Query }>('/containers/create', async (request, reply) => {
    const decoded = decodeCreateRequest(await readJson(request.raw));
    const { container, warnings } = await createContainer(
      context,
      decoded,
      queryText(request.query, 'name') || undefined,
      queryText(request.query, 'platform') || undefined,
    );
    return reply.code(201).send({ Id: container.id, Warnings: warnings });
  });

  app.post<ById>('/containers/:id/start', async (request, reply) => {
    const body = await readBody(request.raw);
    // HostConfig in start's body was removed in 1.24: whoever sends it must not believe it was heeded
    if (body.length > 7)
      throw new ContainerError(
        'invalid-argument',
        'starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24',
      );
    await startOnRequest(context, find(request.params.id));
    return reply.code(204).send();
  });

  app.post<ById>('/containers/:id/stop', async (request, reply) => {
    const hasStopped = await stopContainer(context, find(request.params.id), stopOptions(request.query));
    if (!hasStopped) throw notModified('container is not running');
    return reply.code(204).send();
  });

  app.post<ById>('/containers/:id/restart', async (request, reply) => {
    await restartOnRequest(context, find(request.params.id), stopOptions(request.query));
    return reply.code(204).send();
  });

  app.post<ById>('/containers/:id/kill', async (request, reply) => {
    await killContainer(context, findToKill(find, request.params.id), queryText(request.query, 'signal') || 'SIGKILL');
    return reply.code(204).send();
  });

  app.post<ById>('/containers/:id/pause', async (request, reply) => {
    await pauseContainer(context, find(request.params.id));
    return reply.code(204).send();
  });

  app.post<ById>('/containers/:id/unpause', async (request, reply) => {
    await unpauseContainer(context, find(request.params.id));
    return reply.code(204).send();
  });

  app.post<ById>('/containers/:id/rename', async (request, reply) => {
    const container = find(request.params.id);
    const name = (queryText(request.query, 'name') ?? '').replace(/^\//, '');
    await container.queue.run(() => rename(context, container, name));
    return reply.code(204).send();
  });

  app.post<ById>('/containers/:id/wait', async (request, reply) => {
    const container = find(request.params.id);
    const condition = queryText(request.query, 'condition') || 'not-running';
    if (!waitConditions.includes(condition))
      throw new ContainerError('invalid-argument', `invalid condition: ${JSON.stringify(condition)}`);
    const lines = openJsonLines(request, reply);
    const isOver =
      condition === 'not-running' &&
      !container.isRunning &&
      container.state.status !== 'restarting' &&
      container.starting === undefined;
    const result = isOver
      ? container.exitResult
      : await container.waitFor(condition === 'removed' ? 'removed' : 'next-exit', lines.signal);
    lines.end(
      result && {
        StatusCode: result.exitCode,
        ...(result.error === '' ? {} : { Error: { Message: result.error } }),
      },
    );
  });

  app.delete<ById>('/containers/:id', async (request, reply) => {
    const container = find(request.params.id);
    if (queryBool(request.query, 'link'))
      throw new ContainerError('invalid-argument', 'a link does not go alone: this engine removes containers');
    await removeOnRequest(context, container, {
      isForced: queryBool(request.query, 'force'),
      removesVolumes: queryBool(request.query, 'v'),
    });
    return reply.code(204).send();
  });

  app.post<{ Querystring: Query }>('/containers/prune', async (request) => prune(context, request.query));
}

function stopOptions(query: Query): { timeoutSeconds: number | undefined; signal: string | undefined } {
  return { timeoutSeconds: queryInt(query, 't'), signal: queryText(query, 'signal') };
}

function findToKill(find: (id: string) => Container, id: string): Container {
  try {
    return find(id);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new ContainerError('not-found', `cannot kill container: ${id}: ${errorMessageOf(error)}`, { cause: error });
  }
}

function reserveAnew(context: EngineContext, name: string, id: string): void {
  try {
    context.index.reserve(name, id);
  } catch (error) {
    throw new ContainerError(errorCodeOf(error), `Error when allocating new name: ${errorMessageOf(error)}`, {
      cause: error,
    });
  }
}

/** In the container's queue: neither a removal nor another change of its settings comes in between. */
async function rename(context: EngineContext, container: Container, name: string): Promise<void> {
  if (container.isDestroyed) throw new ContainerError('not-found', `No such container: ${container.id}`);
  if (name === '') throw new ContainerError('invalid-argument', 'Neither old nor new names may be empty');
  const old = container.name;
  if (name === old)
    throw new ContainerError('invalid-argument', 'Renaming a container with the same name as its current name');
  reserveAnew(context, name, container.id);
  const settings = { ...container.settings, name };
  try {
    await context.store.updateSettings(settings);
  } catch (error) {
    context.index.release(name);
    throw error;
  }
  container.settings = settings;
  context.index.release(old);
  context.networks.renamed(container);
  context.events.publish('container', 'rename', container.id, container.eventAttributes({ oldName: `/${old}` }));
}

async function prune(context: EngineContext, query: Query): Promise<object> {
  const filters = queryFilters(query, containerPruneFilters);
  const until = filters.get('until').map((text) => BigInt(Math.round(parseUntil(text) * 1000)) * 1_000_000n);
  const deleted: string[] = [];
  let bytes = 0;
  for (const container of context.index.values()) {
    const { settings, state } = container;
    if (!['created', 'exited', 'dead'].includes(state.status)) continue;
    if (
      !until.every((time) => (parseRfc3339(settings.created) ?? 0n) < time) ||
      !filters.matchesLabels(settings.config.Labels)
    )
      continue;
    const { SizeRw } = await sizesOf(context.client, container, 0);
    const removal = removeOnRequest(context, container, { isForced: false, removesVolumes: false });
    if (!(await pruned(context.log, container.id, removal))) continue;
    bytes += SizeRw;
    deleted.push(container.id);
  }
  context.events.publish('container', 'prune', '', { reclaimed: String(bytes) });
  return { ContainersDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: bytes };
}
