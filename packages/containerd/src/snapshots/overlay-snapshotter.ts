// The overlayfs snapshotter: `snapshots/<id>/{fs,work}` per snapshot, rows in meta.db; mounts are returned, never made.
//
// Order: the directories are made before the row is committed, and the row is deleted before they go. prepare costs
// one commit and syncs no directory: after a power loss a row's missing directory is made anew, empty, as an active
// snapshot's unsynced contents would be.
import { chmodSync, chownSync, existsSync, statSync } from 'node:fs';
import { ContainerError } from '@tscontainer/core/errors';
import type { Mount } from '@tscontainer/linux/mounts';
import { diskUsage } from '@tscontainer/linux/tree';
import type { Logger } from '@tscontainer/platform/logger';
import type { Store } from '@tscontainer/platform/store';
import { compileFilters } from '../filters/filter.ts';
import { checkLabels, checkMask, type Labels, updatedLabels } from '../metadata/labels.ts';
import type { Scope } from '../metadata/scope.ts';
import { SnapshotDirectories } from './snapshot-directories.ts';
import { type SnapshotRow, SnapshotRows } from './snapshot-rows.ts';
import {
  readSnapshot,
  type SnapshotInfo,
  type SnapshotKind,
  type Snapshotter,
  type SnapshotUsage,
} from './snapshotter.ts';

export class OverlaySnapshotter implements Snapshotter {
  readonly name = 'overlayfs';
  readonly #store: Store;
  readonly #rows: SnapshotRows;
  readonly #directories: SnapshotDirectories;
  /** Options first in every overlay mount: as containerd, index=off where the kernel knows it. */
  readonly #options: string[];

  /** `root` belongs to this snapshotter alone. Directories that no row names are removed. */
  constructor(store: Store, root: string, log: Logger) {
    this.#store = store;
    this.#rows = new SnapshotRows(store, this.name);
    this.#directories = new SnapshotDirectories(root, this.#rows.highestId(), this.#rows.ids(), log);
    this.#options = existsSync('/sys/module/overlay/parameters/index') ? ['index=off'] : [];
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

  mounts(namespace: string, key: string): Mount[] {
    const row = this.#rows.get(namespace, key);
    if (row.kind === 'COMMITTED')
      throw new ContainerError(
        'failed-precondition',
        `snapshot ${key} is committed and has no mounts: failed precondition`,
      );
    this.#directories.ensure(row.id);
    return this.#mountsOf(row);
  }

  async commit(scope: Scope, name: string, key: string, labels: Labels = {}): Promise<void> {
    if (name === '') throw new ContainerError('invalid-argument', `commit snapshot ${key}: name must not be empty`);
    checkLabels(labels);
    await this.#store.write(() => this.#rows.commit(scope, name, key, labels));
  }

  async remove(scope: Scope, key: string): Promise<void> {
    const row = await this.#store.write(() => this.#rows.remove(scope.namespace, key));
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
    const { bytes, inodes } = await diskUsage(this.#directories.upper(row.id));
    const usage = { size: bytes, inodes };
    if (row.kind === 'COMMITTED') await this.#store.write(() => this.#rows.setUsage(row.id, usage));
    return usage;
  }

  cleanup(): Promise<void> {
    return this.#directories.settled();
  }

  /** The last call. */
  close(): Promise<void> {
    return this.#directories.close();
  }

  /** Removes the files of snapshots whose rows are gone. */
  discardFiles(ids: number[]): void {
    this.#directories.discard(ids);
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
    const id = this.#directories.take();
    try {
      this.#adoptRoot(id, parentId);
      return this.#mountsOf(await this.#store.write(() => this.#rows.insert(scope, id, kind, key, parent, labels)));
    } catch (error) {
      this.#directories.discard([id]);
      throw error;
    }
  }

  /** fs gets its parent's owner and mode, since in an overlay the uppermost directory stands for the root. */
  #adoptRoot(id: number, parentId: number | null): void {
    if (parentId === null) return;
    const { uid, gid, mode } = statSync(this.#directories.upper(parentId));
    if (uid !== 0 || gid !== 0) chownSync(this.#directories.upper(id), uid, gid);
    if ((mode & 0o7777) !== 0o755) chmodSync(this.#directories.upper(id), mode & 0o7777);
  }

  #mountsOf(row: SnapshotRow): Mount[] {
    const parents = this.#rows.parentIds(row.parentId).map((id) => this.#directories.upper(id));
    const [nearest] = parents;
    if (nearest === undefined) return [bind(this.#directories.upper(row.id), row.kind === 'VIEW' ? 'ro' : 'rw')];
    if (row.kind === 'VIEW' && parents.length === 1) return [bind(nearest, 'ro')];
    const own =
      row.kind === 'ACTIVE'
        ? [`workdir=${this.#directories.work(row.id)}`, `upperdir=${this.#directories.upper(row.id)}`]
        : [];
    return [
      { type: 'overlay', source: 'overlay', options: [...this.#options, ...own, `lowerdir=${parents.join(':')}`] },
    ];
  }
}

function bind(source: string, access: 'ro' | 'rw'): Mount {
  return { type: 'bind', source, options: [access, 'rbind'] };
}
