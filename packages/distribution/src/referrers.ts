// Referrers, manifests about another one (signatures, attestations): kept under a tag where the registry does not list them.
// For a push.
import type { IncomingMessage } from 'node:http';
import { type Descriptor, type ImageIndex, mediaTypes } from '@tscontainer/core/oci-image';
import { readBody } from './http-exchange.ts';
import { parseIndex } from './image-documents.ts';
import type { StoredManifest } from './image-graph.ts';
import { errorFromResponse } from './registry-error.ts';
import type { RegistryEndpoint } from './registry-hosts.ts';
import type { RegistrySession } from './registry-session.ts';

const maxIndexBytes = 4 * 1024 * 1024;

/** `sha256-<hex>`: where the list is kept for a registry without the API (distribution-spec, "Referrers Tag Schema"). */
function referrersTagOf(digest: string): string {
  return digest.replace(':', '-').slice(0, 128);
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
  target: string,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  const headers = { accept: mediaTypes.ociIndex };
  return session.send(endpoint, { method: 'GET', target, headers, scope: session.scope('pull'), signal });
}

async function readIndex(response: IncomingMessage): Promise<Descriptor[]> {
  return parseIndex(await readBody(response, maxIndexBytes)).manifests;
}
