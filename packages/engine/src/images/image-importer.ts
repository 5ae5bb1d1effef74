// POST /images/create?fromSrc: a root filesystem's tar becomes an image of one layer.
import { createHash } from 'node:crypto';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import { randomHex } from '@tscontainer/core/ids';
import { type ImageConfig, mediaTypes, type Platform } from '@tscontainer/core/oci-image';
import { decompressed } from '@tscontainer/distribution/decompression';
import { hostPlatform } from '@tscontainer/distribution/platform-match';
import type { ContainerdClient } from '../containerd/containerd-client.ts';
import { nowText } from '../go-time.ts';
import { applyChanges } from './config-changes.ts';
import { ContentUpload } from './containerd-sinks.ts';
import { withLease } from './image-lease.ts';
import { makeImage } from './image-maker.ts';

export interface ImportRequest {
  /** The tar, compressed or not. */
  source: Readable;
  /** Record name; undefined for none. */
  name: string | undefined;
  message: string;
  changes: string[];
  platform: Platform | undefined;
}

/** Rejects invalid-argument for what is no tar. Resolves with the image's id. */
export async function importImage(
  client: ContainerdClient,
  snapshotter: string,
  request: ImportRequest,
): Promise<string> {
  const config = applyChanges({}, request.changes);
  return withLease(client, 'import', async (lease) => {
    const { descriptor, diffId } = await storeLayer(client, lease, request.source);
    const { architecture, os, variant } = request.platform ?? hostPlatform();
    const created = nowText();
    const image: ImageConfig = {
      architecture,
      os,
      ...(variant === undefined ? {} : { variant }),
      created,
      config,
      rootfs: { type: 'layers', diff_ids: [diffId] },
      history: [{ created, comment: request.message }],
    };
    const parts = { config: image, layers: [descriptor], name: request.name };
    return (await makeImage(client, snapshotter, lease, parts)).id;
  });
}

/** Compressed into the content store in one pass; the digests are known at its end. */
async function storeLayer(client: ContainerdClient, lease: string, source: Readable) {
  const plainHash = createHash('sha256');
  const storedHash = createHash('sha256');
  const upload = await ContentUpload.begin(client, `import-${randomHex(8)}`, undefined, { lease });
  let size = 0;
  try {
    let plainBytes = 0;
    const hashing = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        plainHash.update(chunk);
        plainBytes += chunk.length;
        done(null, chunk);
      },
    });
    await pipeline(await decompressed(source), hashing, createGzip(), async (packed: AsyncIterable<Buffer>) => {
      for await (const chunk of packed) {
        storedHash.update(chunk);
        size += chunk.length;
        await upload.write(chunk);
      }
    });
    if (plainBytes === 0) throw new ContainerError('invalid-argument', 'import: the archive is empty');
    const diffId = `sha256:${plainHash.digest('hex')}`;
    await upload.commit({ 'containerd.io/uncompressed': diffId });
    const digest = `sha256:${storedHash.digest('hex')}`;
    return { diffId, descriptor: { mediaType: mediaTypes.ociLayerGzip, digest, size } };
  } catch (error) {
    await upload.close(false);
    if (error instanceof ContainerError) throw error;
    throw new ContainerError('invalid-argument', `import: ${errorMessageOf(error)}`, { cause: error });
  }
}

/** A tar that another server has. Rejects invalid-argument, unavailable. */
export async function openSource(url: string, signal: AbortSignal): Promise<Readable> {
  const target = /^https?:\/\//.test(url) ? url : `http://${url}`;
  try {
    const response = await fetch(target, { signal });
    if (!response.ok || response.body === null)
      throw new ContainerError('unavailable', `import ${target}: ${response.status} ${response.statusText}`);
    return Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
  } catch (error) {
    if (error instanceof ContainerError) throw error;
    throw new ContainerError('unavailable', `import ${target}: ${errorMessageOf(error)}`, { cause: error });
  }
}
