// Checkpoints of tasks as content: taken by the runtime into a directory, kept as blobs, given back to Create as a directory.

import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerError, isAlreadyExists } from '@tscontainer/core/errors';
import { randomHex } from '@tscontainer/core/ids';
import { applyLayer, writeTree } from '@tscontainer/linux/archive';
import { removeTree } from '@tscontainer/linux/tree';
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
const runtimeOptions = wireMessage<{ criuImagePath: string }>('containerd.runc.v1.Options');

/** Below `temporary`: images being taken, which no daemon but this one knows of; and those that tasks wait for. */
const takenDirectory = 'taken';
const givenDirectory = 'given';

/**
 * An image that a task was created from is unpacked until its start has been answered, or it is deleted: shims restore at
 * start. Those that a daemon which was killed could not take away are found by `sweep`.
 */
export class TaskCheckpoints {
  readonly #options: TaskCheckpointsOptions;
  /** Directories of unpacked images: most tasks have none, and cost nothing here. */
  readonly #given = new Set<string>();

  /** Images that a killed daemon was taking go here. */
  constructor(options: TaskCheckpointsOptions) {
    this.#options = options;
    rmSync(join(options.temporary, takenDirectory), { recursive: true, force: true });
    for (const namespace of namesIn(join(options.temporary, givenDirectory)))
      for (const id of namesIn(join(options.temporary, givenDirectory, namespace)))
        this.#given.add(this.#pathOf(namespace, id));
  }

  /** Once the tasks of an earlier life are known: images without a task go. */
  sweep(): void {
    const { tasks, temporary } = this.#options;
    for (const namespace of namesIn(join(temporary, givenDirectory))) {
      const living = new Set(tasks.list(namespace));
      for (const id of namesIn(join(temporary, givenDirectory, namespace)))
        if (!living.has(id)) void this.release(namespace, id);
    }
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

  /**
   * The directory of the image that the task is to be made of: the options' own, or the blob unpacked, which `release`
   * takes away; '' when there is none. Throws invalid-argument for another kind of blob, not-found without one.
   */
  async give(namespace: string, id: string, options: AnyMessage | null, image: ImageTarget | null): Promise<string> {
    const own = criuImagePathOf(options);
    if (own !== '' || image === null) return own;
    const { mediaType, digest } = image;
    if (mediaType !== imageType)
      throw new ContainerError('invalid-argument', `restore ${id}: unsupported checkpoint type "${mediaType}"`);
    const blob = this.#options.content.readerPath(namespace, digest);
    const path = this.#pathOf(namespace, id);
    await this.release(namespace, id);
    this.#given.add(path);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    try {
      await applyLayer({ blob, target: path, whiteouts: 'delete', maxBytes: 0 });
    } catch (error) {
      await this.release(namespace, id);
      throw error;
    }
    return path;
  }

  /** The task runs, or is gone. */
  async release(namespace: string, id: string): Promise<void> {
    const path = this.#pathOf(namespace, id);
    if (this.#given.delete(path)) await removeTree(path);
  }

  #pathOf(namespace: string, id: string): string {
    return join(this.#options.temporary, givenDirectory, namespace, id);
  }

  #makeDirectory(): string {
    const directory = join(this.#options.temporary, takenDirectory);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return mkdtempSync(join(directory, 'checkpoint-'));
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

function namesIn(path: string): string[] {
  return existsSync(path) ? readdirSync(path) : [];
}

function criuImagePathOf(options: AnyMessage | null): string {
  const isKnown = options?.typeUrl.endsWith(runtimeOptions.typeName) === true;
  return isKnown ? runtimeOptions.decode(options.value).criuImagePath : '';
}

function imagePathOf(options: AnyMessage | null): string {
  const isKnown = options?.typeUrl.endsWith(checkpointOptions.typeName) === true;
  return isKnown ? checkpointOptions.decode(options.value).imagePath : '';
}
