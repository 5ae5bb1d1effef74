// A snapshotter over directories: `snapshots/<id>/{fs,work}` per snapshot, rows in meta.db. What its kinds have in common;
// a kind says what a new directory begins with and which mounts stand for a snapshot.
//
// Order: the directories are made before the row is committed, and the row is deleted before they go. prepare costs
// one commit and syncs no directory: after a power loss a row's missing directory is made anew, empty, as an active
// snapshot's unsynced contents would be.
import { readFileSync } from 'node:fs';
import { ContainerError } from '@tscontainer/core/errors';
import type { Mount } from '@tscontainer/linux/mounts';
import { diskUsage, syncFileSystem } from '@tscontainer/linux/tree';
import { failpoint } from '@tscontainer/platform/failpoint';
import type { Logger } from '@tscontainer/platform/logger';
import type { Store } from '@tscontainer/platform/store';
import { compileFilters } from '../filters/filter.ts';
import { checkLabels, checkMask, type Labels, updatedLabels } from '../metadata/labels.ts';
import type { Scope } from '../metadata/scope.ts';
import { SnapshotDirectories, type SnapshotNumbers } from './snapshot-directories.ts';
import { type SnapshotRow, SnapshotRows } from './snapshot-rows.ts';
import {
  readSnapshot,
  type SnapshotInfo,
  type SnapshotKind,
  type Snapshotter,
  type SnapshotUsage,
} from './snapshotter.ts';

/** Whose memory an unflushed file is in. */
const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

export abstract class DirectorySnapshotter implements Snapshotter {
  readonly name: string;
  protected readonly directories: SnapshotDirectories;
  readonly #store: Store;
  readonly #rows: SnapshotRows;
  readonly #root: string;

  /** `root` belongs to this snapshotter alone. Directories that no row names are removed. */
  constructor(
    name: string,
    store: Store,
    root: string,
    numbers: SnapshotNumbers,
    log: Logger,
    onRemoval?: (path: string) => Promise<unknown>,
  ) {
    this.name = name;
    this.#store = store;
    this.#root = root;
    this.#rows = new SnapshotRows(store, name);
    this.directories = new SnapshotDirectories(root, numbers, this.#rows.ids(), log, onRemoval);
  }

  /** Before the row of a new snapshot is committed: its directory is empty. `parentId` null is no parent. */
  protected abstract fill(id: number, parentId: number | null, labels: Labels): Promise<void> | void;

  /** `parents`: ids, the nearest first. */
  protected abstract mountsOf(row: SnapshotRow, parents: number[]): Mount[] | Promise<Mount[]>;

  /** Before the row of an active snapshot says COMMITTED: its files are what they will stay. */
  protected seal(_row: SnapshotRow): Promise<void> | void {}

  /** After it: `seal`'s work may be finished. */
  protected sealed(_id: number): Promise<void> | void {}

  /** What a snapshot takes, by itself. */
  protected async measure(row: SnapshotRow): Promise<SnapshotUsage> {
    const { bytes, inodes } = await diskUsage(this.directories.upper(row.id));
    return { size: bytes, inodes };
  }

  /** Active snapshots and views. */
  protected rowsInUse(): SnapshotRow[] {
    return this.#rows.inUse();
  }

  protected ids(): Set<number> {
    return this.#rows.ids();
  }

  protected rowOfId(id: number): SnapshotRow | undefined {
    return this.#rows.ofId(id);
  }

  /** A chain, the nearest first. */
  protected chainOf(id: number): number[] {
    return this.#rows.parentIds(id);
  }

  /** The first call: what a power loss took the files of is dropped, and what is still in memory is flushed soon. */
  async recover(): Promise<void> {
    const lost = this.#rows.unflushed().filter(({ boot }) => boot !== bootId);
    if (lost.length > 0) {
      const gone = await this.#store.write(() => lost.flatMap(({ id }) => this.#rows.deleteWithChildren(id)));
      this.discardFiles([...new Set(gone)]);
    }
    await this.flush();
  }

  stat(namespace: string, key: string): SnapshotInfo {
    return this.#rows.get(namespace, key).info;
  }

  list(namespace: string, filters: string[] = []): SnapshotInfo[] {
    const isWanted = compileFilters(filters);
    return this.#rows
      .all(namespace)
      .map((row) => row.info)
      .filter((info) => isWanted(readSnapshot(info)));
  }

  prepare(scope: Scope, key: string, parent: string, labels: Labels = {}): Promise<Mount[]> {
    return this.#create(scope, 'ACTIVE', key, parent, labels);
  }

  view(scope: Scope, key: string, parent: string, labels: Labels = {}): Promise<Mount[]> {
    return this.#create(scope, 'VIEW', key, parent, labels);
  }

  async mounts(namespace: string, key: string): Promise<Mount[]> {
    const row = this.#rows.get(namespace, key);
    if (row.kind === 'COMMITTED')
      throw new ContainerError(
        'failed-precondition',
        `snapshot ${key} is committed and has no mounts: failed precondition`,
      );
    this.directories.ensure(row.id);
    return this.#mountsOf(row);
  }

  async commit(scope: Scope, name: string, key: string, labels: Labels = {}): Promise<void> {
    await this.seal(this.#checkCommit(scope, name, key, labels));
    await syncFileSystem(this.#root);
    failpoint('snapshot.commit.flushed');
    const { id } = await this.#store.write(() => this.#rows.commit(scope, name, key, labels, null));
    await this.sealed(id);
  }

  async commitUnflushed(scope: Scope, name: string, key: string, labels: Labels = {}): Promise<void> {
    await this.seal(this.#checkCommit(scope, name, key, labels));
    const { id } = await this.#store.write(() => this.#rows.commit(scope, name, key, labels, bootId));
    await this.sealed(id);
  }

  /** For kinds with detached snapshots: `adopt` makes of the files what they are over the parents, the nearest first. */
  protected async commitDetached(
    scope: Scope,
    names: { name: string; key: string; parent: string },
    adopt: (id: number, parents: number[]) => Promise<void>,
  ): Promise<void> {
    const { name, key, parent } = names;
    const row = this.#checkCommit(scope, name, key, {});
    const { id } = row;
    await adopt(id, this.#rows.parentIds(this.#rows.parentOf(scope.namespace, parent)?.id ?? null));
    await this.seal(row);
    failpoint('snapshot.detached.adopted');
    await this.#store.write(() => this.#rows.commit(scope, name, key, {}, bootId, parent));
    await this.sealed(id);
  }

  /** An active snapshot whose parent comes with its commit. */
  protected async prepareDetached(scope: Scope, key: string): Promise<number> {
    await this.#create(scope, 'ACTIVE', key, '', {});
    return this.#rows.get(scope.namespace, key).id;
  }

  async flush(): Promise<void> {
    const ids = this.#rows.unflushed().map(({ id }) => id);
    if (ids.length === 0) return;
    await syncFileSystem(this.#root);
    failpoint('snapshot.flush.synced');
    await this.#store.write(() => this.#rows.setFlushed(ids));
  }

  async remove(scope: Scope, key: string): Promise<void> {
    const row = await this.#store.write(() => this.#rows.remove(scope.namespace, key));
    failpoint('snapshot.remove.unrecorded');
    this.discardFiles([row.id]);
  }

  async update(scope: Scope, key: string, labels: Labels, maskPaths: string[] = []): Promise<SnapshotInfo> {
    checkMask(` on snapshot "${key}"`, maskPaths, []);
    return this.#store.write(() => {
      const row = this.#rows.get(scope.namespace, key);
      const updated = updatedLabels(row.info.labels, labels, maskPaths);
      checkLabels(updated);
      this.#rows.setLabels(row.id, updated);
      return this.#rows.get(scope.namespace, key).info;
    });
  }

  /** Committed layers are added up once; active ones each time. */
  async usage(namespace: string, key: string): Promise<SnapshotUsage> {
    const row = this.#rows.get(namespace, key);
    if (row.usage !== undefined) return row.usage;
    const usage = await this.measure(row);
    if (row.kind === 'COMMITTED') await this.#store.write(() => this.#rows.setUsage(row.id, usage));
    return usage;
  }

  cleanup(): Promise<void> {
    return this.directories.settled();
  }

  /** The last call. */
  close(): Promise<void> {
    return this.directories.close();
  }

  /** Removes the files of snapshots whose rows are gone. */
  discardFiles(ids: number[]): void {
    this.directories.discard(ids);
  }

  /** For the collector: children before their parents. */
  rows(namespace: string): SnapshotRow[] {
    const depth = (row: SnapshotRow) => this.#rows.parentIds(row.parentId).length;
    return this.#rows.all(namespace).sort((a, b) => depth(b) - depth(a));
  }

  /** Inside `store.write`, for the collector: drops a row without children, whose files discardFiles then takes. */
  deleteRow(id: number): void {
    this.#rows.deleteById(id);
  }

  async #create(scope: Scope, kind: SnapshotKind, key: string, parent: string, labels: Labels): Promise<Mount[]> {
    if (key === '') throw new ContainerError('invalid-argument', 'snapshot key must not be empty: invalid argument');
    checkLabels(labels);
    const parentId = this.#rows.parentOf(scope.namespace, parent)?.id ?? null;
    const id = this.directories.take();
    let isRecorded = false;
    try {
      await this.fill(id, parentId, labels);
      failpoint('snapshot.prepare.filled');
      const made = await this.#store.write(
        () => this.#rows.holdTarget(scope, labels) ?? this.#rows.insert(scope, id, kind, key, parent, labels),
      );
      if (typeof made === 'string')
        throw new ContainerError('already-exists', `target snapshot "${made}": already exists`);
      isRecorded = true;
      return await this.#mountsOf(made);
    } catch (error) {
      // without its mounts it is none; should the record not go, nor do its files
      if (isRecorded) await this.remove(scope, key).catch(() => undefined);
      else this.discardFiles([id]);
      throw error;
    }
  }

  #checkCommit(scope: Scope, name: string, key: string, labels: Labels): SnapshotRow {
    if (name === '') throw new ContainerError('invalid-argument', `commit snapshot ${key}: name must not be empty`);
    checkLabels(labels);
    return this.#rows.checkCommit(scope.namespace, name, key);
  }

  async #mountsOf(row: SnapshotRow): Promise<Mount[]> {
    return this.mountsOf(row, this.#rows.parentIds(row.parentId));
  }
}

export function bind(source: string, access: 'ro' | 'rw'): Mount {
  return { type: 'bind', source, options: [access, 'rbind'] };
}
