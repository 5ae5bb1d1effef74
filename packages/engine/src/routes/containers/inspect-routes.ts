// GET on containers: list, inspect, top, changes of settings by update, resize of the terminal.
import { ContainerError } from '@tscontainer/core/errors';
import type { FastifyInstance } from 'fastify';
import type { Container } from '../../containers/container.ts';
import { type HostConfig, resourcesSchema, toHostConfig } from '../../containers/container-config.ts';
import { containerFilters, selectContainers, sizesOf } from '../../containers/container-list.ts';
import { checkNotRestarting } from '../../containers/container-stopper.ts';
import { inspectView, listView, type Sizes } from '../../containers/container-views.ts';
import type { EngineContext } from '../../containers/engine-context.ts';
import { checkHostConfig } from '../../containers/host-config-rules.ts';
import { listProcesses } from '../../containers/process-list.ts';
import { limitsOf } from '../../containers/spec-resources.ts';
import { decodeObject, readJson, requiredBody, type Schema } from '../../http/json-body.ts';
import { type Query, queryBool, queryFilters, queryInt, queryText } from '../../http/query.ts';
import { hasOwnNetwork } from '../../networks/network-modes.ts';
import { type PortBindings, withBindings, withoutBindings } from '../../networks/port-bindings.ts';

interface ById {
  Params: { id: string };
  Querystring: Query;
}

const resourcesTypeUrl = 'types.containerd.io/opencontainers/runtime-spec/1/LinuxResources';

export function registerInspectRoutes(app: FastifyInstance, context: EngineContext): void {
  app.get<{ Querystring: Query }>('/containers/json', async (request) => {
    const { query } = request;
    const filters = queryFilters(query, containerFilters);
    const limit = queryInt(query, 'limit');
    const ancestors = new Map<string, string>();
    for (const text of filters.get('ancestor')) {
      const image = await context.images.resolve(text).catch(() => undefined); // no such image: nothing descends from it
      if (image !== undefined) ancestors.set(text, image.id);
    }
    const selected = selectContainers(context.index, {
      showsAll: queryBool(query, 'all'),
      limit: limit !== undefined && limit > 0 ? limit : undefined,
      filters,
      ancestors,
    });
    if (!queryBool(query, 'size')) return selected.map((container) => listView(container, undefined));
    return Promise.all(selected.map(async (container) => listView(container, await sizes(context, container))));
  });

  app.get<ById>('/containers/:id/json', async (request) => {
    const container = context.index.find(request.params.id);
    return inspectView(
      context,
      container,
      queryBool(request.query, 'size') ? await sizes(context, container) : undefined,
    );
  });

  app.get<ById>('/containers/:id/top', async (request) => {
    const container = context.index.find(request.params.id);
    checkNotRestarting(container);
    if (!container.isRunning)
      throw new ContainerError('failed-precondition', `container ${container.id} is not running`);
    const { processes } = await context.client.tasks.ListPids({ containerId: container.id });
    context.events.publish('container', 'top', container.id, container.eventAttributes());
    return listProcesses(
      processes.map((process) => process.pid),
      queryText(request.query, 'ps_args'),
    );
  });

  app.post<ById>('/containers/:id/resize', async (request, reply) => {
    const container = context.index.find(request.params.id);
    const { width, height } = sizeOf(request.query);
    if (!container.isRunning)
      throw new ContainerError('failed-precondition', `container ${container.id} is not running`);
    // without a terminal there is nothing to resize, which docker does not call an error
    if (!container.settings.config.Tty) return reply.code(200).send();
    await context.client.tasks.ResizePty({ containerId: container.id, execId: '', width, height });
    context.events.publish(
      'container',
      'resize',
      container.id,
      container.eventAttributes({ height: String(height), width: String(width) }),
    );
    return reply.code(200).send();
  });

  app.post<ById>('/containers/:id/update', async (request) => {
    const container = context.index.find(request.params.id);
    const body = decodeObject(updateSchema, requiredBody(await readJson(request.raw)), 'UpdateConfig');
    const { PublishAdd, PublishRemove, ...limits } = body;
    const changesPorts = PublishAdd !== undefined || PublishRemove !== undefined;
    const changesLimits = Object.values(limits).some((value) => value !== 0 && value !== '' && value !== false);
    await container.queue.run(async () => {
      if (container.isDestroyed) throw new ContainerError('not-found', `No such container: ${container.id}`);
      const change = { add: (PublishAdd ?? {}) as PortBindings, remove: (PublishRemove ?? []) as string[] };
      if (changesPorts) await changePublished(context, container, change);
      if (changesLimits || !changesPorts) await update(context, container, limits);
    });
    return { Warnings: null };
  });
}

/** Throws invalid-argument without both. */
export function sizeOf(query: Query): { width: number; height: number } {
  const [width, height] = [queryInt(query, 'w'), queryInt(query, 'h')];
  if (width === undefined || height === undefined)
    throw new ContainerError('invalid-argument', 'resize: h and w are needed');
  return { width, height };
}

async function sizes(context: EngineContext, container: Container): Promise<Sizes> {
  const image = await context.images.resolve(container.settings.imageId).catch(() => undefined); // the image may be gone
  return sizesOf(context.client, container, image?.size ?? 0);
}

/** Ports beside the limits: an addition of this engine's, which docker has not. */
export const updateSchema: Schema = { ...resourcesSchema, PublishAdd: { map: 'any' }, PublishRemove: 'strings' };

/** A running container's other connections do not notice. */
async function changePublished(
  context: EngineContext,
  container: Container,
  change: { add: PortBindings; remove: string[] },
): Promise<void> {
  const { NetworkMode, PortBindings: present } = container.settings.hostConfig;
  if (!hasOwnNetwork(NetworkMode))
    throw new ContainerError('invalid-argument', `network mode ${NetworkMode}: the container has no ports to publish`);
  const bindings = withBindings(withoutBindings(present, change.remove), change.add);
  const commit = () => context.store.update(container.settings, container.state);
  await context.networks.changePorts(container, { bindings, commit });
  context.events.publish('container', 'update', container.id, container.eventAttributes());
}

const immutableAtUpdate = ['Devices', 'DeviceCgroupRules', 'DeviceRequests', 'Ulimits', 'CgroupParent'];

/** Zero values leave what is; the rest is in force at once and at every further start. */
async function update(context: EngineContext, container: Container, decoded: Record<string, unknown>): Promise<void> {
  for (const field of immutableAtUpdate) {
    const value = decoded[field];
    if (value !== undefined && value !== '' && (value as unknown[]).length > 0)
      throw new ContainerError('invalid-argument', `UpdateConfig.${field}: cannot be changed`);
  }
  const changes = Object.fromEntries(
    Object.entries(decoded).filter(
      ([, value]) => value !== 0 && value !== '' && value !== false && !(Array.isArray(value) && value.length === 0),
    ),
  );
  const policy = changes['RestartPolicy'] as HostConfig['RestartPolicy'] | undefined;
  if (policy !== undefined && !policy.Name) delete changes['RestartPolicy'];
  checkHostConfig(toHostConfig(changes), changes);
  const { Memory = 0, MemorySwap = 0 } = changes as Partial<HostConfig>;
  if (
    Memory > container.settings.hostConfig.MemorySwap &&
    MemorySwap === 0 &&
    container.settings.hostConfig.MemorySwap !== -1
  )
    throw new ContainerError(
      'failed-precondition',
      `Cannot update container ${container.id}: Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time`,
    );
  const hostConfig = toHostConfig({ ...container.settings.hostConfig, ...changes });
  checkHostConfig(hostConfig, changes);
  const settings = { ...container.settings, hostConfig };
  if (container.isRunning) {
    const resources = limitsOf(hostConfig);
    await context.client.tasks.Update({
      containerId: container.id,
      resources: { typeUrl: resourcesTypeUrl, value: Buffer.from(JSON.stringify(resources)) },
    });
  }
  await context.store.updateSettings(settings);
  container.settings = settings;
  container.isSpecCurrent = false;
  context.events.publish('container', 'update', container.id, container.eventAttributes());
}
