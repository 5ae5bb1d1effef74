// Speaks the distribution specification with the registry of one repository: manifests and blobs, authenticated.
import type { IncomingMessage } from 'node:http';
import { ContainerError, withContext } from '@tscontainer/core/errors';
import { type Descriptor, isIndexType, isManifestType, mediaTypes } from '@tscontainer/core/oci-image';
import { familiarName, type Reference } from '@tscontainer/core/reference';
import { digestOf } from './chain-id.ts';
import type { CredentialSource } from './credentials.ts';
import { networkCodeOf, readBody, sendHttp } from './http-exchange.ts';
import { RegistryAuthorizer } from './registry-authorizer.ts';
import { errorFromResponse } from './registry-error.ts';
import { type RegistryEndpoint, type RegistryHostOptions, RegistryHosts } from './registry-hosts.ts';

export interface RegistryClientOptions extends RegistryHostOptions {
  credentials?: CredentialSource | undefined;
  /** Sent with every request to the registry, e.g. User-Agent. */
  headers?: Record<string, string>;
}

export interface FetchedManifest {
  descriptor: Descriptor;
  bytes: Buffer;
}

/** What registries themselves accept (distribution specification: 4 MiB). */
export const maxManifestBytes = 4 * 1024 * 1024;
const maxAuthAttempts = 2;

const manifestAccept = [
  mediaTypes.ociIndex,
  mediaTypes.dockerManifestList,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifest,
  '*/*;q=0.1',
].join(', ');

/** One per pull: `fetchManifest` first (it finds the endpoint), then blobs, then `close`. */
export class RegistryClient {
  readonly reference: Reference;
  readonly #hosts: RegistryHosts;
  readonly #authorizer: RegistryAuthorizer;
  readonly #headers: Record<string, string>;
  #endpoint: RegistryEndpoint | undefined;

  constructor(reference: Reference, options: RegistryClientOptions = {}) {
    this.reference = reference;
    this.#hosts = new RegistryHosts(options);
    this.#authorizer = new RegistryAuthorizer(this.#hosts, options.credentials ?? (async () => undefined));
    this.#headers = { 'user-agent': 'tscontainer/0.1', ...options.headers };
  }

  close(): void {
    this.#hosts.close();
  }

  /** `tagOrDigest`: a digest is verified. Rejects not-found (reason manifest-unknown), unauthenticated, data-loss, unavailable. */
  async fetchManifest(tagOrDigest: string, signal?: AbortSignal): Promise<FetchedManifest> {
    const response = await this.#get(`manifests/${tagOrDigest}`, { accept: manifestAccept }, signal);
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

  /** Opens a blob at `offset`. The body is not verified: see `downloadBlob`. The caller reads or destroys it. */
  async openBlob(
    digest: string,
    offset: number,
    signal?: AbortSignal,
  ): Promise<{ body: IncomingMessage; offset: number }> {
    const response = await this.#get(`blobs/${digest}`, offset === 0 ? {} : { range: `bytes=${offset}-` }, signal);
    if (response.statusCode === 200) return { body: response, offset: 0 };
    if (response.statusCode === 206) return { body: response, offset };
    throw await errorFromResponse(`fetch blob ${digest}`, response);
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

  async #get(path: string, headers: Record<string, string>, signal: AbortSignal | undefined): Promise<IncomingMessage> {
    if (this.#endpoint !== undefined) return this.#getFrom(this.#endpoint, path, headers, signal);
    const endpoints = this.#hosts.endpoints(this.reference.domain);
    for (const [index, endpoint] of endpoints.entries()) {
      try {
        const response = await this.#getFrom(endpoint, path, headers, signal);
        if (endpoint.isMirror && response.statusCode !== 200) {
          response.resume();
          continue;
        }
        this.#endpoint = endpoint;
        return response;
      } catch (error) {
        if (index === endpoints.length - 1 || !(endpoint.isMirror || isNotTls(error))) throw error;
      }
    }
    throw new ContainerError('unavailable', `reach ${this.reference.domain}: no endpoint`);
  }

  async #getFrom(
    endpoint: RegistryEndpoint,
    path: string,
    headers: Record<string, string>,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> {
    const url = new URL(
      `${endpoint.base.pathname.replace(/\/$/, '')}/v2/${this.reference.path}/${path}`,
      endpoint.base,
    );
    const scope = `repository:${this.reference.path}:pull`;
    let authorization = this.#authorizer.known(url.host, scope);
    for (let attempt = 0; ; attempt++) {
      const sent = { ...this.#headers, ...headers, ...(authorization === undefined ? {} : { authorization }) };
      const response = await sendHttp(this.#hosts, { method: 'GET', url, headers: sent, signal });
      const challenge = response.headers['www-authenticate'];
      if (response.statusCode !== 401 || challenge === undefined || attempt === maxAuthAttempts - 1) return response;
      response.resume();
      authorization = await this.#authorizer.answer(url, scope, challenge, signal);
    }
  }
}

/** The peer speaks plain HTTP, so the TLS handshake broke (OpenSSL's wrong version number comes as EPROTO or by name). */
function isNotTls(error: unknown): boolean {
  const code = networkCodeOf(error) ?? '';
  return code === 'EPROTO' || code.startsWith('ERR_SSL_') || code === 'ECONNREFUSED' || code === 'ECONNRESET';
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
