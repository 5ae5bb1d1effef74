// Brings the sources of a COPY or ADD into an image's mounted filesystem: no link leads out, owners as docker gives them.
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  createReadStream,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorMessageOf } from '@tscontainer/core/errors';
import { decompressed } from '@tscontainer/distribution/decompression';
import { extractTree, packTree } from '@tscontainer/linux/archive';
import { makeFifo } from '@tscontainer/linux/fifo';
import { lookUpInRoot } from '@tscontainer/linux/mounts';
import { peek } from '@tscontainer/platform/stream-head';
import { isDirectory, resolveInRoot } from '../container-files/root-location.ts';
import { extractStream } from '../container-files/tree-streams.ts';
import { buildFailure } from './build-failure.ts';
import { type CopySource, hostPathOf } from './copy-sources.ts';

export interface Owner {
  uid: number;
  gid: number;
}

export interface CopyTarget {
  /** Mounted, and nobody else's while it is copied to. */
  root: string;
  /** Absolute in the image; a slash at its end makes it a directory. */
  destination: string;
  /** Undefined: files keep their owners, as between stages. */
  owner: Owner | undefined;
  /** Local archives are unpacked: ADD. */
  unpacks: boolean;
  /** For pipes. */
  scratch: string;
}

const rootOwner: Owner = { uid: 0, gid: 0 };
const tarBlockBytes = 512;

/** Rejects invalid-argument when something other than a directory is in the way. */
export async function copySource(source: CopySource, target: CopyTarget): Promise<void> {
  const { root, destination } = target;
  const resolved = await resolveInRoot(root, destination);
  const place = await lookUpInRoot(root, resolved);
  const isPlaceDirectory = place !== null && isDirectory(place);
  if (source.isDirectory || (target.unpacks && !source.isRemote && (await isArchive(source)))) {
    if (place !== null && !isPlaceDirectory) throw buildFailure(`cannot copy to non-directory: ${destination}`);
    await makeDirectories(root, resolved, rootOwner);
    if (!source.isDirectory) return unpack(source, target, resolved);
    if (place === null && target.owner !== undefined)
      chownSync(join(root, resolved), target.owner.uid, target.owner.gid);
    return transfer({ root: await hostPathOf(source), path: '', name: '' }, target, resolved);
  }
  const isInside = destination.endsWith('/') || isPlaceDirectory;
  const directory = isInside ? resolved : dirname(`/${resolved}`).slice(1);
  const name = basename(isInside ? source.path : resolved);
  await makeDirectories(root, directory, target.owner);
  await transfer({ root: await source.open(), path: source.resolved, name }, target, directory);
}

/** Those that are missing; `owner` undefined leaves them root's. */
export async function makeDirectories(root: string, path: string, owner: Owner | undefined): Promise<void> {
  const parts = path.split('/').filter((part) => part !== '');
  for (let depth = 1; depth <= parts.length; depth++) {
    const directory = parts.slice(0, depth).join('/');
    const place = await lookUpInRoot(root, directory);
    if (place !== null && !isDirectory(place)) throw buildFailure(`mkdir /${directory}: not a directory`);
    if (place !== null) continue;
    mkdirSync(join(root, directory), 0o755);
    chmodSync(join(root, directory), 0o755);
    if (owner !== undefined) chownSync(join(root, directory), owner.uid, owner.gid);
  }
}

/** A tar, compressed or not. */
async function isArchive(source: CopySource): Promise<boolean> {
  const path = await hostPathOf(source);
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { size } = await handle.stat();
    if (size === 0) return false;
  } finally {
    await handle.close();
  }
  const stream = createReadStream(path);
  try {
    const plain = await decompressed(stream);
    const { first, whole } = await peek(plain, tarBlockBytes);
    whole.destroy();
    return first.length >= tarBlockBytes && hasTarChecksum(first.subarray(0, tarBlockBytes));
  } catch {
    return false; // what begins like a compressed file and is none is copied as it is
  } finally {
    stream.destroy();
  }
}

/** The sum of the header's bytes, its own field taken as blanks. */
function hasTarChecksum(header: Buffer): boolean {
  const stated = Number.parseInt(header.toString('latin1', 148, 156).replace(/[\0 ]/g, ''), 8);
  let sum = 0;
  for (const [at, byte] of header.entries()) sum += at >= 148 && at < 156 ? 0x20 : byte;
  return stated === sum;
}

async function unpack(source: CopySource, { root, scratch }: CopyTarget, path: string): Promise<void> {
  const plain = await decompressed(createReadStream(await hostPathOf(source)));
  await extractStream(scratch, plain, { root, path, keepsTypes: false, owner: undefined, ids: undefined });
}

/** The addon packs on one thread and unpacks on another; nothing passes through here. */
async function transfer(
  from: { root: string; path: string; name: string },
  { root, owner, scratch }: CopyTarget,
  path: string,
): Promise<void> {
  const directory = mkdtempSync(join(scratch, 'copy-'));
  const pipe = join(directory, 'pipe');
  makeFifo(pipe, 0o600);
  // ends of our own: neither side finds the other missing, and each sees the other's end when ours is closed
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    const [extracted, packed] = await Promise.allSettled([
      extractTree({ root, path, pipe, keepsTypes: false, owner, ids: undefined }).finally(() => closeSync(reader)),
      packTree({ ...from, pipe, ids: undefined }).finally(() => closeSync(writer)),
    ]);
    // a broken pipe is only the echo of what went wrong at the other end
    if (packed.status === 'rejected' && !/EPIPE/.test(errorMessageOf(packed.reason))) throw packed.reason;
    if (extracted.status === 'rejected') throw extracted.reason;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
