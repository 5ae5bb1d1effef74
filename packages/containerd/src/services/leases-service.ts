// containerd.services.leases.v1.Leases.
import { loadService } from '@tscontainer/platform/contract-loader';
import type { CallContext, ServedService } from '@tscontainer/platform/grpc-server';
import type { Daemon } from '../daemon.ts';
import type { LeaseResource } from '../leases/lease-store.ts';
import type { Labels } from '../metadata/labels.ts';
import { required, scopeOf } from './request-fields.ts';

/** What a lease let go of is collected soon after. */
const collectAfterMs = 1_000;

export function leasesService({ leases, collector }: Pick<Daemon, 'leases' | 'collector'>): ServedService {
  return {
    definition: loadService('containerd/services/leases/v1/leases.proto', 'containerd.services.leases.v1.Leases'),
    handlers: {
      Create: async ({ id, labels }: { id: string; labels: Labels }, context: CallContext) => ({
        lease: await leases.create(scopeOf(context).namespace, id, labels),
      }),
      Delete: async ({ id, sync }: { id: string; sync: boolean }, context: CallContext) => {
        await leases.delete(scopeOf(context).namespace, id);
        if (sync) await collector.run();
        else collector.schedule(collectAfterMs);
        return {};
      },
      List: async ({ filters }: { filters: string[] }, context: CallContext) => ({
        leases: leases.list(scopeOf(context).namespace, filters),
      }),
      AddResource: async (request: { id: string; resource: LeaseResource | null }, context: CallContext) => {
        await leases.addResource(scopeOf(context).namespace, request.id, required(request.resource, 'resource'));
        return {};
      },
      DeleteResource: async (request: { id: string; resource: LeaseResource | null }, context: CallContext) => {
        await leases.deleteResource(scopeOf(context).namespace, request.id, required(request.resource, 'resource'));
        collector.schedule(collectAfterMs);
        return {};
      },
      ListResources: async ({ id }: { id: string }, context: CallContext) => ({
        resources: leases.resources(scopeOf(context).namespace, id),
      }),
    },
  };
}
