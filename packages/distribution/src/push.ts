// The push: blobs in parallel (mounted where the registry has them elsewhere), then manifests, the named one last.
//
// It knows neither disk nor gRPC: the source is a daemon's own content store, or a remote containerd's Content service.
import { ContainerError, errorCodeOf } from '@tscontainer/core/errors';
import type { Descriptor, Platform } from '@tscontainer/core/oci-image';
import { familiarName } from '@tscontainer/core/reference';
import { uploadBlob } from './blob-upload.ts';
import { BoundedQueue } from './bounded-queue.ts';
import { type ImageGraph, imageGraph, type StoredManifest } from './image-graph.ts';
import { sourceLabelOf, sourceLabels } from './image-labels.ts';
import type { ContentSource } from './image-source.ts';
import { addReferrer } from './referrers.ts';
import { errorFromResponse } from './registry-error.ts';
import type { RegistryEndpoint } from './registry-hosts.ts';
import { isNotTls, type RegistrySession } from './registry-session.ts';

export type PushEvent =
  /** What will be sent: blobs (config and layers), then manifests, the root last. */
  | { kind: 'resolved'; blobs: Descriptor[]; manifests: Descriptor[] }
  | { kind: 'uploading'; blob: Descriptor; current: number }
  | { kind: 'uploaded' | 'exists'; blob: Descriptor }
  | { kind: 'mounted'; blob: Descriptor; from: string }
  /** A manifest or index has been accepted. */
  | { kind: 'stored'; manifest: Descriptor };

export interface PushOptions {
  /** Of an index only this platform's manifest; undefined pushes the whole index. */
  platform?: Platform | undefined;
  /** What to do with an index of which not all is here: refuse (reason `missing-content`), or push one manifest of it. */
  whenIncomplete?: { takePlatform: Platform } | undefined;
  /** Send foreign layers too. */
  includesForeign?: boolean | undefined;
  onEvent?: (event: PushEvent) => void;
  signal?: AbortSignal | undefined;
}

const maxParallelBlobs = 4;

/**
 * Pushes `target` under the session's reference (its tag, else its digest) and resolves with what was pushed there: the
 * target itself, or a manifest of its index. Rejects not-found (`missing-content`), unauthenticated, permission-denied,
 * resource-exhausted (429), unavailable, cancelled.
 */
export async function pushImage(
  session: RegistrySession,
  source: ContentSource,
  target: Descriptor,
  options: PushOptions = {},
): Promise<Descriptor> {
  const graph = await imageGraph(source, target, options);
  const root = graph.manifests.at(-1) as StoredManifest;
  const manifests = graph.manifests.map(({ descriptor }) => descriptor);
  options.onEvent?.({ kind: 'resolved', blobs: graph.blobs, manifests });
  const endpoint = await findEndpoint(session, options.signal);
  await pushBlobs(session, endpoint, source, graph, options);
  const { tag, digest } = session.reference;
  if (tag === undefined && digest !== undefined && digest !== root.descriptor.digest)
    throw new ContainerError('failed-precondition', `push ${digest}: the image is ${root.descriptor.digest}`);
  for (const manifest of graph.manifests) {
    const name = manifest === root ? (tag ?? root.descriptor.digest) : manifest.descriptor.digest;
    await pushManifest(session, endpoint, manifest, name, options.signal);
    await labelSource(session, source, manifest.descriptor);
    options.onEvent?.({ kind: 'stored', manifest: manifest.descriptor });
  }
  return root.descriptor;
}

/** The first that pushes go to. A loopback or insecure one may speak plain HTTP. */
async function findEndpoint(session: RegistrySession, signal: AbortSignal | undefined): Promise<RegistryEndpoint> {
  const endpoints = await session.endpoints('push');
  for (const [index, endpoint] of endpoints.entries()) {
    try {
      const scope = session.scope('pull,push');
      const target = new URL(`${endpoint.base.href.replace(/\/$/, '')}/`);
      const response = await session.send(endpoint, { method: 'GET', target, scope, signal });
      if (response.statusCode === 401 || response.statusCode === 403) throw await refusal(session, response);
      response.resume();
      return endpoint;
    } catch (error) {
      if (index === endpoints.length - 1 || !isNotTls(error)) throw error;
    }
  }
  throw new ContainerError('unavailable', `reach ${session.reference.domain}: no endpoint`);
}

async function refusal(session: RegistrySession, response: Parameters<typeof errorFromResponse>[1]) {
  return errorFromResponse(`push ${familiarName(session.reference)}`, response);
}

/** The first failure ends the others. */
async function pushBlobs(
  session: RegistrySession,
  endpoint: RegistryEndpoint,
  source: ContentSource,
  { blobs }: ImageGraph,
  options: PushOptions,
): Promise<void> {
  const abort = new AbortController();
  const signal = options.signal === undefined ? abort.signal : AbortSignal.any([options.signal, abort.signal]);
  const queue = new BoundedQueue(maxParallelBlobs);
  const pushes = blobs.map((blob) =>
    queue.run(async () => {
      if (signal.aborted) throw new ContainerError('cancelled', `upload ${blob.digest}: cancelled`);
      await pushBlob(session, endpoint, source, blob, { ...options, signal });
    }),
  );
  try {
    await Promise.all(pushes);
  } catch (error) {
    abort.abort();
    await Promise.allSettled(pushes);
    throw error;
  }
}

async function pushBlob(
  session: RegistrySession,
  endpoint: RegistryEndpoint,
  source: ContentSource,
  blob: Descriptor,
  { onEvent, signal }: PushOptions,
): Promise<void> {
  const { domain, path } = session.reference;
  const labels = (await source.info(blob.digest))?.labels ?? {};
  const known = (labels[sourceLabelOf(domain)] ?? '').split(',').filter((name) => name !== '');
  const outcome = await uploadBlob(session, endpoint, {
    blob,
    source,
    mountFrom: known.filter((name) => name !== path),
    onProgress: (current) => onEvent?.({ kind: 'uploading', blob, current }),
    signal,
  });
  await labelSource(session, source, blob);
  if (outcome.kind === 'mounted') onEvent?.({ kind: 'mounted', blob, from: outcome.from });
  else onEvent?.({ kind: outcome.kind, blob });
}

/** Where the blob is now, for a later mount. A blob that was removed meanwhile has no need of it. */
async function labelSource(session: RegistrySession, source: ContentSource, blob: Descriptor): Promise<void> {
  const { domain, path } = session.reference;
  const known = (await source.info(blob.digest))?.labels[sourceLabelOf(domain)] ?? '';
  const names = known.split(',').filter((name) => name !== '');
  if (names.includes(path)) return;
  const label = sourceLabels(session.reference, [...names, path]);
  await source.addLabels(blob.digest, label).catch((error: unknown) => {
    if (errorCodeOf(error) !== 'not-found') throw error;
  });
}

async function pushManifest(
  session: RegistrySession,
  endpoint: RegistryEndpoint,
  manifest: StoredManifest,
  name: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { descriptor, bytes } = manifest;
  const response = await session.send(endpoint, {
    method: 'PUT',
    target: `manifests/${name}`,
    headers: { 'content-type': descriptor.mediaType },
    body: bytes,
    scope: session.scope('pull,push'),
    signal,
  });
  if (response.statusCode !== 201 && response.statusCode !== 202 && response.statusCode !== 200)
    throw await errorFromResponse(`push manifest ${familiarName(session.reference)}:${name}`, response);
  response.resume();
  const stored = response.headers['docker-content-digest'];
  if (typeof stored === 'string' && stored !== descriptor.digest)
    throw new ContainerError('data-loss', `push manifest ${descriptor.digest}: the registry stored ${stored}`);
  if (manifest.subject !== undefined && response.headers['oci-subject'] === undefined)
    await addReferrer(session, endpoint, manifest.subject, manifest, signal);
}
