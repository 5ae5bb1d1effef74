// Applies a layer blob onto mounts, as the Diff service and unpacking do: into the upper directory where that suffices.
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerError, withContext } from '@tscontainer/core/errors';
import { mediaTypes } from '@tscontainer/core/oci-image';
import { type ApplyLayerRequest, applyLayer } from '@tscontainer/linux/archive';
import { type Mount, mountAll, unmountAll } from '@tscontainer/linux/mounts';
import type { ContentStore } from '../content/content-store.ts';
import type { ImageTarget } from '../images/image-store.ts';

export interface AppliedDescriptor extends ImageTarget {
  /** Of the uncompressed tar, as is `size`: the layer's diff id. */
  digest: string;
}

/** `implied`: for the commit of a detached snapshot. */
export interface Applied {
  descriptor: AppliedDescriptor;
  implied: Uint8Array;
}

export interface ApplyOptions {
  /** Bounds the bytes written, against bombs; 0 is no bound. */
  maxBytes?: number;
  /** Flush the file system before resolving, so that a commit that follows is durable with its files. */
  sync?: boolean;
}

export class LayerApplier {
  readonly #content: ContentStore;
  readonly #imageFor: (upper: string) => string | undefined;

  /** `imageFor`: the image to be made in place of filling an overlay's upper directory, where its snapshotter wants one. */
  constructor(content: ContentStore, imageFor: (upper: string) => string | undefined = () => undefined) {
    this.#content = content;
    this.#imageFor = imageFor;
  }

  /**
   * Applies the layer that `descriptor` names. Answers the descriptor of the uncompressed tar. Throws not-found (the
   * blob), unimplemented (a media type that is no layer), invalid-argument (a broken archive).
   */
  async apply(
    namespace: string,
    descriptor: ImageTarget,
    mounts: Mount[],
    options: ApplyOptions = {},
  ): Promise<Applied> {
    const { mediaType } = descriptor;
    if (!isTar(mediaType))
      throw new ContainerError(
        'unimplemented',
        `apply ${descriptor.digest}: media type "${mediaType}" not supported: not implemented`,
      );
    const blob = this.#content.readerPath(namespace, descriptor.digest);
    const limits = { maxBytes: options.maxBytes ?? 0, sync: options.sync ?? false };
    try {
      const { diffId, size, implied } = await onTarget(mounts, this.#imageFor, (target) =>
        applyLayer({ blob, ...target, ...limits }),
      );
      return { descriptor: { mediaType: mediaTypes.ociLayer, digest: diffId, size, annotations: {} }, implied };
    } catch (error) {
      throw withContext(`apply layer ${descriptor.digest}`, error);
    }
  }
}

const tarTypes = [
  mediaTypes.ociLayer,
  mediaTypes.dockerLayer,
  'application/vnd.oci.image.layer.nondistributable.v1.tar',
  'application/vnd.docker.image.rootfs.foreign.diff.tar',
];

/** Layers, with any compression suffix: the bytes tell which. */
function isTar(mediaType: string): boolean {
  return tarTypes.some(
    (type) => mediaType === type || mediaType.startsWith(`${type}.`) || mediaType.startsWith(`${type}+`),
  );
}

type Target = Pick<ApplyLayerRequest, 'target' | 'image' | 'whiteouts' | 'parents' | 'isDetached'>;

/** The directory that the mounts stand for: an overlay's upper directory, a bind's source, else a temporary mount. */
async function onTarget<T>(
  mounts: Mount[],
  imageFor: (upper: string) => string | undefined,
  work: (target: Target) => Promise<T>,
): Promise<T> {
  const [mount] = mounts;
  if (mount !== undefined && mounts.length === 1) {
    const upper = optionOf(mount, 'upperdir=');
    const lower = optionOf(mount, 'lowerdir=');
    if (mount.type === 'overlay' && upper !== undefined) {
      const whiteouts = mount.options.includes('userxattr') ? 'user-overlay' : 'overlay';
      const image = imageFor(upper);
      const place = image === undefined ? { target: upper } : { image };
      return work({ ...place, whiteouts, parents: lower?.split(':') ?? [], isDetached: lower === undefined });
    }
    if (mount.type === 'bind' && !mount.options.includes('ro')) {
      const image = imageFor(mount.source);
      if (image !== undefined) return work({ image, whiteouts: 'overlay' });
      return work({ target: mount.source, whiteouts: 'delete' });
    }
  }
  return onMount(mounts, (target) => work({ target, whiteouts: 'delete' }));
}

/** Mounts at a directory of its own for the time of `work`. */
async function onMount<T>(mounts: Mount[], work: (target: string) => Promise<T>): Promise<T> {
  const target = mkdtempSync(join(tmpdir(), 'tscontainerd-mount-'));
  try {
    await mountAll(mounts, target);
    try {
      return await work(target);
    } finally {
      await unmountAll(target);
    }
  } finally {
    rmdirSync(target);
  }
}

function optionOf(mount: Mount, prefix: string): string | undefined {
  return mount.options.find((option) => option.startsWith(prefix))?.slice(prefix.length);
}
