// Referrers: manifests about another one (signatures, attestations), asked of the registry or kept under a tag of its own.
import type { IncomingMessage } from 'node:http';
import { type Descriptor, type ImageIndex, mediaTypes } from '@tscontainer/core/oci-image';
import { readBody } from './http-exchange.ts';
import { parseIndex } from './image-documents.ts';
import type { StoredManifest } from './image-graph.ts';
import { errorFromResponse } from './registry-error.ts';
import type { RegistryEndpoint } from './registry-hosts.ts';
import type { RegistrySession } from './registry-session.ts';

const maxIndexBytes = 4 * 1024 * 1024;
const maxPages = 16;

/** `sha256-<hex>`: where the list is kept for a registry without the API (distribution-spec, "Referrers Tag Schema"). */
export function referrersTagOf(digest: string): string {
  return digest.replace(':', '-').slice(0, 128);
}

/** What refers to `digest`; empty when nothing does. `artifactType` '' is every type. */
export async function listReferrers(
  session: RegistrySession,
  digest: string,
  artifactType = '',
  signal?: AbortSignal,
): Promise<Descriptor[]> {
  const [endpoint] = await session.endpoints('pull');
  if (endpoint === undefined) return [];
  const query = artifactType === '' ? '' : `?artifactType=${encodeURIComponent(artifactType)}`;
  const first = await get(session, endpoint, `referrers/${digest}${query}`, signal);
  const isListed = first.statusCode === 200 && first.headers['content-type']?.startsWith(mediaTypes.ociIndex);
  const found = isListed
    ? await readPages(session, endpoint, first, signal)
    : await readTag(session, endpoint, first, digest, signal);
  return artifactType === '' ? found : found.filter((one) => one.artifactType === artifactType);
}

/** Adds a manifest to the tag of its subject: for a registry that did not say OCI-Subject when it took it. */
export async function addReferrer(
  session: RegistrySession,
  endpoint: RegistryEndpoint,
  subject: Descriptor,
  manifest: StoredManifest,
  signal: AbortSignal | undefined,
): Promise<void> {
  const tag = referrersTagOf(subject.digest);
  const response = await get(session, endpoint, `manifests/${tag}`, signal);
  const known = response.statusCode === 200 ? await readIndex(response) : [];
  if (response.statusCode !== 200) response.resume();
  if (known.some(({ digest }) => digest === manifest.descriptor.digest)) return;
  const { mediaType, digest, size } = manifest.descriptor;
  const own: Descriptor = {
    mediaType,
    digest,
    size,
    ...(manifest.artifactType === '' ? {} : { artifactType: manifest.artifactType }),
    ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
  };
  const index: ImageIndex = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [...known, own] };
  const stored = await session.send(endpoint, {
    method: 'PUT',
    target: `manifests/${tag}`,
    headers: { 'content-type': mediaTypes.ociIndex },
    body: JSON.stringify(index),
    scope: session.scope('pull,push'),
    signal,
  });
  if (stored.statusCode !== 201) throw await errorFromResponse(`push referrers of ${subject.digest}`, stored);
  stored.resume();
}

function get(
  session: RegistrySession,
  endpoint: RegistryEndpoint,
  target: string | URL,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  const headers = { accept: mediaTypes.ociIndex };
  return session.send(endpoint, { method: 'GET', target, headers, scope: session.scope('pull'), signal });
}

/** The API answers in pages, each naming the next (RFC 8288 `Link`). */
async function readPages(
  session: RegistrySession,
  endpoint: RegistryEndpoint,
  first: IncomingMessage,
  signal: AbortSignal | undefined,
): Promise<Descriptor[]> {
  const found: Descriptor[] = [];
  let page = first;
  for (let count = 0; count < maxPages; count++) {
    if (page.statusCode !== 200) throw await errorFromResponse('list referrers', page);
    const next = /<([^>]+)>\s*;\s*rel="?next"?/.exec(String(page.headers.link ?? ''))?.[1];
    found.push(...(await readIndex(page)));
    if (next === undefined) break;
    page = await get(session, endpoint, new URL(next, endpoint.base), signal);
  }
  return found;
}

async function readTag(
  session: RegistrySession,
  endpoint: RegistryEndpoint,
  refused: IncomingMessage,
  digest: string,
  signal: AbortSignal | undefined,
): Promise<Descriptor[]> {
  if (refused.statusCode === 401 || refused.statusCode === 403)
    throw await errorFromResponse('list referrers', refused);
  refused.resume();
  const response = await get(session, endpoint, `manifests/${referrersTagOf(digest)}`, signal);
  if (response.statusCode === 200) return readIndex(response);
  if (response.statusCode !== 404) throw await errorFromResponse('list referrers', response);
  response.resume();
  return [];
}

async function readIndex(response: IncomingMessage): Promise<Descriptor[]> {
  return parseIndex(await readBody(response, maxIndexBytes)).manifests;
}
