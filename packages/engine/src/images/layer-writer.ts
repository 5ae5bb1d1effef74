// Turns what was written to a snapshot into a layer: its tar goes into the content store, and the snapshot itself may
// become the unpacked layer, so that nothing is extracted again. commit and the builder call it.
import { createReadStream, existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Digest } from '@tscontainer/core/digest';
import { isAlreadyExists } from '@tscontainer/core/errors';
import { randomHex } from '@tscontainer/core/ids';
import { type Descriptor, mediaTypes } from '@tscontainer/core/oci-image';
import { chainIdOf, digestOf } from '@tscontainer/distribution/chain-id';
import { putStream } from '@tscontainer/distribution/content-ingest';
import { type IdRange, writeTree } from '@tscontainer/linux/archive';
import { lookUpInRoot, type Mount } from '@tscontainer/linux/mounts';
import { removeTree } from '@tscontainer/linux/tree';
import { disposeTree } from '../containers/disposal.ts';
import type { EngineContext } from '../containers/engine-context.ts';
import { runtimePlaces } from '../containers/runtime-places.ts';
import { containerdSinks } from './containerd-sinks.ts';

export interface NewLayer {
  descriptor: Descriptor;
  diffId: Digest;
  /** Its snapshot is there, under the chain id. */
  isUnpacked: boolean;
  /** Its blob is in the content store when this resolves; only a snapshot that was sealed is there before. */
  stored: Promise<void>;
}

/** A snapshot that is not mounted any more. */
export interface WrittenSnapshot {
  snapshotter: string;
  key: string;
  mounts: Mount[];
  ids: IdRange | undefined;
  /** It stands on no other layer. */
  isLowest: boolean;
}

/** Of a tar without entries: no layer. */
const emptyDiffId = digestOf(Buffer.alloc(1024));

/** Undefined when nothing was written. The snapshot stays as it is. */
export async function layerOfSnapshot(
  context: EngineContext,
  snapshot: WrittenSnapshot,
  lease: string,
): Promise<NewLayer | undefined> {
  const directory = writtenDirectory(snapshot);
  if (directory === undefined) return comparedLayer(context, snapshot, lease);
  const excluded = await madeByRuntime(directory, lowersOf(snapshot.mounts));
  const layer = await packedLayer(context, directory, excluded, snapshot.ids, lease);
  await layer?.stored;
  return layer;
}

/**
 * The same, and the snapshot becomes that layer's: `key` is gone then. For a snapshot that is to be removed anyway; what
 * the runtime made in it for its mounts goes. `below`: the diff ids of the layers that it stands on.
 */
export async function sealSnapshot(
  context: EngineContext,
  snapshot: WrittenSnapshot,
  below: Digest[],
  lease: string,
): Promise<NewLayer | undefined> {
  const directory = writtenDirectory(snapshot);
  if (directory === undefined || snapshot.ids !== undefined) return layerOfSnapshot(context, snapshot, lease);
  for (const path of await madeByRuntime(directory, lowersOf(snapshot.mounts))) await removeTree(join(directory, path));
  const layer = await packedLayer(context, directory, [], undefined, lease);
  if (layer === undefined) return undefined;
  const { unpack } = containerdSinks(context.client, snapshot.snapshotter, lease);
  try {
    await unpack.snapshots.commit(chainIdOf([...below, layer.diffId]), snapshot.key, {});
  } catch (error) {
    if (!isAlreadyExists(error)) throw error; // somebody has made the very same layer: its snapshot serves
    await unpack.snapshots.remove(snapshot.key);
  }
  return { ...layer, isUnpacked: true };
}

function optionOf(mount: Mount, key: string): string | undefined {
  return mount.options.find((option) => option.startsWith(key))?.slice(key.length);
}

/** Where the snapshotter keeps what was written; undefined when it does not tell. */
function writtenDirectory({ mounts, isLowest }: WrittenSnapshot): string | undefined {
  const [mount] = mounts;
  if (mount === undefined || mounts.length > 1) return undefined;
  const directory = mount.type === 'overlay' ? optionOf(mount, 'upperdir=') : isLowest ? mount.source : undefined;
  return directory !== undefined && existsSync(directory) ? directory : undefined;
}

function lowersOf(mounts: Mount[]): string[] {
  const text = mounts[0] === undefined ? undefined : optionOf(mounts[0], 'lowerdir=');
  return (text ?? '').split(':').filter((path) => path !== '');
}

async function packedLayer(
  context: EngineContext,
  directory: string,
  excluded: string[],
  ids: IdRange | undefined,
  lease: string,
): Promise<NewLayer | undefined> {
  mkdirSync(context.paths.temporary, { recursive: true, mode: 0o700 });
  const scratch = mkdtempSync(join(context.paths.temporary, 'layer-'));
  const archive = join(scratch, 'layer.tar.gz');
  const discard = () => disposeTree(scratch, context.log);
  try {
    const { digest, diffId, size } = await writeTree({
      source: directory,
      archive,
      overlayWhiteouts: true,
      compression: 'gzip',
      excluded,
      ids,
    });
    if (diffId === emptyDiffId) {
      discard();
      return undefined;
    }
    const descriptor = { mediaType: mediaTypes.ociLayerGzip, digest, size };
    const { content } = containerdSinks(context.client, context.config.snapshotter, lease);
    const labels = { 'containerd.io/uncompressed': diffId };
    const open = (offset: number) => createReadStream(archive, { start: offset }) as AsyncIterable<Buffer>;
    const stored = putStream(content, descriptor, labels, open, () => undefined)
      .then(() => undefined)
      .finally(discard);
    stored.catch(() => undefined); // whoever needs it waits for it
    return { descriptor, diffId, isUnpacked: false, stored };
  } catch (error) {
    discard();
    throw error;
  }
}

/** Places for mounts that no layer below has, and the directories that overlay copied up for them alone. */
async function madeByRuntime(upper: string, lowers: string[]): Promise<string[]> {
  const made = new Set<string>();
  for (const place of runtimePlaces) {
    const path = place.slice(1);
    if ((await lookUpInRoot(upper, path)) === null) continue;
    const below = await Promise.all(lowers.map((lower) => lookUpInRoot(lower, path)));
    if (below.every((found) => found === null)) made.add(path);
  }
  const parents = new Set([...made].map((path) => dirname(path)).filter((parent) => parent !== '.'));
  for (const parent of parents) if (await isCopiedUpFor(parent, made, upper, lowers)) made.add(parent);
  return [...made].filter((path) => !made.has(dirname(path)));
}

/** The same directory is below, and nothing else was written in it. */
async function isCopiedUpFor(parent: string, made: Set<string>, upper: string, lowers: string[]): Promise<boolean> {
  const names = await readdir(join(upper, parent));
  if (!names.every((name) => made.has(`${parent}/${name}`))) return false;
  const own = await lstat(join(upper, parent));
  for (const lower of lowers) {
    const below = await lstat(join(lower, parent)).catch(() => undefined); // not in this layer
    if (below !== undefined) return below.mode === own.mode && below.uid === own.uid && below.gid === own.gid;
  }
  return false;
}

/** Of another snapshotter: the lifecycle daemon compares the snapshot with its parent. */
async function comparedLayer(
  context: EngineContext,
  { snapshotter, key, mounts: right }: WrittenSnapshot,
  lease: string,
): Promise<NewLayer | undefined> {
  const { client } = context;
  const { info } = await client.snapshots.Stat({ snapshotter, key });
  const viewKey = `${key}-compared-${randomHex(4)}`;
  const parent = info?.parent ?? '';
  const { mounts: left } =
    parent === ''
      ? { mounts: [] }
      : await client.snapshots.View({ snapshotter, key: viewKey, parent, labels: {} }, { lease });
  try {
    const { diff } = await client.diff.Diff(
      { left, right, mediaType: mediaTypes.ociLayerGzip, ref: viewKey, labels: {} },
      { lease },
    );
    const digest = diff?.digest ?? '';
    const { info: stored } = await client.content.Info({ digest });
    const diffId = stored?.labels['containerd.io/uncompressed'] ?? digest;
    if (diffId === emptyDiffId) return undefined;
    const descriptor = { mediaType: diff?.mediaType ?? mediaTypes.ociLayerGzip, digest, size: diff?.size ?? 0 };
    return { descriptor, diffId, isUnpacked: false, stored: Promise.resolve() };
  } finally {
    if (parent !== '') await client.snapshots.Remove({ snapshotter, key: viewKey });
  }
}
