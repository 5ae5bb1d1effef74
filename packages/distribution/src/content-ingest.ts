// Puts one blob into a content sink, whole or as a stream, and waits for others who write the same blob.
import { setTimeout as sleep } from 'node:timers/promises';
import { ContainerError, errorCodeOf, errorMessageOf, isAlreadyExists, withContext } from '@tscontainer/core/errors';
import type { Descriptor } from '@tscontainer/core/oci-image';
import { digestMismatch } from './blob-download.ts';
import type { ContentIngest, ContentSink, Labels } from './image-sinks.ts';

const pieceBytes = 512 * 1024;
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
  const pieces = new PieceWriter(ingest, onProgress);
  try {
    for await (const chunk of open(ingest.offset)) await pieces.add(chunk);
    await pieces.flush();
  } catch (error) {
    const code = errorCodeOf(error);
    const isKept = code === 'unavailable' || code === 'cancelled';
    if (isKept) await pieces.flush().catch(() => undefined); // the cause is what the caller has to know
    await ingest.close(isKept);
    throw error;
  }
  try {
    await ingest.commit(labels);
    return 'stored';
  } catch (error) {
    await ingest.close(false);
    throw errorCodeOf(error) === 'failed-precondition' ? digestMismatch(descriptor, errorMessageOf(error)) : error;
  }
}

/** Gathers what comes from a socket (16 KiB at a time over TLS) to pieces that are worth a write each. */
class PieceWriter {
  readonly #ingest: ContentIngest;
  readonly #onProgress: (bytes: number) => void;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #written: number;

  constructor(ingest: ContentIngest, onProgress: (bytes: number) => void) {
    this.#ingest = ingest;
    this.#onProgress = onProgress;
    this.#written = ingest.offset;
  }

  async add(chunk: Buffer): Promise<void> {
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= pieceBytes) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#waitingBytes === 0) return;
    const piece = this.#waiting.length === 1 ? (this.#waiting[0] as Buffer) : Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    await this.#ingest.write(piece);
    this.#written += piece.length;
    this.#onProgress(this.#written);
  }
}
