// Networks over REST: list, inspect, create, remove, connect, disconnect, prune.
import { ContainerError } from '@tscontainer/core/errors';
import type { FastifyInstance } from 'fastify';
import type { Container } from '../../containers/container.ts';
import type { EngineContext } from '../../containers/engine-context.ts';
import { parseRfc3339, parseTimestamp } from '../../go-time.ts';
import { decodeObject, readJson, type Schema } from '../../http/json-body.ts';
import { type Filters, type Query, queryFilters, queryText } from '../../http/query.ts';
import type { NetworkRecord } from '../../networks/network-record.ts';
import { decodeEndpointRequest, decodeNetworkRequest } from '../../networks/network-request.ts';
import { networkView } from '../../networks/network-views.ts';
import { pruned } from '../prune.ts';

interface ById {
  Params: { id: string };
  Querystring: Query;
}

export const connectSchema: Schema = { Container: 'string', EndpointConfig: 'any' };
export const disconnectSchema: Schema = { Container: 'string', Force: 'bool' };
export const networkListFilters = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type'];
export const networkPruneFilters = ['until', 'label', 'label!'];

export function registerNetworkRoutes(app: FastifyInstance, context: EngineContext): void {
  const { networks } = context;
  const { manager } = networks;

  const isUsed = (record: NetworkRecord) => manager.usersOf(record.id).length > 0;

  app.get<{ Querystring: Query }>('/networks', async (request) => {
    const filters = queryFilters(request.query, networkListFilters);
    checkListFilters(filters);
    return manager
      .list()
      .filter((record) => isListed(record, filters, isUsed(record)))
      .map((record) => networkView(record, undefined));
  });

  app.get<ById>('/networks/:id', async (request) => {
    const scope = queryText(request.query, 'scope') ?? '';
    const record = manager.find(request.params.id);
    if (scope !== '' && scope !== 'local')
      throw new ContainerError('not-found', `network ${request.params.id} not found`);
    return networkView(record, context.index.values());
  });

  app.post('/networks/create', async (request, reply) => {
    const record = await manager.create(decodeNetworkRequest(await readJson(request.raw)));
    return reply.code(201).send({ Id: record.id, Warning: '' });
  });

  app.delete<ById>('/networks/:id', async (request, reply) => {
    await manager.remove(request.params.id);
    return reply.code(204).send();
  });

  const commitOf = (container: Container) => () => context.store.update(container.settings, container.state);

  app.post<ById>('/networks/:id/connect', async (request, reply) => {
    const body = decodeObject(connectSchema, (await readJson(request.raw)) ?? {}, 'NetworkConnect');
    const endpoint = decodeEndpointRequest(body['EndpointConfig'], 'EndpointConfig');
    const record = manager.find(request.params.id);
    const container = context.index.find(String(body['Container'] ?? ''));
    await container.queue.run(() => networks.connect(container, record, endpoint, commitOf(container)));
    return reply.code(200).send();
  });

  app.post<ById>('/networks/:id/disconnect', async (request, reply) => {
    const body = decodeObject(disconnectSchema, (await readJson(request.raw)) ?? {}, 'NetworkDisconnect');
    const record = manager.find(request.params.id);
    const name = String(body['Container'] ?? '');
    const container = body['Force'] === true ? context.index.tryFind(name) : context.index.find(name);
    if (container === undefined) throw new ContainerError('not-found', `endpoint ${name} not found`);
    await container.queue.run(() => networks.disconnect(container, record, commitOf(container)));
    return reply.code(200).send();
  });

  app.post<{ Querystring: Query }>('/networks/prune', async (request) => {
    const filters = queryFilters(request.query, networkPruneFilters);
    const until = filters.get('until').map((text) => parseTimestamp('until', text) ?? 0n);
    const removed: string[] = [];
    for (const record of manager.list()) {
      const isOld = until.every((time) => (parseRfc3339(record.created) ?? 0n) < time);
      // a stopped container's network is not in use, as docker sees it
      if (
        record.isPredefined ||
        record.isConfigOnly === true ||
        isUsed(record) ||
        !isOld ||
        !filters.matchesLabels(record.labels)
      )
        continue;
      if (await pruned(context.log, record.name, manager.remove(record.id))) removed.push(record.name);
    }
    context.events.publish('network', 'prune', '', { reclaimed: '0' });
    return { NetworksDeleted: removed.length === 0 ? null : removed };
  });
}

function checkListFilters(filters: Filters): void {
  for (const type of filters.get('type'))
    if (type !== 'builtin' && type !== 'custom')
      throw new ContainerError('invalid-argument', `invalid filter: 'type'='${type}'`);
  for (const scope of filters.get('scope'))
    if (!['local', 'swarm', 'global'].includes(scope))
      throw new ContainerError('invalid-argument', `invalid filter: 'scope'='${scope}'`);
  if (filters.get('dangling').length > 1)
    throw new ContainerError('invalid-argument', 'got more than one value for filter key "dangling"');
}

function isListed(record: NetworkRecord, filters: Filters, isUsed: boolean): boolean {
  const dangling = filters.bool('dangling');
  return (
    filters.matches('name', (text) => record.name.includes(text)) &&
    filters.matches('id', (text) => record.id.startsWith(text)) &&
    filters.matches('driver', (text) => record.driver === text) &&
    filters.matches('scope', (text) => text === 'local') &&
    filters.matches('type', (text) => (text === 'builtin') === record.isPredefined) &&
    filters.matchesLabels(record.labels) &&
    (dangling === undefined || dangling === (!record.isPredefined && !isUsed))
  );
}
