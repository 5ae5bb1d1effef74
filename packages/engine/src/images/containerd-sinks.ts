// A pulled or loaded image's way into containerd over its own API: Content, Images, Snapshots and Diff.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Digest } from '@tscontainer/core/digest';
import { ContainerError, errorCodeOf, errorMessageOf, isAlreadyExists, isNotFound } from '@tscontainer/core/errors';
import type { Descriptor } from '@tscontainer/core/oci-image';
import type {
  ContentIngest,
  ContentSink,
  ImageSink,
  ImageSinks,
  Labels,
  LayerApplier,
  SnapshotSink,
} from '@tscontainer/distribution/image-sinks';
import { uploadRefOf } from '@tscontainer/distribution/upload-ref';
import type {
  WriteContentRequest,
  WriteContentResponse,
} from '@tscontainer/platform/contracts/containerd/services/content/v1/content';
import type { Sent } from '@tscontainer/platform/contracts/message-forms';
import type { CallOptions, DuplexCall } from '@tscontainer/platform/grpc-client';
import type { ContainerdClient } from '../containerd/containerd-client.ts';

type WriteCall = DuplexCall<Sent<WriteContentRequest>, WriteContentResponse>;

/** Bytes gathered before one write: each is a round trip. */
const writeBytes = 1024 * 1024;
/** Tries to drop an upload that is still locked, and milliseconds between them. */
const maxAbortAttempts = 100;
const abortPauseMs = 20;
/** A whole blob is read into memory only when it is a manifest or a config. */
const maxReadBytes = 4 * 1024 * 1024;

/** Everything done through the sinks is held by `lease`. */
export function containerdSinks(client: ContainerdClient, snapshotter: string, lease: string): Required<ImageSinks> {
  const options = { lease };
  return {
    content: contentSink(client, options),
    images: imageSink(client, options),
    unpack: { snapshots: snapshotSink(client, snapshotter, options), applier: layerApplier(client, options) },
  };
}

export function contentSink(client: ContainerdClient, options: CallOptions): ContentSink {
  return {
    has: (digest) => exists(client.content.Info({ digest }, options)),
    read: (digest) => readBlob(client, digest),
    ingest: (descriptor) => ContentUpload.begin(client, uploadRefOf(descriptor), descriptor, options),
    addLabels: async (digest, labels) => {
      if (Object.keys(labels).length === 0) return;
      await client.content.Update(
        { info: { digest, labels }, updateMask: { paths: Object.keys(labels).map((key) => `labels.${key}`) } },
        options,
      );
    },
  };
}

async function exists(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

export async function readBlob(client: ContainerdClient, digest: Digest): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const { data } of client.content.Read({ digest })) {
    length += data.length;
    if (length > maxReadBytes)
      throw new ContainerError('resource-exhausted', `read content ${digest}: more than ${maxReadBytes} bytes`);
    chunks.push(data);
  }
  return Buffer.concat(chunks);
}

/** One Content.Write stream. Story: `begin`, `write`s, then `commit` or `close`. */
export class ContentUpload implements ContentIngest {
  readonly offset: number;
  readonly #client: ContainerdClient;
  readonly #options: CallOptions;
  readonly #ref: string;
  readonly #expected: Descriptor | undefined;
  readonly #call: WriteCall;
  readonly #answers: AsyncIterator<WriteContentResponse>;
  #sent: number;
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;

  private constructor(
    client: ContainerdClient,
    options: CallOptions,
    ref: string,
    expected: Descriptor | undefined,
    call: WriteCall,
    answers: AsyncIterator<WriteContentResponse>,
    offset: number,
  ) {
    this.#client = client;
    this.#options = options;
    this.#ref = ref;
    this.#expected = expected;
    this.#call = call;
    this.#answers = answers;
    this.offset = offset;
    this.#sent = offset;
  }

  /** `expected` undefined: the digest is known only at the end. Rejects already-exists, unavailable (locked). */
  static async begin(
    client: ContainerdClient,
    ref: string,
    expected: Descriptor | undefined,
    options: CallOptions,
  ): Promise<ContentUpload> {
    const call = client.content.Write(options);
    const answers = call[Symbol.asyncIterator]();
    const about = expected === undefined ? {} : { total: expected.size, expected: expected.digest };
    const answer = await exchange(call, answers, { action: 'STAT', ref, ...about });
    return new ContentUpload(client, options, ref, expected, call, answers, answer.offset);
  }

  async write(chunk: Buffer): Promise<void> {
    this.#gathered.push(chunk);
    this.#gatheredBytes += chunk.length;
    if (this.#gatheredBytes >= writeBytes) await this.#flush();
  }

  async commit(labels: Labels): Promise<void> {
    await this.#flush();
    const expected = this.#expected?.digest ?? '';
    const total = this.#expected?.size ?? this.#sent;
    try {
      await exchange(this.#call, this.#answers, {
        action: 'COMMIT',
        ref: this.#ref,
        offset: this.#sent,
        total,
        expected,
        labels,
      });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    this.#call.end();
    while (!(await this.#answers.next().catch(() => ({ done: true }))).done); // the peer's end: the ref is unlocked then
  }

  async close(keep: boolean): Promise<void> {
    this.#call.cancel();
    await this.#answers.next().catch(() => undefined); // waits for the end, whichever
    if (keep) return;
    await this.#abort();
  }

  /** The peer lets go of the upload a moment after the call's end. */
  async #abort(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#client.content.Abort({ ref: this.#ref }, this.#options);
        return;
      } catch (error) {
        if (isNotFound(error)) return;
        if (attempt === maxAbortAttempts || !isStillWritten(error)) throw error;
      }
      await sleep(abortPauseMs);
    }
  }

  async #flush(): Promise<void> {
    if (this.#gatheredBytes === 0) return;
    const data = this.#gathered.length === 1 ? (this.#gathered[0] as Buffer) : Buffer.concat(this.#gathered);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    for (let at = 0; at < data.length; at += writeBytes) {
      const part = data.subarray(at, at + writeBytes);
      await exchange(this.#call, this.#answers, { action: 'WRITE', ref: this.#ref, offset: this.#sent, data: part });
      this.#sent += part.length;
    }
  }
}

async function exchange(
  call: WriteCall,
  answers: AsyncIterator<WriteContentResponse>,
  request: Sent<WriteContentRequest>,
): Promise<WriteContentResponse> {
  const written = call.write(request).catch(() => undefined); // a broken stream's own error comes with the answer
  const answer = await answers.next();
  await written;
  if (!answer.done) return answer.value;
  throw new ContainerError('unavailable', `write content ${request.ref}: the stream ended`);
}

function imageSink(client: ContainerdClient, options: CallOptions): ImageSink {
  return {
    put: async (name, target, labels) => {
      const image = { name, labels, target: toTarget(target) };
      try {
        await client.images.Create({ image }, options);
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
        await client.images.Update(
          { image, updateMask: { paths: ['target', ...Object.keys(labels).map((key) => `labels.${key}`)] } },
          options,
        );
      }
    },
  };
}

function toTarget({ mediaType, digest, size, annotations }: Descriptor) {
  return { mediaType, digest, size, annotations: annotations ?? {} };
}

function snapshotSink(client: ContainerdClient, snapshotter: string, options: CallOptions): SnapshotSink {
  return {
    name: snapshotter,
    has: async (key) => {
      // held before it is looked at: the collector takes nothing in between
      if (options.lease)
        await client.leases.AddResource({ id: options.lease, resource: { id: key, type: `snapshots/${snapshotter}` } });
      return exists(client.snapshots.Stat({ snapshotter, key }, options));
    },
    prepare: async (key, parent, labels) =>
      (await client.snapshots.Prepare({ snapshotter, key, parent, labels }, options)).mounts,
    commit: async (name, key, labels) => {
      await client.snapshots.Commit({ snapshotter, name, key, labels }, options);
    },
    remove: async (key) => {
      await client.snapshots.Remove({ snapshotter, key }, options);
    },
  };
}

function layerApplier(client: ContainerdClient, options: CallOptions): LayerApplier {
  return {
    apply: async (layer, mounts) => {
      const { applied } = await client.diff.Apply({ diff: toTarget(layer), mounts, syncFs: true }, options);
      return { diffId: applied?.digest ?? '', implied: new Uint8Array() };
    },
  };
}

/** containerd answers so while the ended upload still holds its directory, or drops a file into it while it is removed. */
function isStillWritten(error: unknown): boolean {
  return errorCodeOf(error) === 'unavailable' || /directory not empty/.test(errorMessageOf(error));
}
