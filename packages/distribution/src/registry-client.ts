// Reads from the registry of one repository by the distribution specification: manifests and blobs; mirrors first.
import type { IncomingMessage } from 'node:http';
import { ContainerError, errorCodeOf, withContext } from '@tscontainer/core/errors';
import { type Descriptor, isIndexType, isManifestType, mediaTypes } from '@tscontainer/core/oci-image';
import { familiarName, type Reference } from '@tscontainer/core/reference';
import { digestOf } from './chain-id.ts';
import type { Capability } from './hosts-toml.ts';
import { readBody } from './http-exchange.ts';
import { errorFromResponse } from './registry-error.ts';
import type { RegistryEndpoint } from './registry-hosts.ts';
import { isNotTls, RegistrySession, type RegistrySessionOptions } from './registry-session.ts';
import { toFinal } from './retry.ts';

export type RegistryClientOptions = RegistrySessionOptions;

export interface FetchedManifest {
  descriptor: Descriptor;
  bytes: Buffer;
}

/** What registries themselves accept (distribution specification: 4 MiB). */
export const maxManifestBytes = 4 * 1024 * 1024;
const maxForeignUrls = 4;
const manifestAccept = [
  mediaTypes.ociIndex,
  mediaTypes.dockerManifestList,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifest,
  '*/*;q=0.1',
].join(', ');

/** One per pull, closed after it. */
export class RegistryClient {
  readonly reference: Reference;
  readonly session: RegistrySession;
  /** What answered last: it is asked first. */
  #preferred: RegistryEndpoint | undefined;

  constructor(reference: Reference, options: RegistryClientOptions = {}) {
    this.reference = reference;
    this.session = new RegistrySession(reference, options);
  }

  close(): void {
    this.session.close();
  }

  /** `tagOrDigest`: a digest is verified. Rejects not-found (reason manifest-unknown), unauthenticated, data-loss, unavailable. */
  async fetchManifest(tagOrDigest: string, signal?: AbortSignal): Promise<FetchedManifest> {
    const capability = tagOrDigest.includes(':') ? 'pull' : 'resolve';
    const response = await this.#get(capability, `manifests/${tagOrDigest}`, { accept: manifestAccept }, signal);
    if (response.statusCode !== 200)
      throw this.#manifestError(
        tagOrDigest,
        await errorFromResponse(`manifest for ${familiarName(this.reference)}:${tagOrDigest}`, response),
      );
    const bytes = await readBody(response, maxManifestBytes).catch((error) => {
      throw withContext(`read manifest ${tagOrDigest}`, error);
    });
    return { bytes, descriptor: checkedDescriptor(tagOrDigest, bytes, response) };
  }

  /**
   * Opens a blob at `offset`. The body is not verified: see `downloadBlob`. The caller reads or destroys it. `urls`:
   * where a foreign layer is, when the registry does not have it.
   */
  async openBlob(
    digest: string,
    offset: number,
    signal?: AbortSignal,
    urls: string[] = [],
  ): Promise<{ body: IncomingMessage; offset: number }> {
    const headers: Record<string, string> = offset === 0 ? {} : { range: `bytes=${offset}-` };
    const response = await this.#get('pull', `blobs/${digest}`, headers, signal);
    if (response.statusCode === 200) return { body: response, offset: 0 };
    if (response.statusCode === 206) return { body: response, offset };
    const error = toFinal(await errorFromResponse(`fetch blob ${digest}`, response));
    return (await this.#openForeign(urls, headers, offset, signal)) ?? Promise.reject(error);
  }

  /** Answered from wherever the descriptor's own `urls` lead, without credentials. */
  async #openForeign(
    urls: string[],
    headers: Record<string, string>,
    offset: number,
    signal: AbortSignal | undefined,
  ): Promise<{ body: IncomingMessage; offset: number } | undefined> {
    const [endpoint] = await this.session.endpoints('pull');
    if (endpoint === undefined) return undefined;
    for (const text of urls.filter((one) => /^https?:/.test(one) && URL.canParse(one)).slice(0, maxForeignUrls)) {
      const request = { method: 'GET', target: new URL(text), headers, scope: '', signal } as const;
      const response = await this.session.send(endpoint, request);
      if (response.statusCode === 200) return { body: response, offset: 0 };
      if (response.statusCode === 206) return { body: response, offset };
      response.resume();
    }
    return undefined;
  }

  #manifestError(tagOrDigest: string, error: ContainerError): ContainerError {
    const name = familiarName(this.reference);
    const { registry: said } = error.details;
    const separator = tagOrDigest.startsWith('sha256:') ? '@' : ':';
    if (error.code === 'not-found') {
      const message = `manifest for ${name}${separator}${tagOrDigest} not found: ${said}`;
      return new ContainerError('not-found', message, { reason: 'manifest-unknown', details: error.details });
    }
    if (error.code !== 'unauthenticated' && error.code !== 'permission-denied') return error;
    const message = `pull access denied for ${name}, repository does not exist or may require 'docker login': ${said}`;
    return new ContainerError(error.code, message, { reason: 'registry-auth', details: error.details });
  }

  /** From the first endpoint that has it. What a mirror cannot give, the next is asked for. */
  async #get(
    capability: Capability,
    target: string,
    headers: Record<string, string>,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> {
    const endpoints = preferring(this.#preferred, await this.session.endpoints(capability));
    for (const [index, endpoint] of endpoints.entries()) {
      const isLast = index === endpoints.length - 1;
      try {
        const scope = this.session.scope('pull');
        const response = await this.session.send(endpoint, { method: 'GET', target, headers, scope, signal });
        if (isLast || !endpoint.isMirror || response.statusCode === 200 || response.statusCode === 206) {
          this.#preferred = endpoint;
          return response;
        }
        response.resume();
      } catch (error) {
        if (isLast || errorCodeOf(error) === 'cancelled' || !(endpoint.isMirror || isNotTls(error))) throw error;
        if (this.#preferred === endpoint) this.#preferred = undefined;
      }
    }
    throw new ContainerError('unavailable', `reach ${this.reference.domain}: no endpoint`);
  }
}

function preferring(preferred: RegistryEndpoint | undefined, endpoints: RegistryEndpoint[]): RegistryEndpoint[] {
  if (preferred === undefined || !endpoints.includes(preferred)) return endpoints;
  if (!preferred.isMirror) return [preferred]; // the registry itself has been found; it is the last word
  return [preferred, ...endpoints.filter((endpoint) => endpoint !== preferred)];
}

function checkedDescriptor(tagOrDigest: string, bytes: Buffer, response: IncomingMessage): Descriptor {
  const digest = digestOf(bytes);
  const claimed = tagOrDigest.startsWith('sha256:') ? tagOrDigest : response.headers['docker-content-digest'];
  if (typeof claimed === 'string' && claimed.startsWith('sha256:') && claimed !== digest) {
    throw new ContainerError(
      'failed-precondition',
      `manifest verification failed for digest ${claimed}: got ${digest}`,
      { reason: 'digest-mismatch' },
    );
  }
  return { mediaType: manifestTypeOf(bytes, response), digest, size: bytes.length };
}

/** The body's own word before the header's: a registry that stores a manifest opaquely may answer text/plain. */
function manifestTypeOf(bytes: Buffer, response: IncomingMessage): string {
  let manifest: { schemaVersion?: unknown; mediaType?: unknown; manifests?: unknown; layers?: unknown };
  try {
    manifest = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new ContainerError('invalid-argument', 'read manifest: not JSON', { reason: 'bad-manifest', cause: error });
  }
  if (manifest?.schemaVersion !== 2)
    throw new ContainerError('invalid-argument', 'read manifest: only schema version 2 is supported', {
      reason: 'bad-manifest',
    });
  const named =
    typeof manifest.mediaType === 'string'
      ? manifest.mediaType
      : (response.headers['content-type'] ?? '').split(';')[0]?.trim();
  if (named !== undefined && (isIndexType(named) || isManifestType(named))) return named;
  if (Array.isArray(manifest.manifests)) return mediaTypes.ociIndex;
  if (Array.isArray(manifest.layers)) return mediaTypes.ociManifest;
  throw new ContainerError('invalid-argument', `read manifest: unknown type ${JSON.stringify(named)}`, {
    reason: 'bad-manifest',
  });
}
