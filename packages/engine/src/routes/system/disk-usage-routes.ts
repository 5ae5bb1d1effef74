// GET /system/df: what images, containers and volumes take on disk, and which of it is in use; and the build cache, of
// which there is none, so that a prune of everything has nothing to free there.
import { ContainerError } from '@tscontainer/core/errors';
import type { FastifyInstance } from 'fastify';
import { sizesOf } from '../../containers/container-list.ts';
import { listView } from '../../containers/container-views.ts';
import type { EngineContext } from '../../containers/engine-context.ts';
import type { Query } from '../../http/query.ts';
import { type CatalogImage, isIntermediate, parentIdsOf } from '../../images/image-catalog.ts';
import type { ImageManager } from '../../images/image-manager.ts';
import { sharedSize, toSummary, usersOfImages } from '../../images/image-views.ts';
import { volumeView } from '../volumes/volume-routes.ts';

export const diskUsageKinds = ['container', 'image', 'volume', 'build-cache'];

export function registerDiskUsageRoutes(app: FastifyInstance, context: EngineContext, images: ImageManager): void {
  app.get<{ Querystring: Query }>('/system/df', async (request) => {
    const wanted = wantedKinds(request.query);
    return {
      ...(wanted.has('image')
        ? await imagesView(context, images, request.apiVersion)
        : { LayersSize: 0, Images: null }),
      Containers: wanted.has('container') ? await containersView(context, images) : null,
      Volumes: wanted.has('volume') ? await volumesView(context) : null,
      BuildCache: wanted.has('build-cache') ? [] : null,
      BuilderSize: 0,
    };
  });
}

/** Throws invalid-argument; none named means all. */
function wantedKinds({ type = [] }: Query): Set<string> {
  const named = (Array.isArray(type) ? type : [type]).filter((kind) => kind !== '');
  for (const kind of named)
    if (!diskUsageKinds.includes(kind)) throw new ContainerError('invalid-argument', `unknown object type: ${kind}`);
  return new Set(named.length === 0 ? diskUsageKinds : named);
}

async function imagesView(context: EngineContext, images: ImageManager, apiVersion: string): Promise<object> {
  const all = await images.catalog.all();
  const parents = parentIdsOf(all);
  const users = usersOfImages(context.index.values());
  return {
    LayersSize: layersSize(all),
    Images: all
      .filter((image) => !isIntermediate(image, parents))
      .map((image) => ({
        ...toSummary(image, apiVersion),
        Containers: users.get(image.details.id) ?? 0,
        SharedSize: sharedSize(image, all),
      })),
  };
}

/** Each layer once. */
function layersSize(all: CatalogImage[]): number {
  const sizes = new Map(
    all.flatMap(({ details }) => details.chainIds.map((id, index) => [id, details.layerSizes[index] ?? 0] as const)),
  );
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

async function containersView(context: EngineContext, images: ImageManager): Promise<object[]> {
  const sizes = new Map((await images.catalog.all()).map(({ details }) => [details.id, details.layerSizes] as const));
  const newestFirst = context.index.values().sort((a, b) => (a.settings.created < b.settings.created ? 1 : -1));
  return Promise.all(
    newestFirst.map(async (container) => {
      const layers = sizes.get(container.settings.imageId) ?? [];
      const imageBytes = layers.reduce((sum, size) => sum + size, 0);
      return listView(container, await sizesOf(context.client, container, imageBytes));
    }),
  );
}

function volumesView({ volumes }: EngineContext): Promise<object[]> {
  return Promise.all(
    volumes.list().map(async (volume) => ({
      ...volumeView(volumes, volume),
      UsageData: { Size: await volumes.size(volume.name), RefCount: volumes.usersOf(volume.name).length },
    })),
  );
}
