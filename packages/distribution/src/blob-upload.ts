// Uploads one blob by the distribution specification: mounted from another repository, in one request, or in chunks that
// go on where the registry says a cut connection stopped.
import type { IncomingMessage } from 'node:http';
import { ContainerError, errorCodeOf } from '@tscontainer/core/errors';
import type { Descriptor } from '@tscontainer/core/oci-image';
import type { BodySource } from './http-exchange.ts';
import type { ContentSource } from './image-source.ts';
import { errorFromResponse } from './registry-error.ts';
import type { RegistryEndpoint } from './registry-hosts.ts';
import type { RegistrySession } from './registry-session.ts';
import { isRetryable, maxAttempts, pause, pauseMs, toFinal } from './retry.ts';

export interface BlobUpload {
  blob: Descriptor;
  source: ContentSource;
  /** Repositories of the same registry that may have the blob, the likeliest first. */
  mountFrom: string[];
  /** Bytes that the registry has taken. */
  onProgress?: (bytes: number) => void;
  signal?: AbortSignal | undefined;
}

export type UploadOutcome = { kind: 'uploaded' | 'exists' } | { kind: 'mounted'; from: string };

/** A blob of at most this size goes in the request that ends its upload. */
const monolithicBytes = 1024 * 1024;
/** After a 413 (a proxy's bound on a body) the rest goes in chunks of this size. */
const smallChunkBytes = 8 * 1024 * 1024;
const maxMountTries = 3;

/** Rejects with the registry's refusal, unavailable after the last try, cancelled. The registry keeps no half upload. */
export async function uploadBlob(
  session: RegistrySession,
  endpoint: RegistryEndpoint,
  upload: BlobUpload,
): Promise<UploadOutcome> {
  return new BlobUploader(session, endpoint, upload).run();
}

class BlobUploader {
  readonly #session: RegistrySession;
  readonly #endpoint: RegistryEndpoint;
  readonly #upload: BlobUpload;
  #location: URL | undefined;
  #offset = 0;
  #chunkBytes = Number.POSITIVE_INFINITY;

  constructor(session: RegistrySession, endpoint: RegistryEndpoint, upload: BlobUpload) {
    this.#session = session;
    this.#endpoint = endpoint;
    this.#upload = upload;
  }

  async run(): Promise<UploadOutcome> {
    if (await this.#isThere()) return { kind: 'exists' };
    const from = await this.#mount();
    if (from !== undefined) return { kind: 'mounted', from };
    try {
      await this.#transfer();
    } catch (error) {
      await this.#discard();
      throw error;
    }
    return { kind: 'uploaded' };
  }

  async #isThere(): Promise<boolean> {
    const { digest, size } = this.#upload.blob;
    const response = await this.#send('HEAD', `blobs/${digest}`);
    response.resume();
    const length = response.headers['content-length'];
    return response.statusCode === 200 && (length === undefined || Number(length) === size);
  }

  /** The repository that the registry took the blob from. A refusal is no error: the blob is sent then. */
  async #mount(): Promise<string | undefined> {
    for (const from of this.#upload.mountFrom.slice(0, maxMountTries)) {
      const query = new URLSearchParams({ mount: this.#upload.blob.digest, from });
      const scope = `${this.#session.scope('pull,push')} repository:${from}:pull`;
      const response = await this.#send('POST', `blobs/uploads/?${query}`, {}, undefined, scope).catch(refusedMount);
      if (response === undefined) continue;
      response.resume();
      if (response.statusCode === 201) return from;
      if (response.statusCode !== 202) continue;
      this.#location = locationOf(response, this.#endpoint); // the registry began an upload instead
      return undefined;
    }
    return undefined;
  }

  async #transfer(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        this.#location ??= await this.#begin();
        return await this.#sendAll(this.#location);
      } catch (error) {
        const what = `upload ${this.#upload.blob.digest}`;
        if (this.#upload.signal?.aborted) throw new ContainerError('cancelled', `${what}: cancelled`, { cause: error });
        const isLost = isLostUpload(error);
        if (!(isRetryable(error) || isLost) || attempt === maxAttempts - 1) throw error;
        if (isLost) this.#location = undefined;
        await pause(pauseMs(attempt), what, this.#upload.signal);
        if (await this.#isThere()) return; // the answer was lost, not the blob
        await this.#findOffset();
      }
    }
  }

  async #begin(): Promise<URL> {
    this.#offset = 0;
    const response = await this.#send('POST', 'blobs/uploads/');
    if (response.statusCode !== 202)
      throw toFinal(await errorFromResponse(`begin upload ${this.#upload.blob.digest}`, response));
    response.resume();
    return locationOf(response, this.#endpoint);
  }

  async #sendAll(begin: URL): Promise<void> {
    const { digest, size } = this.#upload.blob;
    let location = begin;
    while (size > monolithicBytes && this.#offset < size) location = await this.#sendChunk(location);
    const end = new URL(location);
    end.search += `${end.search === '' ? '?' : '&'}digest=${encodeURIComponent(digest)}`; // the rest of it stays as given
    const rest = this.#bodyOf(this.#offset, size);
    const response = await this.#send('PUT', end, octets, rest);
    if (response.statusCode !== 201 && response.statusCode !== 204)
      throw await errorFromResponse(`finish upload ${digest}`, response);
    response.resume();
    this.#upload.onProgress?.(size);
  }

  /** Sends what is left, or a part of it, and answers where the next goes. */
  async #sendChunk(location: URL): Promise<URL> {
    const { digest, size } = this.#upload.blob;
    const end = Math.min(this.#offset + this.#chunkBytes, size);
    const range = `${this.#offset}-${end - 1}`;
    const response = await this.#send(
      'PATCH',
      location,
      { ...octets, 'content-range': range },
      this.#bodyOf(this.#offset, end),
    );
    if (response.statusCode === 413 && this.#chunkBytes > smallChunkBytes) {
      response.resume();
      this.#chunkBytes = smallChunkBytes;
      return location;
    }
    if (response.statusCode !== 202) throw await this.#refusedChunk(response);
    response.resume();
    const taken = takenBytes(response);
    if (taken !== undefined && taken > end)
      throw new ContainerError('internal', `upload ${digest}: the registry says that it has ${taken} of ${end} bytes`);
    this.#offset = taken === undefined || taken <= this.#offset ? end : taken; // it said yes: there is progress
    this.#location = locationOf(response, this.#endpoint);
    return this.#location;
  }

  /** 416: the registry has another offset than we; to be looked up, as after a failure of its own. */
  async #refusedChunk(response: IncomingMessage): Promise<ContainerError> {
    const status = response.statusCode ?? 0;
    const error = await errorFromResponse(`upload ${this.#upload.blob.digest}`, response);
    if (status === 416) return new ContainerError('unavailable', error.message, { ...error, cause: error });
    return status === 429 ? toFinal(error) : error;
  }

  /** After a failure: how far the registry has come. When it does not say, the upload begins anew. */
  async #findOffset(): Promise<void> {
    if (this.#location === undefined) return;
    const response = await this.#send('GET', this.#location).catch((error: unknown) => {
      if (errorCodeOf(error) === 'cancelled') throw error;
      return undefined;
    });
    response?.resume();
    const taken = response?.statusCode === 204 || response?.statusCode === 202 ? takenBytes(response) : undefined;
    if (response === undefined || taken === undefined || taken > this.#upload.blob.size) {
      await this.#discard();
      return;
    }
    this.#offset = taken;
    if (response.headers.location !== undefined) this.#location = locationOf(response, this.#endpoint);
  }

  async #discard(): Promise<void> {
    const location = this.#location;
    this.#location = undefined;
    if (location === undefined) return;
    const scope = this.#session.scope('pull,push');
    const target = { method: 'DELETE', target: location, scope, isRepeatable: false } as const;
    const response = await this.#session.send(this.#endpoint, target).catch(() => undefined); // it expires by itself
    response?.resume();
  }

  #bodyOf(begin: number, end: number): BodySource | undefined {
    if (begin >= end) return undefined;
    const { source, blob, onProgress, signal } = this.#upload;
    return {
      length: end - begin,
      open: () => countedBytes(source.stream(blob.digest, begin), begin, end, onProgress, signal),
    };
  }

  #send(
    method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH',
    target: string | URL,
    headers: Record<string, string> = {},
    body?: BodySource,
    scope = this.#session.scope('pull,push'),
  ): Promise<IncomingMessage> {
    // what a failed PATCH or PUT has left is to be looked up before more is sent
    const isRepeatable = method !== 'PATCH' && method !== 'PUT';
    const { signal } = this.#upload;
    return this.#session.send(this.#endpoint, { method, target, headers, body, scope, isRepeatable, signal });
  }
}

const octets = { 'content-type': 'application/octet-stream' };

async function* countedBytes(
  bytes: AsyncIterable<Buffer>,
  begin: number,
  end: number,
  onProgress: ((bytes: number) => void) | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  let at = begin;
  for await (const chunk of bytes) {
    if (signal?.aborted) return;
    const wanted = chunk.length > end - at ? chunk.subarray(0, end - at) : chunk;
    at += wanted.length;
    if (wanted.length > 0) yield wanted;
    onProgress?.(at);
    if (at >= end) return;
  }
  if (at < end) throw new ContainerError('data-loss', `read blob: ended at ${at} of ${end} bytes`);
}

function locationOf(response: IncomingMessage, endpoint: RegistryEndpoint): URL {
  const text = response.headers.location ?? '';
  if (text === '' || !URL.canParse(text, endpoint.base.href))
    throw new ContainerError('internal', `upload to ${endpoint.base.host}: no location in the answer`);
  const location = new URL(text, endpoint.base);
  if (endpoint.base.protocol === 'https:' && location.protocol !== 'https:')
    throw new ContainerError(
      'failed-precondition',
      `upload to ${endpoint.base.host}: led from HTTPS to ${location.origin}`,
    );
  return location;
}

/** The registry has forgotten the upload, as by a restart. */
function isLostUpload(error: unknown): boolean {
  const { reason } = error as { reason?: string };
  return reason === 'blob-upload-unknown' || reason === 'blob-upload-invalid';
}

/** `Range: 0-99` means 100 bytes; `0-0` is what an empty upload says too, so nothing is concluded from it. */
function takenBytes(response: IncomingMessage): number | undefined {
  const last = /^(?:bytes=)?0-(\d+)$/.exec(String(response.headers.range ?? ''))?.[1];
  if (last === undefined) return undefined;
  return last === '0' ? 0 : Number(last) + 1;
}

/** A repository that we may not read is simply none to mount from. */
function refusedMount(error: unknown): undefined {
  if (errorCodeOf(error) !== 'unauthenticated' && errorCodeOf(error) !== 'permission-denied') throw error;
}
