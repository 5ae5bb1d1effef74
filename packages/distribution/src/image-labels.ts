// The labels that containerd's client puts on blobs, so that garbage collection and other clients understand them.
import type { Digest } from '@tscontainer/core/digest';
import type { ImageIndex, ImageManifest } from '@tscontainer/core/oci-image';
import type { Reference } from '@tscontainer/core/reference';
import type { Labels } from './image-sinks.ts';

const contentReference = 'containerd.io/gc.ref.content';

export const uncompressedLabel = 'containerd.io/uncompressed';

/** Every manifest of the index, those that were not fetched too. */
export function indexLabels(index: ImageIndex): Labels {
  return Object.fromEntries(
    index.manifests.map(({ digest }, position) => [`${contentReference}.m.${position}`, digest]),
  );
}

export function manifestLabels(manifest: ImageManifest): Labels {
  const layers = manifest.layers.map(({ digest }, position) => [`${contentReference}.l.${position}`, digest]);
  return { [`${contentReference}.config`]: manifest.config.digest, ...Object.fromEntries(layers) };
}

/** On the config: keeps the unpacked layers. */
export function snapshotLabels(snapshotter: string, chainId: Digest): Labels {
  return chainId === '' ? {} : { [`containerd.io/gc.ref.snapshot.${snapshotter}`]: chainId };
}

/** Names the label that says in which repositories of a registry a blob is, separated by commas. */
export function sourceLabelOf(domain: string): string {
  return `containerd.io/distribution.source.${domain}`;
}

/** Longest value that a label may have beside its key, in containerd. */
const maxSourceBytes = 4000;

/** Where a blob came from or went to; of many repositories those named last stay. */
export function sourceLabels(reference: Reference, repositories = [reference.path]): Labels {
  const kept = [...repositories];
  while (kept.length > 1 && kept.join().length > maxSourceBytes) kept.shift();
  return { [sourceLabelOf(reference.domain)]: kept.join() };
}
