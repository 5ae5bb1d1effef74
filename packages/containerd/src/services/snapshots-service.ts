// containerd.services.snapshots.v1.Snapshots.
import type { Mount } from '@tscontainer/linux/mounts';
import { loadService } from '@tscontainer/platform/contract-loader';
import type { CallContext, ServedService } from '@tscontainer/platform/grpc-server';
import { type Daemon, snapshotterNamed } from '../daemon.ts';
import type { Labels } from '../metadata/labels.ts';
import type { SnapshotInfo } from '../snapshots/snapshotter.ts';
import { inBatches, type MaskedRequest, maskOf, required, scopeOf } from './request-fields.ts';

interface KeyRequest {
  snapshotter: string;
  key: string;
}

interface CreateRequest extends KeyRequest {
  parent: string;
  labels: Labels;
}

const infosPerMessage = 100;

export function snapshotsService(daemon: Pick<Daemon, 'snapshotters' | 'publisher'>): ServedService {
  const announce = (
    namespace: string,
    verb: string,
    typeName: string,
    message: KeyRequest & { parent?: string; name?: string },
  ) => daemon.publisher.publish(namespace, `/snapshot/${verb}`, `containerd.events.${typeName}`, message);

  const create = (verb: 'prepare' | 'view') => async (request: CreateRequest, context: CallContext) => {
    const { snapshotter, key, parent, labels } = request;
    const scope = scopeOf(context);
    const mounts = await snapshotterNamed(daemon, snapshotter)[verb](scope, key, parent, labels);
    // of a view nobody is told
    if (verb === 'prepare') announce(scope.namespace, 'prepare', 'SnapshotPrepare', { key, parent, snapshotter });
    return { mounts: mounts.map(toWire) };
  };

  return {
    definition: loadService(
      'containerd/services/snapshots/v1/snapshots.proto',
      'containerd.services.snapshots.v1.Snapshots',
    ),
    handlers: {
      Prepare: create('prepare'),
      View: create('view'),
      Mounts: async ({ snapshotter, key }: KeyRequest, context: CallContext) => ({
        mounts: (await snapshotterNamed(daemon, snapshotter).mounts(scopeOf(context).namespace, key)).map(toWire),
      }),
      Commit: async (request: KeyRequest & { name: string; labels: Labels }, context: CallContext) => {
        const { snapshotter, name, key, labels } = request;
        const scope = scopeOf(context);
        await snapshotterNamed(daemon, snapshotter).commit(scope, name, key, labels);
        announce(scope.namespace, 'commit', 'SnapshotCommit', { key, name, snapshotter });
        return {};
      },
      Remove: async ({ snapshotter, key }: KeyRequest, context: CallContext) => {
        const scope = scopeOf(context);
        await snapshotterNamed(daemon, snapshotter).remove(scope, key);
        announce(scope.namespace, 'remove', 'SnapshotRemove', { key, snapshotter });
        return {};
      },
      Stat: async ({ snapshotter, key }: KeyRequest, context: CallContext) => ({
        info: snapshotterNamed(daemon, snapshotter).stat(scopeOf(context).namespace, key),
      }),
      Update: async (
        request: MaskedRequest & { snapshotter: string; info: SnapshotInfo | null },
        context: CallContext,
      ) => {
        const { name, labels } = required(request.info, 'info');
        return {
          info: await snapshotterNamed(daemon, request.snapshotter).update(
            scopeOf(context),
            name,
            labels,
            maskOf(request),
          ),
        };
      },
      List: async function* (
        { snapshotter, filters }: { snapshotter: string; filters: string[] },
        context: CallContext,
      ) {
        const infos = snapshotterNamed(daemon, snapshotter).list(scopeOf(context).namespace, filters);
        for (const info of inBatches(infos, infosPerMessage)) yield { info };
      },
      Usage: async ({ snapshotter, key }: KeyRequest, context: CallContext) =>
        snapshotterNamed(daemon, snapshotter).usage(scopeOf(context).namespace, key),
      Cleanup: async ({ snapshotter }: { snapshotter: string }, context: CallContext) => {
        scopeOf(context);
        await snapshotterNamed(daemon, snapshotter).cleanup();
        return {};
      },
    },
  };
}

function toWire(mount: Mount): Mount & { target: string } {
  return { ...mount, target: '' };
}
