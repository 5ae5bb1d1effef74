// containerd.services.containers.v1.Containers.
import { loadService } from '@tscontainer/platform/contract-loader';
import type { CallContext, ServedService } from '@tscontainer/platform/grpc-server';
import type { Container } from '../containers/container-store.ts';
import type { Daemon } from '../daemon.ts';
import { type MaskedRequest, maskOf, required, scopeOf } from './request-fields.ts';

/** A deleted container may have been the last to keep its snapshot. */
const collectAfterMs = 30_000;

export function containersService({
  containers,
  publisher,
  collector,
}: Pick<Daemon, 'containers' | 'publisher' | 'collector'>): ServedService {
  return {
    definition: loadService(
      'containerd/services/containers/v1/containers.proto',
      'containerd.services.containers.v1.Containers',
    ),
    handlers: {
      Get: async ({ id }: { id: string }, context: CallContext) => ({
        container: containers.get(scopeOf(context).namespace, id),
      }),
      List: async ({ filters }: { filters: string[] }, context: CallContext) => ({
        containers: containers.list(scopeOf(context).namespace, filters),
      }),
      ListStream: async function* ({ filters }: { filters: string[] }, context: CallContext) {
        for (const container of containers.list(scopeOf(context).namespace, filters)) yield { container };
      },
      Create: async (request: { container: Container | null }, context: CallContext) => {
        const scope = scopeOf(context);
        const container = await containers.create(scope, required(request.container, 'container'));
        const { id, image, runtime } = container;
        publisher.publish(scope.namespace, '/containers/create', 'containerd.events.ContainerCreate', {
          id,
          image,
          runtime,
        });
        return { container };
      },
      Update: async (request: MaskedRequest & { container: Container | null }, context: CallContext) => {
        const scope = scopeOf(context);
        const container = await containers.update(scope, required(request.container, 'container'), maskOf(request));
        const { id, image, labels, snapshotKey } = container;
        publisher.publish(scope.namespace, '/containers/update', 'containerd.events.ContainerUpdate', {
          id,
          image,
          labels,
          snapshotKey,
        });
        return { container };
      },
      Delete: async ({ id }: { id: string }, context: CallContext) => {
        const scope = scopeOf(context);
        await containers.delete(scope, id);
        publisher.publish(scope.namespace, '/containers/delete', 'containerd.events.ContainerDelete', { id });
        collector.schedule(collectAfterMs);
        return {};
      },
    },
  };
}
