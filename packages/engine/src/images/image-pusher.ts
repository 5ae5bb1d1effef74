// POST /images/{name}/push: an image's blobs and manifests to its registry, told as docker's clients read it.

import { isNotFound } from '@tscontainer/core/errors';
import { shortId } from '@tscontainer/core/ids';
import { type Descriptor, isConfigType } from '@tscontainer/core/oci-image';
import { familiarReference, type Reference } from '@tscontainer/core/reference';
import type { RegistryCredentials } from '@tscontainer/distribution/credentials';
import type { ContentSource } from '@tscontainer/distribution/image-source';
import { hostPlatform } from '@tscontainer/distribution/platform-match';
import { type PushEvent, pushImage } from '@tscontainer/distribution/push';
import type { RegistryHostOptions } from '@tscontainer/distribution/registry-hosts';
import { RegistrySession } from '@tscontainer/distribution/registry-session';
import type { ContainerdClient } from '../containerd/containerd-client.ts';
import { readBlob } from './containerd-sinks.ts';
import { withLease } from './image-lease.ts';
import { progressBar } from './pull-reporter.ts';

export interface PushRequest {
  /** With its tag or digest. */
  reference: Reference;
  target: Descriptor;
  credentials: RegistryCredentials | undefined;
  signal: AbortSignal;
  onProgress(line: object): void;
}

const barPauseMs = 100;

/** Rejects as `pushImage` does. */
export async function pushFromContainerd(
  client: ContainerdClient,
  registries: RegistryHostOptions,
  request: PushRequest,
): Promise<void> {
  const { reference, target, signal } = request;
  const session = new RegistrySession(reference, { ...registries, credentials: async () => request.credentials });
  const reporter = new PushReporter(request.onProgress);
  try {
    await withLease(client, 'push', async (lease) => {
      await client.leases.AddResource({ id: lease, resource: { id: target.digest, type: 'content' } });
      const pushed = await pushImage(session, contentSource(client), target, {
        whenIncomplete: { takePlatform: hostPlatform() },
        onEvent: (event) => reporter.event(event),
        signal,
      });
      reporter.finish(reference, pushed);
    });
  } finally {
    session.close();
  }
}

/** The first line of a push; what follows may fail in-band. */
export function pushHeader({ domain, path }: Reference): object {
  return { status: `The push refers to repository [${domain}/${path}]` };
}

function contentSource(client: ContainerdClient): ContentSource {
  return {
    info: async (digest) => {
      try {
        const { info } = await client.content.Info({ digest });
        return info === null ? undefined : { size: info.size, labels: info.labels };
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    read: (digest) => readBlob(client, digest),
    stream: async function* (digest, offset) {
      for await (const { data } of client.content.Read({ digest, offset })) yield data;
    },
    addLabels: async (digest, labels) => {
      const paths = Object.keys(labels).map((key) => `labels.${key}`);
      await client.content.Update({ info: { digest, labels }, updateMask: { paths } });
    },
  };
}

/** Layers only: docker's clients know nothing of configs. */
class PushReporter {
  readonly #write: (line: object) => void;
  readonly #configs = new Set<string>();
  readonly #lastBarMs = new Map<string, number>();

  constructor(write: (line: object) => void) {
    this.#write = write;
  }

  event(event: PushEvent): void {
    if (event.kind === 'resolved') {
      for (const blob of event.blobs) {
        if (isConfigType(blob.mediaType)) this.#configs.add(blob.digest);
        else this.#line(blob, 'Preparing');
      }
    } else if (event.kind !== 'stored' && !this.#configs.has(event.blob.digest)) this.#blob(event);
  }

  finish({ path, domain, ...rest }: Reference, pushed: Descriptor): void {
    const tag = rest.tag ?? familiarReference({ path, domain, digest: pushed.digest });
    this.#write({ status: `${rest.tag ?? ''}: digest: ${pushed.digest} size: ${pushed.size}`.replace(/^: /, '') });
    this.#write({ progressDetail: {}, aux: { Tag: tag, Digest: pushed.digest, Size: pushed.size } });
  }

  #blob(event: Exclude<PushEvent, { kind: 'resolved' | 'stored' }>): void {
    const { blob } = event;
    if (event.kind === 'uploading') this.#bar(blob, event.current);
    else if (event.kind === 'mounted') this.#line(blob, `Mounted from ${event.from}`);
    else this.#line(blob, event.kind === 'uploaded' ? 'Pushed' : 'Layer already exists');
  }

  #line(blob: Descriptor, status: string): void {
    this.#write({ status, progressDetail: {}, id: shortId(blob.digest) });
  }

  #bar(blob: Descriptor, current: number): void {
    const now = Date.now();
    if (now - (this.#lastBarMs.get(blob.digest) ?? 0) < barPauseMs) return;
    this.#lastBarMs.set(blob.digest, now);
    this.#write({
      status: 'Pushing',
      progressDetail: { current, total: blob.size },
      progress: progressBar(current, blob.size),
      id: shortId(blob.digest),
    });
  }
}
