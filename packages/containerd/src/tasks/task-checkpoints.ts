// Checkpoints of tasks as content: taken by the runtime into a directory, kept as blobs, given back to Create as a directory.

import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isAlreadyExists } from '@tscontainer/core/errors';
import { randomHex } from '@tscontainer/core/ids';
import { applyLayer, writeTree } from '@tscontainer/linux/archive';
import { wireMessage } from '@tscontainer/platform/wire-codec';
import type { Container, ContainerStore } from '../containers/container-store.ts';
import type { ContentStore } from '../content/content-store.ts';
import type { AnyMessage } from '../events/event-exchange.ts';
import type { ImageTarget } from '../images/image-store.ts';
import type { Scope } from '../metadata/scope.ts';
import type { TaskManager } from './task-manager.ts';

export interface TaskCheckpointsOptions {
  content: ContentStore;
  containers: ContainerStore;
  tasks: TaskManager;
  /** A directory of its own, for images on their way. */
  temporary: string;
}

/** containerd's media types: criu's image directory as a tar, and the container's spec. */
const imageType = 'application/vnd.containerd.container.criu.checkpoint.criu.tar';
const specType = 'application/vnd.containerd.container.checkpoint.config.v1+proto';

const checkpointOptions = wireMessage<{ imagePath: string }>('containerd.runc.v1.CheckpointOptions');

export class TaskCheckpoints {
  readonly #options: TaskCheckpointsOptions;

  /** Images that a killed daemon left go here. */
  constructor(options: TaskCheckpointsOptions) {
    this.#options = options;
    rmSync(options.temporary, { recursive: true, force: true });
  }

  /** Blobs of image and spec; none when the options name a path of the caller's, where the image is left. */
  async take(scope: Scope, id: string, options: AnyMessage | null): Promise<ImageTarget[]> {
    const { tasks, containers } = this.#options;
    const container = containers.get(scope.namespace, id);
    const given = imagePathOf(options);
    if (given !== '') {
      await tasks.call(scope.namespace, id, 'Checkpoint', { path: given, options });
      return [];
    }
    const directory = this.#makeDirectory();
    try {
      const path = join(directory, 'image');
      mkdirSync(path, { mode: 0o700 });
      await tasks.call(scope.namespace, id, 'Checkpoint', { path, options });
      return [await this.#keepImage(scope, directory, path), await this.#keepSpec(scope, container)];
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  /** The image as a directory, to be removed after the create. Throws not-found (the blob). */
  async unpack(namespace: string, { digest }: ImageTarget): Promise<{ path: string; remove: () => void }> {
    const blob = this.#options.content.readerPath(namespace, digest);
    const path = this.#makeDirectory();
    const remove = () => rmSync(path, { recursive: true, force: true });
    try {
      await applyLayer({ blob, target: path, whiteouts: 'delete', maxBytes: 0 });
      return { path, remove };
    } catch (error) {
      remove();
      throw error;
    }
  }

  #makeDirectory(): string {
    mkdirSync(this.#options.temporary, { recursive: true, mode: 0o700 });
    return mkdtempSync(join(this.#options.temporary, 'checkpoint-'));
  }

  async #keepImage(scope: Scope, directory: string, source: string): Promise<ImageTarget> {
    const archive = join(directory, 'image.tar');
    const { digest, size } = await writeTree({ source, archive, overlayWhiteouts: false, compression: 'none' });
    await this.#keep(scope, digest, size, createReadStream(archive, { highWaterMark: 1 << 20 }));
    return { mediaType: imageType, digest, size, annotations: {} };
  }

  async #keepSpec(scope: Scope, { spec }: Container): Promise<ImageTarget> {
    const bytes = wireMessage<AnyMessage>('google.protobuf.Any').encode(
      spec ?? { typeUrl: '', value: Buffer.alloc(0) },
    );
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    await this.#keep(scope, digest, bytes.length, [bytes]);
    return { mediaType: specType, digest, size: bytes.length, annotations: {} };
  }

  async #keep(
    scope: Scope,
    digest: string,
    size: number,
    chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
  ): Promise<void> {
    try {
      const writer = await this.#options.content.openWriter(scope, `checkpoint-${randomHex(8)}`, {
        size,
        expected: digest,
      });
      try {
        for await (const chunk of chunks) await writer.write(chunk);
        await writer.commit(size, digest, {});
      } finally {
        await writer.abort();
      }
    } catch (error) {
      if (!isAlreadyExists(error)) throw error; // the same checkpoint, or spec, was kept before
    }
  }
}

function imagePathOf(options: AnyMessage | null): string {
  const isKnown = options?.typeUrl.endsWith(checkpointOptions.typeName) === true;
  return isKnown ? checkpointOptions.decode(options.value).imagePath : '';
}
