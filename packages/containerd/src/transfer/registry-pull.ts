// Transfer from a registry into the image store: containerd's pull, unpacked while it downloads when asked to.
import { parseReference, withDefaultTag } from '@tscontainer/core/reference';
import { hostPlatform, normalizePlatform } from '@tscontainer/distribution/platform-match';
import { pullImage } from '@tscontainer/distribution/pull';
import { RegistryClient } from '@tscontainer/distribution/registry-client';
import type { ImageStore } from '@tscontainer/platform/contracts/containerd/types/transfer/imagestore';
import type { OCIRegistry } from '@tscontainer/platform/contracts/containerd/types/transfer/registry';
import { type Daemon, snapshotterNamed } from '../daemon.ts';
import type { Scope } from '../metadata/scope.ts';
import { localSinks } from './local-sinks.ts';
import { registryOptions } from './registry-options.ts';
import type { StreamRegistry } from './stream-registry.ts';
import { TransferProgress } from './transfer-progress.ts';

export interface RegistryPull {
  source: OCIRegistry;
  destination: ImageStore;
  /** '' is none. */
  progressStream: string;
  /** With a lease, which keeps what is pulled until the image names it. */
  scope: Scope;
  signal: AbortSignal;
}

/** Rejects as `pullImage` does; not-found for a stream, invalid-argument for a reference or snapshotter. */
export async function pullFromRegistry(daemon: Daemon, streams: StreamRegistry, pull: RegistryPull): Promise<void> {
  const { source, destination, scope, signal } = pull;
  const { namespace } = scope;
  const stream = pull.progressStream === '' ? undefined : streams.get(namespace, pull.progressStream);
  const name = destination.name === '' ? source.reference : destination.name;
  const progress = new TransferProgress(stream, name);
  const options = await registryOptions(daemon.config.registry, streams, namespace, source);
  const registry = new RegistryClient(withDefaultTag(parseReference(source.reference)), options);
  const from = `OCI Registry (${source.reference})`;
  try {
    const [unpack] = destination.unpacks;
    const snapshotter =
      unpack === undefined ? undefined : snapshotterNamed(daemon, unpack.snapshotter || daemon.snapshots.name);
    const platforms = destination.platforms.map(normalizePlatform);
    const platform = unpack?.platform ? normalizePlatform(unpack.platform) : (platforms[0] ?? hostPlatform());
    progress.step(`Resolving from ${from}`);
    const pulled = await pullImage(registry, localSinks(daemon, scope, snapshotter), {
      name,
      labels: destination.labels,
      platform,
      platforms: platforms.length === 0 ? 'all' : platforms,
      onEvent: (event) => progress.pullEvent(event),
      signal,
    });
    progress.step('saved', pulled.target);
    progress.step(`Completed pull from ${from}`);
  } finally {
    registry.close();
    progress.close();
  }
}
