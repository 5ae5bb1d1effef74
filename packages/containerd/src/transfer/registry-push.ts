// Transfer from the image store to a registry: containerd's push.
import { parseReference, withDefaultTag } from '@tscontainer/core/reference';
import { hostPlatform, normalizePlatform } from '@tscontainer/distribution/platform-match';
import { pushImage } from '@tscontainer/distribution/push';
import { RegistrySession } from '@tscontainer/distribution/registry-session';
import type { ImageStore } from '@tscontainer/platform/contracts/containerd/types/transfer/imagestore';
import type { OCIRegistry } from '@tscontainer/platform/contracts/containerd/types/transfer/registry';
import type { Daemon } from '../daemon.ts';
import type { Scope } from '../metadata/scope.ts';
import { localSource } from './local-source.ts';
import { registryOptions } from './registry-options.ts';
import type { StreamRegistry } from './stream-registry.ts';
import { TransferProgress } from './transfer-progress.ts';

export interface RegistryPush {
  source: ImageStore;
  destination: OCIRegistry;
  /** '' is none. */
  progressStream: string;
  scope: Scope;
  signal: AbortSignal;
}

/** Rejects as `pushImage` does; not-found for the image or a stream, invalid-argument for a reference. */
export async function pushToRegistry(daemon: Daemon, streams: StreamRegistry, push: RegistryPush): Promise<void> {
  const { source, destination, scope, signal } = push;
  const { namespace } = scope;
  const { target } = daemon.images.get(namespace, source.name);
  const stream = push.progressStream === '' ? undefined : streams.get(namespace, push.progressStream);
  const progress = new TransferProgress(stream, source.name);
  const options = await registryOptions(daemon.config.registry, streams, namespace, destination);
  const session = new RegistrySession(withDefaultTag(parseReference(destination.reference)), options);
  const to = `OCI Registry (${destination.reference})`;
  try {
    const [platform] = source.platforms;
    progress.step(`Pushing to ${to}`);
    progress.step('pushing content', target);
    const pushed = await pushImage(session, localSource(daemon.content, scope), target, {
      // several platforms asked for are the whole index: a registry takes no index with holes
      platform: platform === undefined || source.platforms.length > 1 ? undefined : normalizePlatform(platform),
      whenIncomplete: { takePlatform: hostPlatform() },
      onEvent: (event) => progress.pushEvent(event),
      signal,
    });
    progress.step('pushed content', pushed);
    progress.step(`Completed push to ${to}`);
  } finally {
    session.close();
    progress.close();
  }
}
