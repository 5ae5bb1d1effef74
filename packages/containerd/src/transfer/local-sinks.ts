// A pull's way into this daemon's own stores: what distribution's interfaces ask for, done without a call.
import { isAlreadyExists, isNotFound } from '@tscontainer/core/errors';
import type { Descriptor } from '@tscontainer/core/oci-image';
import type {
  ContentIngest,
  ContentSink,
  ImageSink,
  ImageSinks,
  LayerApplier,
  SnapshotSink,
} from '@tscontainer/distribution/image-sinks';
import { uploadRefOf } from '@tscontainer/distribution/upload-ref';
import type { ContentStore } from '../content/content-store.ts';
import type { ContentWriter } from '../content/content-writer.ts';
import type { Daemon } from '../daemon.ts';
import type { ImageTarget } from '../images/image-store.ts';
import type { Scope } from '../metadata/scope.ts';
import type { Snapshotter } from '../snapshots/snapshotter.ts';

export type SinkParts = Pick<Daemon, 'content' | 'images' | 'publisher' | 'applier' | 'leases'>;

/** `snapshotter` undefined: the image is stored and not unpacked. */
export function localSinks(parts: SinkParts, scope: Scope, snapshotter: Snapshotter | undefined): ImageSinks {
  const sinks = { content: contentSink(parts, scope), images: imageSink(parts, scope) };
  if (snapshotter === undefined) return sinks;
  return {
    ...sinks,
    unpack: { snapshots: snapshotSink(parts, snapshotter, scope), applier: layerApplier(parts, scope) },
  };
}

function contentSink({ content, publisher }: SinkParts, scope: Scope): ContentSink {
  const announce = (digest: string, size: number) =>
    publisher.publish(scope.namespace, '/content/create', 'containerd.events.ContentCreate', { digest, size });
  return {
    has: async (digest) => content.exists(scope.namespace, digest),
    read: (digest) => content.read(scope.namespace, digest),
    ingest: (descriptor) => openIngest(content, scope, descriptor, announce),
    addLabels: async (digest, labels) => {
      const paths = Object.keys(labels).map((key) => `labels.${key}`);
      if (paths.length > 0) await content.update(scope, digest, labels, paths);
    },
  };
}

async function openIngest(
  content: ContentStore,
  scope: Scope,
  descriptor: Descriptor,
  announce: (digest: string, size: number) => void,
): Promise<ContentIngest> {
  const { digest, size } = descriptor;
  const writer: ContentWriter = await content.openWriter(scope, uploadRefOf(descriptor), { size, expected: digest });
  return {
    offset: writer.status.offset,
    write: (chunk) => writer.write(chunk),
    commit: async (labels) => {
      try {
        await writer.commit(size, digest, labels);
        announce(digest, size);
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
      }
    },
    close: (keep) => (keep ? writer.close() : writer.abort()),
  };
}

function toTarget({ mediaType, digest, size, annotations }: Descriptor): ImageTarget {
  return { mediaType, digest, size, annotations: annotations ?? {} };
}

function imageSink({ images, publisher }: SinkParts, scope: Scope): ImageSink {
  const announce = (verb: 'create' | 'update', type: string, name: string, labels: Record<string, string>) =>
    publisher.publish(scope.namespace, `/images/${verb}`, `containerd.services.images.v1.${type}`, { name, labels });
  return {
    put: async (name, target, labels) => {
      const image = { name, labels, target: toTarget(target) };
      try {
        await images.create(scope, image);
        announce('create', 'ImageCreate', name, labels);
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
        const updated = await images.update(scope, image, [
          'target',
          ...Object.keys(labels).map((key) => `labels.${key}`),
        ]);
        announce('update', 'ImageUpdate', name, updated.labels);
      }
    },
  };
}

function snapshotSink({ leases }: SinkParts, snapshotter: Snapshotter, scope: Scope): SnapshotSink {
  const { detached } = snapshotter;
  const beside = detached && {
    detached: {
      prepare: (key: string) => detached.prepare(scope, key),
      commit: (name: string, key: string, parent: string, implied: Uint8Array) =>
        detached.commit(scope, name, key, parent, implied),
    },
  };
  return {
    ...beside,
    name: snapshotter.name,
    has: async (key) => {
      // held before it is looked at: the collector takes nothing in between
      if (scope.lease)
        await leases.addResource(scope.namespace, scope.lease, { type: `snapshots/${snapshotter.name}`, id: key });
      return isCommitted(snapshotter, scope, key);
    },
    prepare: (key, parent, labels) => snapshotter.prepare(scope, key, parent, labels),
    commit: (name, key, labels) => snapshotter.commitUnflushed(scope, name, key, labels),
    flush: () => snapshotter.flush(),
    remove: (key) => snapshotter.remove(scope, key),
  };
}

function isCommitted(snapshotter: Snapshotter, scope: Scope, key: string): boolean {
  try {
    return snapshotter.stat(scope.namespace, key).kind === 'COMMITTED';
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

function layerApplier({ applier }: SinkParts, scope: Scope): LayerApplier {
  return {
    apply: async (layer, mounts) => {
      const { descriptor, implied } = await applier.apply(scope.namespace, toTarget(layer), mounts);
      return { diffId: descriptor.digest, implied };
    },
  };
}
