// Transfer from an archive on a client's stream into the image store: `ctr images import` of containerd 2.
import { Readable } from 'node:stream';
import { isAlreadyExists } from '@tscontainer/core/errors';
import { type ArchiveImage, findArchiveImages } from '@tscontainer/distribution/archive-images';
import { ArchiveIntake, type BeginBlob } from '@tscontainer/distribution/archive-intake';
import { putBlob } from '@tscontainer/distribution/content-ingest';
import { parseManifest } from '@tscontainer/distribution/image-documents';
import { indexLabels, manifestLabels, snapshotLabels } from '@tscontainer/distribution/image-labels';
import { layerSteps } from '@tscontainer/distribution/layer-steps';
import { unpackLayers } from '@tscontainer/distribution/layer-unpacker';
import { badArchive } from '@tscontainer/distribution/tar-archive';
import type { ImageReference, ImageStore } from '@tscontainer/platform/contracts/containerd/types/transfer/imagestore';
import type { ImageImportStream } from '@tscontainer/platform/contracts/containerd/types/transfer/importexport';
import { type Daemon, snapshotterNamed } from '../daemon.ts';
import type { Scope } from '../metadata/scope.ts';
import { receiveBytes } from './byte-stream.ts';
import { localSinks } from './local-sinks.ts';
import type { StreamRegistry } from './stream-registry.ts';
import { TransferProgress } from './transfer-progress.ts';

export interface ArchiveImport {
  source: ImageImportStream;
  destination: ImageStore;
  /** '' is none. */
  progressStream: string;
  /** With a lease, which keeps what is imported until images name it. */
  scope: Scope;
}

/** All images of the archive or none. Rejects invalid-argument (`bad-archive`), not-found for a stream. */
export async function importArchive(daemon: Daemon, streams: StreamRegistry, given: ArchiveImport): Promise<void> {
  const { source, destination, scope } = given;
  const stream = streams.get(scope.namespace, source.stream);
  const progress = given.progressStream === '' ? undefined : streams.get(scope.namespace, given.progressStream);
  const report = new TransferProgress(progress, destination.name);
  try {
    report.step('Importing');
    const archive = await ArchiveIntake.read(Readable.from(receiveBytes(stream)), beginBlob(daemon, scope));
    const images = await findArchiveImages(archive, (digest) => daemon.content.read(scope.namespace, digest));
    if (images.length === 0) throw badArchive('it has no image');
    for (const image of images) await keep(daemon, scope, destination, image, archive);
    const { images: sink } = localSinks(daemon, scope, undefined);
    for (const image of images) {
      for (const name of namesOf(image, destination)) {
        await sink.put(name, image.target, destination.labels);
        report.step('saved', image.target);
      }
    }
    report.step('Completed import');
  } finally {
    stream.close();
    report.close();
  }
}

function beginBlob({ content }: Pick<Daemon, 'content'>, scope: Scope): BeginBlob {
  return async (ref) => {
    const writer = await content.openWriter(scope, ref);
    return {
      offset: 0,
      write: (chunk) => writer.write(chunk),
      commit: async (labels) => {
        try {
          await writer.commit(0, '', labels);
        } catch (error) {
          if (!isAlreadyExists(error)) throw error;
        }
      },
      close: () => writer.abort(),
    };
  };
}

/** Unpacks when asked to, and labels what refers to what, every platform's that is here. */
async function keep(
  daemon: Daemon,
  scope: Scope,
  destination: ImageStore,
  image: ArchiveImage,
  archive: ArchiveIntake,
): Promise<void> {
  const [wanted] = destination.unpacks;
  const snapshotter =
    wanted === undefined ? undefined : snapshotterNamed(daemon, wanted.snapshotter || daemon.snapshots.name);
  const { content, unpack } = localSinks(daemon, scope, snapshotter);
  const { manifest, config, index } = image;
  if (image.configBytes !== undefined) await putBlob(content, manifest.body.config, image.configBytes, {});
  if (unpack !== undefined) {
    const steps = layerSteps(manifest.body, config);
    await unpackLayers(steps, content, unpack);
    const kept = snapshotLabels(unpack.snapshots.name, steps.at(-1)?.chainId ?? '');
    await content.addLabels(manifest.body.config.digest, kept);
  }
  await putBlob(content, manifest.descriptor, manifest.bytes, manifestLabels(manifest.body));
  if (index === undefined) return;
  for (const { digest } of index.body.manifests) {
    if (archive.byDigest(digest) === undefined || digest === manifest.descriptor.digest) continue;
    await content.addLabels(digest, manifestLabels(parseManifest(await content.read(digest))));
  }
  await content.addLabels(index.descriptor.digest, indexLabels(index.body));
}

/** containerd's rules: with a prefix, full names count if they begin with it or may stand beside it, and tags follow it. */
function namesOf(image: ArchiveImage, { name, extraReferences }: ImageStore): string[] {
  const prefixes = extraReferences.filter(({ isPrefix }) => isPrefix);
  const found = prefixes.length === 0 ? image.names : prefixes.flatMap((prefix) => namesUnder(image, prefix));
  if (found.length > 0) return [...new Set(found)];
  return name === '' ? [] : [name];
}

function namesUnder(image: ArchiveImage, prefix: ImageReference): string[] {
  const isUnder = (full: string) => full.startsWith(prefix.name) && /^(?:$|[/:@])/.test(full.slice(prefix.name.length));
  const full = image.names.filter((one) => prefix.allowOverwrite || isUnder(one));
  const named = [...full, ...image.tags.map((tag) => `${prefix.name}:${tag}`)];
  const isByDigest = prefix.addDigest && (named.length === 0 || !prefix.skipNamedDigest);
  return isByDigest ? [...named, `${prefix.name}@${image.target.digest}`] : named;
}
