// Puts one blob into a content sink, whole or as a stream, and waits for others who write the same blob.
import { setTimeout as sleep } from 'node:timers/promises';
import { ContainerError, errorCodeOf, isAlreadyExists, withContext } from '@tscontainer/core/errors';
import type { Descriptor } from '@tscontainer/core/oci-image';
import type { ContentIngest, ContentSink, Labels } from './image-sinks.ts';

/** A blob that another pull writes is looked at this often, and given up after the bound. */
const lockedPauseMs = 100;
const lockedWaitMs = 15 * 60_000;

/** Opens an ingest, or resolves undefined when the blob is there (already, or because another writer finished it). */
export async function openIngest(
  content: ContentSink,
  descriptor: Descriptor,
  signal?: AbortSignal,
): Promise<ContentIngest | undefined> {
  const deadline = Date.now() + lockedWaitMs;
  for (;;) {
    try {
      // not `has` first: asking to write puts a blob that is there under the caller's lease
      return await content.ingest(descriptor);
    } catch (error) {
      if (isAlreadyExists(error)) return undefined;
      if (errorCodeOf(error) !== 'unavailable' || Date.now() > deadline) throw error;
    }
    if (signal?.aborted) throw new ContainerError('cancelled', `write ${descriptor.digest}: cancelled`);
    await sleep(lockedPauseMs);
  }
}

/** Stores a small blob with its labels; one that is there gets the labels added. */
export async function putBlob(
  content: ContentSink,
  descriptor: Descriptor,
  bytes: Buffer,
  labels: Labels,
): Promise<void> {
  const ingest = await openIngest(content, descriptor);
  if (ingest === undefined) return content.addLabels(descriptor.digest, labels);
  try {
    await ingest.write(bytes.subarray(ingest.offset));
    await ingest.commit(labels);
  } catch (error) {
    await ingest.close(false);
    throw withContext(`write ${descriptor.digest}`, error);
  }
}

/**
 * Stores a stream. `open` is called with the offset to go on from. `onProgress` gets the bytes written so far.
 * What was received stays for a later try when the network failed or the caller went, not when it was wrong.
 */
export async function putStream(
  content: ContentSink,
  descriptor: Descriptor,
  labels: Labels,
  open: (offset: number) => AsyncIterable<Buffer>,
  onProgress: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<'stored' | 'exists'> {
  const ingest = await openIngest(content, descriptor, signal);
  if (ingest === undefined) {
    await content.addLabels(descriptor.digest, labels);
    return 'exists';
  }
  try {
    let written = ingest.offset;
    for await (const chunk of open(ingest.offset)) {
      await ingest.write(chunk);
      written += chunk.length;
      onProgress(written);
    }
    await ingest.commit(labels);
    return 'stored';
  } catch (error) {
    const code = errorCodeOf(error);
    await ingest.close(code === 'unavailable' || code === 'cancelled');
    throw error;
  }
}
