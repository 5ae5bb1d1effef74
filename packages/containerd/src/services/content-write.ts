// The conversation of Content.Write: STAT, WRITE and COMMIT messages about one upload, each answered by its state.
import { ContainerError } from '@tscontainer/core/errors';
import type { ContentStore } from '../content/content-store.ts';
import type { ContentWriter } from '../content/content-writer.ts';
import type { Labels } from '../metadata/labels.ts';
import type { Scope } from '../metadata/scope.ts';
import type { Timestamp } from '../metadata/timestamp.ts';

export interface WriteRequest {
  action: 'STAT' | 'WRITE' | 'COMMIT';
  /** In the first message; later ones may repeat it. */
  ref: string;
  total: number;
  expected: string;
  /** Where the data go: the current offset, or 0 to begin again. */
  offset: number;
  data: Buffer;
  labels: Labels;
}

export interface WriteResponse {
  action: WriteRequest['action'];
  startedAt: Timestamp;
  updatedAt: Timestamp;
  offset: number;
  total: number;
  digest: string;
}

/** Ends after COMMIT, or with the requests: what was written then stays, to be resumed. */
export async function* writeContent(
  content: ContentStore,
  scope: Scope,
  requests: AsyncIterable<WriteRequest>,
): AsyncIterable<WriteResponse> {
  let upload: Upload | undefined;
  try {
    for await (const request of requests) {
      upload ??= await Upload.begin(content, scope, request);
      await upload.obey(request);
      yield upload.respond(request.action);
      if (request.action === 'COMMIT') return;
    }
  } finally {
    await upload?.writer.close();
  }
}

class Upload {
  readonly writer: ContentWriter;
  readonly #content: ContentStore;
  readonly #scope: Scope;
  readonly #ref: string;
  #total: number;
  #expected: string;
  #digest = '';

  private constructor(content: ContentStore, scope: Scope, request: WriteRequest, writer: ContentWriter) {
    this.#content = content;
    this.#scope = scope;
    this.#ref = request.ref;
    this.#total = request.total;
    this.#expected = request.expected;
    this.writer = writer;
  }

  static async begin(content: ContentStore, scope: Scope, request: WriteRequest): Promise<Upload> {
    if (request.ref === '')
      throw new ContainerError('invalid-argument', 'first message must have a reference: invalid argument');
    const writer = await content.openWriter(scope, request.ref, { size: request.total, expected: request.expected });
    return new Upload(content, scope, request, writer);
  }

  async obey(request: WriteRequest): Promise<void> {
    await this.#agree(request);
    if (request.action === 'STAT') {
      this.#digest = this.writer.digest;
      return;
    }
    await this.#write(request);
    if (request.action === 'COMMIT')
      this.#digest = await this.writer.commit(this.#total, this.#expected, request.labels);
  }

  respond(action: WriteRequest['action']): WriteResponse {
    const { startedAt, updatedAt, offset } = this.writer.status;
    return { action, startedAt, updatedAt, offset, total: this.#total, digest: this.#digest };
  }

  async #agree(request: WriteRequest): Promise<void> {
    if (request.ref !== '' && request.ref !== this.#ref) {
      throw new ContainerError('aborted', `changed references within the same stream: ${request.ref} != ${this.#ref}`);
    }
    if (request.total > 0) {
      if (this.#total > 0 && request.total !== this.#total) {
        throw new ContainerError(
          'failed-precondition',
          `commit size differs from writer size: ${request.total} != ${this.#total}`,
        );
      }
      this.#total = request.total;
    }
    if (request.expected === '') return;
    if (this.#expected !== '' && request.expected !== this.#expected) {
      throw new ContainerError(
        'failed-precondition',
        `commit digest differs from writer digest: ${request.expected} != ${this.#expected}`,
      );
    }
    this.#expected = request.expected;
    if (!this.#content.exists(this.#scope.namespace, request.expected)) return;
    await this.writer.abort();
    throw new ContainerError('already-exists', `blob with expected digest ${request.expected} exists: already exists`);
  }

  async #write(request: WriteRequest): Promise<void> {
    const { offset } = this.writer.status;
    if (request.offset > 0 && request.offset !== offset) {
      throw new ContainerError(
        'out-of-range',
        `write @${request.offset} must occur at current offset ${offset}: out of range`,
      );
    }
    if (request.offset === 0 && offset > 0) await this.writer.reset();
    if (request.data.length === 0) return;
    await this.writer.write(request.data);
    if (request.action === 'WRITE') this.#digest = this.writer.digest;
  }
}
