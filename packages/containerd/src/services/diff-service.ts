// containerd.services.diff.v1.Diff: layers onto mounts, and what mounts changed as a layer.
import type { Mount } from '@tscontainer/linux/mounts';
import { loadService } from '@tscontainer/platform/contract-loader';
import type { CallContext, ServedService } from '@tscontainer/platform/grpc-server';
import type { Daemon } from '../daemon.ts';
import type { ImageTarget } from '../images/image-store.ts';
import type { Labels } from '../metadata/labels.ts';
import { required, scopeOf } from './request-fields.ts';

interface ApplyRequest {
  diff: ImageTarget | null;
  mounts: Mount[];
  syncFs: boolean;
}

interface DiffRequest {
  left: Mount[];
  right: Mount[];
  mediaType: string;
  ref: string;
  labels: Labels;
}

export function diffService({ applier, differ }: Pick<Daemon, 'applier' | 'differ'>): ServedService {
  return {
    definition: loadService('containerd/services/diff/v1/diff.proto', 'containerd.services.diff.v1.Diff'),
    handlers: {
      Apply: async ({ diff, mounts, syncFs }: ApplyRequest, context: CallContext) => ({
        applied: (await applier.apply(scopeOf(context).namespace, required(diff, 'diff'), mounts, { sync: syncFs }))
          .descriptor,
      }),
      Diff: async ({ left, right, mediaType, ref, labels }: DiffRequest, context: CallContext) => ({
        diff: await differ.diff(scopeOf(context), left, right, { mediaType, ref, labels }),
      }),
    },
  };
}
