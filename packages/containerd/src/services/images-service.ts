// containerd.services.images.v1.Images.
import { loadService } from '@tscontainer/platform/contract-loader';
import type { CallContext, ServedService } from '@tscontainer/platform/grpc-server';
import type { Daemon } from '../daemon.ts';
import type { ImageInput, ImageTarget } from '../images/image-store.ts';
import type { Timestamp } from '../metadata/timestamp.ts';
import { type MaskedRequest, maskOf, required, scopeOf } from './request-fields.ts';

/** Content that an image no longer names is collected soon after. */
const collectAfterMs = 100;

interface WriteRequest {
  image: (Omit<ImageInput, 'target'> & { target: ImageTarget | null }) | null;
  sourceDateEpoch: Timestamp | null;
}

/** Refused by the store, in containerd's words. */
const noTarget: ImageTarget = { mediaType: '', digest: '', size: 0, annotations: {} };

function imageOf(request: WriteRequest): ImageInput {
  const image = required(request.image, 'image');
  return { ...image, target: image.target ?? noTarget };
}

export function imagesService({
  images,
  publisher,
  collector,
}: Pick<Daemon, 'images' | 'publisher' | 'collector'>): ServedService {
  const announce = (namespace: string, verb: 'create' | 'update' | 'delete', message: object) =>
    publisher.publish(
      namespace,
      `/images/${verb}`,
      `containerd.services.images.v1.Image${verb[0]?.toUpperCase()}${verb.slice(1)}`,
      message,
    );
  return {
    definition: loadService('containerd/services/images/v1/images.proto', 'containerd.services.images.v1.Images'),
    handlers: {
      Get: async ({ name }: { name: string }, context: CallContext) => ({
        image: images.get(scopeOf(context).namespace, name),
      }),
      List: async ({ filters }: { filters: string[] }, context: CallContext) => ({
        images: images.list(scopeOf(context).namespace, filters),
      }),
      Create: async (request: WriteRequest, context: CallContext) => {
        const scope = scopeOf(context);
        const image = await images.create(scope, imageOf(request), request.sourceDateEpoch ?? undefined);
        announce(scope.namespace, 'create', { name: image.name, labels: image.labels });
        return { image };
      },
      Update: async (request: WriteRequest & MaskedRequest, context: CallContext) => {
        const scope = scopeOf(context);
        const given = required(request.image, 'image');
        const target = given.target ?? images.get(scope.namespace, given.name).target;
        const image = await images.update(
          scope,
          { ...given, target },
          maskOf(request),
          request.sourceDateEpoch ?? undefined,
        );
        announce(scope.namespace, 'update', { name: image.name, labels: image.labels });
        collector.schedule(collectAfterMs);
        return { image };
      },
      Delete: async (request: { name: string; sync: boolean; target?: ImageTarget | null }, context: CallContext) => {
        const scope = scopeOf(context);
        await images.delete(scope, request.name, request.target?.digest);
        announce(scope.namespace, 'delete', { name: request.name });
        if (request.sync) await collector.run();
        else collector.schedule(collectAfterMs);
        return {};
      },
    },
  };
}
