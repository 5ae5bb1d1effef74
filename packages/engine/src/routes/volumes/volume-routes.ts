// Volumes, of the local driver and of plugins.
import { ContainerError } from '@tscontainer/core/errors';
import type { FastifyInstance } from 'fastify';
import type { EngineContext } from '../../containers/engine-context.ts';
import { isAtLeast } from '../../http/api-version.ts';
import { decodeObject, readJson, requiredBody, type Schema } from '../../http/json-body.ts';
import { type Query, queryBool, queryFilters, queryText } from '../../http/query.ts';
import { cloneVolume, renameVolume } from '../../volumes/volume-copies.ts';
import { driverOf, localDriver, type Volume, type VolumeManager } from '../../volumes/volume-manager.ts';
import { pruned } from '../prune.ts';

export const volumeCreateSchema: Schema = {
  Name: 'string',
  Driver: 'string',
  DriverOpts: 'stringMap',
  Labels: 'stringMap',
  ClusterVolumeSpec: 'any',
};

export const volumeListFilters = ['dangling', 'driver', 'label', 'name'];
export const volumePruneFilters = ['label', 'label!', 'all'];

export function volumeView(volumes: VolumeManager, volume: Volume): object {
  return {
    CreatedAt: volume.createdAt.replace(/\.\d+Z$/, 'Z'),
    Driver: driverOf(volume),
    Labels: volume.labels,
    Mountpoint: volumes.mountpoint(volume.name),
    Name: volume.name,
    Options: volume.options ?? null,
    Scope: volume.scope ?? 'local',
  };
}

/** With what its plugin says; the record alone when the plugin is gone. */
async function describedView(volumes: VolumeManager, volume: Volume): Promise<object> {
  const said = await volumes.describe(volume).catch(() => undefined);
  const view = volumeView(volumes, volume);
  return said?.Status ? { ...view, Status: said.Status } : view;
}

export function registerVolumeRoutes(app: FastifyInstance, context: EngineContext): void {
  const { volumes } = context;
  app.get<{ Querystring: Query }>('/volumes', async (request) => {
    const filters = queryFilters(request.query, volumeListFilters);
    const dangling = filters.bool('dangling');
    const selected = volumes
      .list()
      .filter(
        (volume) =>
          filters.matches('name', (text) => volume.name.includes(text)) &&
          filters.matches('driver', (text) => text === driverOf(volume)) &&
          filters.matchesLabels(volume.labels),
      )
      .filter((volume) => dangling === undefined || dangling === (volumes.usersOf(volume.name).length === 0));
    return { Volumes: selected.map((volume) => volumeView(volumes, volume)), Warnings: null };
  });

  app.post('/volumes/create', async (request, reply) => {
    const body = decodeObject(volumeCreateSchema, requiredBody(await readJson(request.raw)), 'VolumeCreate') as {
      Name?: string;
      Driver?: string;
      DriverOpts?: Record<string, string>;
      Labels?: Record<string, string>;
      ClusterVolumeSpec?: unknown;
    };
    if (body.ClusterVolumeSpec !== undefined)
      throw new ContainerError('invalid-argument', 'ClusterVolumeSpec: this engine has no clusters');
    const name = body.Name || volumes.newName();
    const driverOptions = Object.keys(body.DriverOpts ?? {}).length === 0 ? null : (body.DriverOpts ?? null);
    const options = { labels: body.Labels ?? null, isAnonymous: !body.Name, driverOptions, driver: body.Driver };
    const volume = await volumes.ensure(name, options);
    return reply.code(201).send(volumeView(volumes, volume));
  });

  app.get<{ Params: { name: string } }>('/volumes/:name', async (request) =>
    describedView(volumes, volumes.get(request.params.name)),
  );

  app.put('/volumes/:name', async () => {
    throw new ContainerError('unavailable', 'volume update only valid for cluster volumes, but swarm is unavailable', {
      reason: 'no-swarm',
    });
  });

  app.delete<{ Params: { name: string }; Querystring: Query }>('/volumes/:name', async (request, reply) => {
    await volumes.remove(request.params.name, queryBool(request.query, 'force'));
    return reply.code(204).send();
  });

  app.post<{ Querystring: Query }>('/volumes/prune', async (request) => {
    const filters = queryFilters(request.query, volumePruneFilters);
    // since 1.42 only anonymous ones, unless all are asked for
    const takesNamed = filters.bool('all') ?? !isAtLeast(request.apiVersion, '1.42');
    const deleted: string[] = [];
    let bytes = 0;
    for (const volume of volumes.list()) {
      if (
        volumes.usersOf(volume.name).length > 0 ||
        // what a plugin keeps is not this machine's to free
        driverOf(volume) !== localDriver ||
        (!takesNamed && !volume.isAnonymous) ||
        // what it shows is mounted from elsewhere
        Object.keys(volume.options ?? {}).length > 0 ||
        !filters.matchesLabels(volume.labels)
      )
        continue;
      const size = await volumes.size(volume.name);
      const isGone = await pruned(context.log, volume.name, volumes.remove(volume.name, false));
      if (!isGone) continue;
      bytes += size;
      deleted.push(volume.name);
    }
    context.events.publish('volume', 'prune', '', { reclaimed: String(bytes) });
    return { VolumesDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: bytes };
  });

  // not Docker's: asked for there since 2016 (moby #31154)
  app.post<{ Params: { name: string }; Querystring: Query }>('/volumes/:name/rename', async (request) => {
    const target = queryText(request.query, 'name') ?? '';
    return volumeView(volumes, await renameVolume(context, request.params.name, target));
  });

  app.post<{ Params: { name: string }; Querystring: Query }>('/volumes/:name/clone', async (request, reply) => {
    const { name } = request.params;
    const target = queryText(request.query, 'name') || volumes.newName();
    const labels = queryBool(request.query, 'snapshot') ? { [snapshotLabel]: name } : {};
    const volume = await cloneVolume(context, name, target, labels);
    return reply.code(201).send(volumeView(volumes, volume));
  });
}

/** On a snapshot: the volume that it was taken of. */
const snapshotLabel = 'tscontainer.volume/snapshot-of';
