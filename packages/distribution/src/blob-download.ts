// Downloads one blob as a verified stream: cut connections are resumed by Range, a few times, with growing pauses.
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { ContainerError } from '@tscontainer/core/errors';
import { type Descriptor, isForeignLayerType } from '@tscontainer/core/oci-image';
import { digestOf } from './chain-id.ts';
import { isRetryable, maxAttempts, pauseMs } from './retry.ts';

export interface BlobSource {
  /** `offset` in the answer is 0 when the server ignored the range. */
  openBlob(
    digest: string,
    offset: number,
    signal?: AbortSignal,
    urls?: string[],
  ): Promise<{ body: IncomingMessage; offset: number }>;
}

/** Times that one blob is gone on with, whatever progress was made between: a peer that drips is given up. */
const maxResumptions = 1000;

/** A blob downloaded whole and verified. `descriptor.size` bounds it. Rejects as downloadBlob, and failed-precondition
 * (reason `digest-mismatch`). */
export async function fetchBlob(source: BlobSource, descriptor: Descriptor, signal?: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of downloadBlob(source, descriptor, 0, signal)) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const digest = digestOf(bytes);
  if (digest !== descriptor.digest) throw digestMismatch(descriptor, `got ${digest}`);
  return bytes;
}

/**
 * Yields the blob's bytes from `startOffset` on, each once, and ends only when the size is right. The digest is for who
 * stores it to verify: it is hashed there anyway. Rejects failed-precondition (reason `digest-mismatch`),
 * unavailable after five tries that brought nothing, cancelled.
 */
export async function* downloadBlob(
  source: BlobSource,
  descriptor: Descriptor,
  startOffset: number,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  let received = startOffset;
  let resumptions = 0;
  for (let attempt = 0; received < descriptor.size || attempt === 0; attempt++) {
    const before = received;
    try {
      if (received === descriptor.size && received > 0) break;
      for await (const chunk of readFrom(source, descriptor, received, signal)) {
        received += chunk.length;
        if (received > descriptor.size) throw digestMismatch(descriptor, `more than ${descriptor.size} bytes`);
        yield chunk;
      }
      if (received < descriptor.size)
        throw new ContainerError(
          'unavailable',
          `download ${descriptor.digest}: ended after ${received} of ${descriptor.size} bytes`,
        );
    } catch (error) {
      if (signal?.aborted)
        throw new ContainerError('cancelled', `download ${descriptor.digest}: cancelled`, { cause: error });
      if (received > before) attempt = 0; // tries count as long as nothing comes of them
      resumptions++;
      if (!isRetryable(error) || attempt === maxAttempts - 1 || resumptions > maxResumptions) throw error;
      await sleep(pauseMs(attempt), undefined, signal === undefined ? {} : { signal }).catch(() => undefined); // the next turn sees the abort
    }
  }
}

/** From `offset` on: what a server without ranges sends before is dropped. */
async function* readFrom(
  source: BlobSource,
  descriptor: Descriptor,
  offset: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  const urls = isForeignLayerType(descriptor.mediaType) ? (descriptor.urls ?? []) : [];
  const { body, offset: begin } = await source.openBlob(descriptor.digest, offset, signal, urls);
  let skip = offset - begin;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (skip >= chunk.length) {
        skip -= chunk.length;
        continue;
      }
      yield skip === 0 ? chunk : chunk.subarray(skip);
      skip = 0;
    }
  } finally {
    body.destroy();
  }
}

export function digestMismatch(descriptor: Descriptor, what: string): ContainerError {
  return new ContainerError('failed-precondition', `verification failed for digest ${descriptor.digest}: ${what}`, {
    reason: 'digest-mismatch',
  });
}
