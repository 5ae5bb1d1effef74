// `changes`: what a container's filesystem has, has not or has otherwise than its image; compared, since no layer tells all.

import type { BigIntStats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { randomHex } from '@tscontainer/core/ids';
import { lookUpInRoot, type Mount } from '@tscontainer/linux/mounts';
import type { Container } from '../containers/container.ts';
import { containerMounts, whenMade } from '../containers/container-making.ts';
import type { EngineContext } from '../containers/engine-context.ts';
import { runtimePlaces } from '../containers/runtime-places.ts';
import { withLease } from '../images/image-lease.ts';
import { mountScratch, openOwnRoot } from './container-root.ts';

export type ChangeKind = 'modified' | 'added' | 'deleted';

export interface FilesystemChange {
  /** Absolute in the container. */
  path: string;
  kind: ChangeKind;
}

/** By path, parents before children. */
export async function changesOf(context: EngineContext, container: Container): Promise<FilesystemChange[]> {
  const { snapshotter, snapshotKey } = container.settings;
  await whenMade(context, container);
  const { info } = await context.client.snapshots.Stat({ snapshotter, key: snapshotKey });
  const key = `${snapshotKey}-changes-${randomHex(8)}`;
  // the lease keeps the view from the collector, and takes it away
  return withLease(context.client, 'changes', async (lease) => {
    const request = { snapshotter, key, parent: info?.parent ?? '', labels: {} };
    const { mounts } = await context.client.snapshots.View(request, { lease });
    try {
      return await compare(context, container, mounts);
    } finally {
      await context.client.snapshots.Remove({ snapshotter, key });
    }
  });
}

async function compare(context: EngineContext, container: Container, below: Mount[]): Promise<FilesystemChange[]> {
  const lower = await mountScratch(context, below, false);
  try {
    const upper = await openOwnRoot(context, container);
    try {
      const written = upperOf(await containerMounts(context, container));
      return withoutRuntimePlaces(await new Comparison(lower.path, upper.path, written).run());
    } finally {
      await upper.release();
    }
  } finally {
    await lower.release();
  }
}

function upperOf(mounts: Mount[]): string | undefined {
  const overlay = mounts.find((mount) => mount.type === 'overlay');
  return overlay?.options.find((option) => option.startsWith('upperdir='))?.slice('upperdir='.length);
}

/** Their parents are left out too when nothing else has changed in them. */
function withoutRuntimePlaces(changes: FilesystemChange[]): FilesystemChange[] {
  const kept = changes.filter(({ path, kind }) => kind !== 'added' || !runtimePlaces.has(path));
  const dropped = new Set(changes.filter((change) => !kept.includes(change)).map(({ path }) => path));
  return kept.filter(({ path, kind }) => {
    const held = [...dropped].some((place) => place.startsWith(`${path}/`));
    if (!held || kind === 'deleted') return true;
    return kept.some((other) => other.path.startsWith(`${path}/`));
  });
}

class Comparison {
  readonly #lower: string;
  readonly #upper: string;
  /** Overlay's upper directory: a directory that it lacks is the same below. */
  readonly #written: string | undefined;
  readonly #changes: FilesystemChange[] = [];

  constructor(lower: string, upper: string, written: string | undefined) {
    this.#lower = lower;
    this.#upper = upper;
    this.#written = written;
  }

  async run(): Promise<FilesystemChange[]> {
    await this.#directory('');
    return this.#changes;
  }

  /** True when something in it has changed. */
  async #directory(path: string): Promise<boolean> {
    const before = this.#changes.length;
    const [lower, upper] = await Promise.all([names(join(this.#lower, path)), names(join(this.#upper, path))]);
    for (const name of [...new Set([...lower, ...upper])].sort()) {
      const child = `${path}/${name}`;
      if (!upper.has(name)) this.#changes.push({ path: child, kind: 'deleted' });
      else if (!lower.has(name)) await this.#added(child);
      else await this.#both(child);
    }
    return this.#changes.length > before;
  }

  async #added(path: string): Promise<void> {
    this.#changes.push({ path, kind: 'added' });
    const place = await lookUpInRoot(this.#upper, path);
    if (place === null || (place.mode & 0o170000) !== 0o040000) return;
    for (const name of [...(await names(join(this.#upper, path)))].sort()) await this.#added(`${path}/${name}`);
  }

  async #both(path: string): Promise<void> {
    if (this.#written !== undefined && !(await exists(join(this.#written, path)))) return;
    const [old, now] = await Promise.all([
      lstat(join(this.#lower, path), { bigint: true }),
      lstat(join(this.#upper, path), { bigint: true }),
    ]);
    const at = this.#changes.length;
    const isDifferent = differs(old, now);
    if (isDifferent) this.#changes.push({ path, kind: 'modified' });
    if (!now.isDirectory()) return;
    if (!old.isDirectory()) {
      for (const name of [...(await names(join(this.#upper, path)))].sort()) await this.#added(`${path}/${name}`);
      return;
    }
    // a directory in which something changed is told too, before it
    if ((await this.#directory(path)) && !isDifferent) this.#changes.splice(at, 0, { path, kind: 'modified' });
  }
}

/** Size and time of a directory say nothing about itself. */
function differs(old: BigIntStats, now: BigIntStats): boolean {
  if (old.mode !== now.mode || old.uid !== now.uid || old.gid !== now.gid || old.rdev !== now.rdev) return true;
  return !now.isDirectory() && (old.size !== now.size || old.mtimeNs !== now.mtimeNs);
}

async function names(path: string): Promise<Set<string>> {
  return new Set(await readdir(path));
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
