// A caller's hand on one upload: it writes, and either commits it as a blob, aborts it, or leaves it to be resumed.
import { ContainerError } from '@tscontainer/core/errors';
import { checkLabels, type Labels } from '../metadata/labels.ts';
import type { Scope } from '../metadata/scope.ts';
import type { Ingest, IngestStatus } from './ingest.ts';

/** What the content store does for a writer at its end. */
export interface WriterHost {
  commit(scope: Scope, ingest: Ingest, digest: string, labels: Labels): Promise<void>;
  discard(ingest: Ingest): void;
  unlock(ingest: Ingest): void;
}

/** Story: `write` any number of times, then exactly one of `commit`, `abort`, `close`. */
export class ContentWriter {
  readonly #host: WriterHost;
  readonly #scope: Scope;
  readonly #ingest: Ingest;
  #isDone = false;

  constructor(host: WriterHost, scope: Scope, ingest: Ingest) {
    this.#host = host;
    this.#scope = scope;
    this.#ingest = ingest;
  }

  get status(): IngestStatus {
    return this.#ingest.status;
  }

  /** `sha256:...` of what is written so far. */
  get digest(): string {
    return this.#ingest.digest;
  }

  /** Appends; at most one write at a time. Throws resource-exhausted. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#ingest.write(bytes);
  }

  /** Begins again at byte 0. */
  reset(): Promise<void> {
    return this.#ingest.reset();
  }

  /**
   * Makes the blob, durably, and answers its digest. `size` 0 and `digest` '' are not compared. Throws
   * failed-precondition when they differ (the upload stays), already-exists when the namespace has the blob.
   */
  async commit(size: number, digest: string, labels: Labels = {}): Promise<string> {
    checkLabels(labels);
    const actual = this.#ingest.digest;
    if (size > 0 && size !== this.#ingest.offset) {
      throw new ContainerError(
        'failed-precondition',
        `unexpected commit size ${this.#ingest.offset}, expected ${size}: failed precondition`,
      );
    }
    if (digest !== '' && digest !== actual) {
      throw new ContainerError(
        'failed-precondition',
        `unexpected commit digest ${actual}, expected ${digest}: failed precondition`,
      );
    }
    this.#isDone = true;
    try {
      await this.#host.commit(this.#scope, this.#ingest, actual, labels);
    } finally {
      this.#host.discard(this.#ingest);
      this.#host.unlock(this.#ingest);
    }
    return actual;
  }

  /** Drops what was written. */
  async abort(): Promise<void> {
    if (this.#isDone) return;
    this.#isDone = true;
    await this.#ingest.close();
    this.#host.discard(this.#ingest);
    this.#host.unlock(this.#ingest);
  }

  /** Leaves the upload to be resumed under its ref. No effect after commit or abort. */
  async close(): Promise<void> {
    if (this.#isDone) return;
    this.#isDone = true;
    await this.#ingest.close();
    this.#host.unlock(this.#ingest);
  }
}
