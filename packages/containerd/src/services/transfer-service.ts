// containerd.services.transfer.v1.Transfer: what a client asks to be moved, by the types of source and destination.
import { ContainerError } from '@tscontainer/core/errors';
import { loadMessage, loadService } from '@tscontainer/platform/contract-loader';
import type { TransferRequest } from '@tscontainer/platform/contracts/containerd/services/transfer/v1/transfer';
import type { ImageStore } from '@tscontainer/platform/contracts/containerd/types/transfer/imagestore';
import type {
  ImageExportStream,
  ImageImportStream,
} from '@tscontainer/platform/contracts/containerd/types/transfer/importexport';
import type { OCIRegistry } from '@tscontainer/platform/contracts/containerd/types/transfer/registry';
import type { CallContext, ServedService } from '@tscontainer/platform/grpc-server';
import type { Daemon } from '../daemon.ts';
import { expireLabel } from '../leases/lease-store.ts';
import type { Scope } from '../metadata/scope.ts';
import { localSinks } from '../transfer/local-sinks.ts';
import type { StreamRegistry } from '../transfer/stream-registry.ts';
import { required, scopeOf } from './request-fields.ts';

/** Should the daemon die, the lease of a transfer ends after this. */
const leaseLifeMs = 24 * 3600_000;
/** What a finished transfer no longer holds is collected soon after. */
const collectAfterMs = 1_000;

function typeNameOf({ typeUrl }: { typeUrl: string }): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
}

export function transferService(daemon: Daemon, streams: StreamRegistry): ServedService {
  const registry = loadMessage<OCIRegistry>(
    'containerd/types/transfer/registry.proto',
    'containerd.types.transfer.OCIRegistry',
  );
  const store = loadMessage<ImageStore>(
    'containerd/types/transfer/imagestore.proto',
    'containerd.types.transfer.ImageStore',
  );
  const archives = 'containerd/types/transfer/importexport.proto';
  const imported = loadMessage<ImageImportStream>(archives, 'containerd.types.transfer.ImageImportStream');
  const exported = loadMessage<ImageExportStream>(archives, 'containerd.types.transfer.ImageExportStream');
  return {
    definition: loadService(
      'containerd/services/transfer/v1/transfer.proto',
      'containerd.services.transfer.v1.Transfer',
    ),
    handlers: {
      Transfer: async (request: TransferRequest, context: CallContext) => {
        const source = required(request.source, 'source');
        const destination = required(request.destination, 'destination');
        const move = `${typeNameOf(source)} to ${typeNameOf(destination)}`;
        const progressStream = request.options?.progressStream ?? '';
        const { signal } = context;
        if (move === `${registry.typeName} to ${store.typeName}`) {
          const { pullFromRegistry } = await import('../transfer/registry-pull.ts'); // an idle daemon does without it
          const ends = { source: registry.decode(source.value), destination: store.decode(destination.value) };
          await underLease(daemon, scopeOf(context), (scope) =>
            pullFromRegistry(daemon, streams, { ...ends, progressStream, scope, signal }),
          );
        } else if (move === `${store.typeName} to ${registry.typeName}`) {
          const { pushToRegistry } = await import('../transfer/registry-push.ts');
          const ends = { source: store.decode(source.value), destination: registry.decode(destination.value) };
          await pushToRegistry(daemon, streams, { ...ends, progressStream, scope: scopeOf(context), signal });
        } else if (move === `${store.typeName} to ${store.typeName}`) {
          await tag(daemon, scopeOf(context), store.decode(source.value), store.decode(destination.value));
        } else if (move === `${imported.typeName} to ${store.typeName}`) {
          const { importArchive } = await import('../transfer/archive-import.ts');
          const ends = { source: imported.decode(source.value), destination: store.decode(destination.value) };
          await underLease(daemon, scopeOf(context), (scope) =>
            importArchive(daemon, streams, { ...ends, progressStream, scope }),
          );
        } else if (move === `${store.typeName} to ${exported.typeName}`) {
          const { exportArchive } = await import('../transfer/archive-export.ts');
          const ends = { source: store.decode(source.value), destination: exported.decode(destination.value) };
          await exportArchive(daemon, streams, { ...ends, progressStream, scope: scopeOf(context), signal });
        } else {
          throw new ContainerError('unimplemented', `method Transfer not implemented for ${move}: not implemented`);
        }
        return {};
      },
    },
  };
}

/** A further name for what a name stands for. */
async function tag(daemon: Daemon, scope: Scope, source: ImageStore, destination: ImageStore): Promise<void> {
  const { target } = daemon.images.get(scope.namespace, source.name);
  await localSinks(daemon, scope, undefined).images.put(destination.name, target, destination.labels);
}

/** Under the caller's lease, or one of our own, which goes with what a failed transfer left before the call fails. */
async function underLease(daemon: Daemon, given: Scope, work: (scope: Scope) => Promise<void>): Promise<void> {
  if (given.lease !== undefined && given.lease !== '') return work(given);
  const { leases, collector } = daemon;
  const expires = new Date(Date.now() + leaseLifeMs).toISOString();
  const lease = await leases.create(given.namespace, '', { [expireLabel]: expires });
  try {
    await work({ ...given, lease: lease.id });
    await leases.delete(given.namespace, lease.id);
    collector.schedule(collectAfterMs);
  } catch (error) {
    await leases.delete(given.namespace, lease.id);
    await collector.run();
    throw error;
  }
}
