// containerd.services.namespaces.v1.Namespaces.
import { loadService } from '@tscontainer/platform/contract-loader';
import type { CallContext, ServedService } from '@tscontainer/platform/grpc-server';
import type { Daemon } from '../daemon.ts';
import type { Namespace } from '../namespaces/namespace-store.ts';
import { type MaskedRequest, maskOf, required } from './request-fields.ts';

export function namespacesService({ namespaces, publisher }: Pick<Daemon, 'namespaces' | 'publisher'>): ServedService {
  const announce = (name: string, verb: 'create' | 'update' | 'delete', message: object) =>
    publisher.publish(
      name,
      `/namespaces/${verb}`,
      `containerd.events.Namespace${verb[0]?.toUpperCase()}${verb.slice(1)}`,
      message,
    );
  return {
    definition: loadService(
      'containerd/services/namespaces/v1/namespaces.proto',
      'containerd.services.namespaces.v1.Namespaces',
    ),
    handlers: {
      Get: async ({ name }: { name: string }) => ({ namespace: namespaces.get(name) }),
      List: async ({ filter }: { filter: string }) => ({ namespaces: namespaces.list(filter) }),
      Create: async (request: { namespace: Namespace | null }) => {
        const namespace = await namespaces.create(required(request.namespace, 'namespace'));
        announce(namespace.name, 'create', namespace);
        return { namespace };
      },
      Update: async (request: MaskedRequest & { namespace: Namespace | null }) => {
        const namespace = await namespaces.update(required(request.namespace, 'namespace'), maskOf(request));
        announce(namespace.name, 'update', namespace);
        return { namespace };
      },
      Delete: async ({ name }: { name: string }, _context: CallContext) => {
        await namespaces.delete(name);
        announce(name, 'delete', { name });
        return {};
      },
    },
  };
}
