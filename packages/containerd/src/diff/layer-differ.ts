// Makes a layer blob out of what a snapshot changed, as the Diff service and commit do.
import { createReadStream, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerError, isAlreadyExists } from '@tscontainer/core/errors';
import { randomHex } from '@tscontainer/core/ids';
import { mediaTypes } from '@tscontainer/core/oci-image';
import { type WrittenArchive, writeTree } from '@tscontainer/linux/archive';
import type { Mount } from '@tscontainer/linux/mounts';
import type { ContentStore } from '../content/content-store.ts';
import type { ImageTarget } from '../images/image-store.ts';
import type { Labels } from '../metadata/labels.ts';
import type { Scope } from '../metadata/scope.ts';

export interface DiffOptions {
  /** '' is a gzip layer. */
  mediaType?: string;
  /** The upload's ref; '' gives one of its own. */
  ref?: string;
  labels?: Labels;
}

const compressions = new Map<string, 'none' | 'gzip' | 'zstd'>([
  [mediaTypes.ociLayer, 'none'],
  [mediaTypes.ociLayerGzip, 'gzip'],
  [mediaTypes.ociLayerZstd, 'zstd'],
  [mediaTypes.dockerLayerGzip, 'gzip'],
]);

const uncompressedLabel = 'containerd.io/uncompressed';

export class LayerDiffer {
  readonly #content: ContentStore;
  readonly #temporary: string;

  /** `temporary`: a directory of its own for archives being written; emptied here. */
  constructor(content: ContentStore, temporary: string) {
    this.#content = content;
    this.#temporary = temporary;
    rmSync(temporary, { recursive: true, force: true });
  }

  /**
   * The layer that turns `lower` into `upper`: both are a snapshotter's mounts, `upper` one layer above `lower`. Throws
   * unimplemented for other mounts and media types.
   */
  async diff(scope: Scope, lower: Mount[], upper: Mount[], options: DiffOptions = {}): Promise<ImageTarget> {
    const mediaType = options.mediaType || mediaTypes.ociLayerGzip;
    const compression = compressions.get(mediaType);
    if (compression === undefined)
      throw new ContainerError('unimplemented', `diff: unsupported media type ${mediaType}: not implemented`);
    const source = changedLayer(layersOf(lower), layersOf(upper));
    mkdirSync(this.#temporary, { recursive: true, mode: 0o700 });
    const archive = join(this.#temporary, randomHex(8));
    try {
      const isUserOverlay = upper.some(({ options: words }) => words.includes('userxattr'));
      const written = await writeTree({ source, archive, overlayWhiteouts: true, isUserOverlay, compression });
      await this.#store(scope, archive, written, options);
      return { mediaType, digest: written.digest, size: written.size, annotations: {} };
    } finally {
      rmSync(archive, { force: true });
    }
  }

  async #store(scope: Scope, archive: string, written: WrittenArchive, options: DiffOptions): Promise<void> {
    const labels = { ...options.labels, [uncompressedLabel]: written.diffId };
    const ref = options.ref || `diff-${randomHex(8)}`;
    try {
      const writer = await this.#content.openWriter(scope, ref, { size: written.size, expected: written.digest });
      try {
        await writer.reset();
        for await (const chunk of createReadStream(archive, { highWaterMark: 1 << 20 }))
          await writer.write(chunk as Buffer);
        await writer.commit(written.size, written.digest, labels);
      } finally {
        await writer.abort();
      }
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const given = Object.entries(labels).map(([key]) => `labels.${key}`);
      await this.#content.update(scope, written.digest, labels, given);
    }
  }
}

/** Directories of the layers that mounts stand for, the uppermost first. */
function layersOf(mounts: Mount[]): string[] {
  const [mount] = mounts;
  if (mount === undefined) return [];
  if (mounts.length === 1 && mount.type === 'bind') return [mount.source];
  if (mounts.length !== 1 || mount.type !== 'overlay')
    throw new ContainerError('unimplemented', `diff: mounts of type ${mount.type}: not implemented`);
  const option = (prefix: string) =>
    mount.options.filter((text) => text.startsWith(prefix)).map((text) => text.slice(prefix.length));
  return [...option('upperdir='), ...option('lowerdir=').flatMap((text) => text.split(':'))];
}

/** `upper` without its first layer must be `lower`; an empty `lower` may stand as a view of nothing. */
function changedLayer(lower: string[], upper: string[]): string {
  const [changed, ...below] = upper;
  const isEmptyView = below.length === 0 && lower.length <= 1;
  if (changed !== undefined && (isEmptyView || below.join(':') === lower.join(':'))) return changed;
  throw new ContainerError('unimplemented', 'diff: the mounts are not one layer apart: not implemented');
}
