// The overlayfs snapshotter: `snapshots/<id>/{fs,work}` per snapshot, rows in meta.db; mounts are returned, never made.
//
// Order: the directories are made before the row is committed, and the row is deleted before they go. prepare costs
// three mkdirs and one commit and syncs no directory: after a power loss a row's missing directory is made anew, empty,
// as an active snapshot's unsynced contents would be.
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import type { Mount } from '@tscontainer/linux/mounts';
import { diskUsage, removeTree } from '@tscontainer/linux/tree';
import type { Logger } from '@tscontainer/platform/logger';
import type { Store } from '@tscontainer/platform/store';
import { compileFilters } from '../filters/filter.ts';
import { checkLabels, checkMask, type Labels, updatedLabels } from '../metadata/labels.ts';
import type { Scope } from '../metadata/scope.ts';
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
  readonly #directory: string;
  readonly #trash: string;
  readonly #log: Logger;
  /** Options first in every overlay mount: as containerd, index=off where the kernel knows it. */
  readonly #options: string[];
  readonly #removals = new Set<Promise<void>>();
  #trashCount = 0;

  /** `root` belongs to this snapshotter alone. Directories that no row names are removed. */
  constructor(store: Store, root: string, log: Logger) {
    this.#store = store;
    this.#log = log;
    this.#directory = join(root, 'snapshots');
    this.#trash = join(root, 'trash');
    for (const path of [this.#directory, this.#trash]) mkdirSync(path, { recursive: true, mode: 0o700 });
    const directories = readdirSync(this.#directory).map(Number);
    this.#rows = new SnapshotRows(store, this.name, Math.max(0, ...directories));
    this.#options = existsSync('/sys/module/overlay/parameters/index') ? ['index=off'] : [];
    this.#removeOrphans(directories);
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
    this.#makeDirectories(row.id, row.kind, row.parentId);
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
    checkMask('snapshot', key, maskPaths, []);
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
    const { bytes, inodes } = await diskUsage(this.#upper(row.id));
    const usage = { size: bytes, inodes };
    if (row.kind === 'COMMITTED') await this.#store.write(() => this.#rows.setUsage(row.id, usage));
    return usage;
  }

  async cleanup(): Promise<void> {
    await Promise.all(this.#removals);
  }

  /** Removes the files of snapshots whose rows are gone: renamed at once, deleted off the path. */
  discardFiles(ids: number[]): void {
    for (const id of ids) {
      this.#trashCount += 1;
      const trashed = join(this.#trash, `${process.pid}-${this.#trashCount}`);
      try {
        renameSync(join(this.#directory, String(id)), trashed);
      } catch (error) {
        this.#log.warn(
          { snapshot: id, err: errorMessageOf(error) },
          'directory of removed snapshot not moved; the next start removes it',
        );
        continue;
      }
      this.#track(removeTree(trashed), trashed);
    }
  }

  /** For the collector. */
  rows(namespace: string): SnapshotRow[] {
    return this.#rows.all(namespace);
  }

  /** Inside `store.write`, for the collector: drops a row without children, whose files discardFiles then takes. */
  deleteRow(id: number): void {
    this.#rows.deleteById(id);
  }

  #track(removal: Promise<void>, path: string): void {
    const tracked = removal
      .catch((error: unknown) =>
        this.#log.warn(
          { path, err: errorMessageOf(error) },
          'removed snapshot left files; the next start removes them',
        ),
      )
      .finally(() => this.#removals.delete(tracked));
    this.#removals.add(tracked);
  }

  async #create(scope: Scope, kind: SnapshotKind, key: string, parent: string, labels: Labels): Promise<Mount[]> {
    if (key === '') throw new ContainerError('invalid-argument', 'snapshot key must not be empty: invalid argument');
    checkLabels(labels);
    const id = this.#rows.newId();
    const parentId = this.#rows.parentOf(scope.namespace, parent)?.id ?? null;
    this.#makeDirectories(id, kind, parentId);
    try {
      return this.#mountsOf(await this.#store.write(() => this.#rows.insert(scope, id, kind, key, parent, labels)));
    } catch (error) {
      rmSync(join(this.#directory, String(id)), { recursive: true, force: true });
      throw error;
    }
  }

  /** fs has its parent's owner and mode, since in an overlay the uppermost directory stands for the root. */
  #makeDirectories(id: number, kind: SnapshotKind, parentId: number | null): void {
    const upper = this.#upper(id);
    if (existsSync(upper)) return;
    mkdirSync(upper, { recursive: true, mode: 0o755 });
    if (kind === 'ACTIVE') mkdirSync(this.#work(id), { mode: 0o711 });
    if (parentId === null) return;
    const { uid, gid, mode } = statSync(this.#upper(parentId));
    if (uid !== 0 || gid !== 0) chownSync(upper, uid, gid);
    if ((mode & 0o7777) !== 0o755) chmodSync(upper, mode & 0o7777);
  }

  #mountsOf(row: SnapshotRow): Mount[] {
    const parents = this.#rows.parentIds(row.parentId).map((id) => this.#upper(id));
    const [nearest] = parents;
    if (nearest === undefined) return [bind(this.#upper(row.id), row.kind === 'VIEW' ? 'ro' : 'rw')];
    if (row.kind === 'VIEW' && parents.length === 1) return [bind(nearest, 'ro')];
    const own = row.kind === 'ACTIVE' ? [`workdir=${this.#work(row.id)}`, `upperdir=${this.#upper(row.id)}`] : [];
    return [
      { type: 'overlay', source: 'overlay', options: [...this.#options, ...own, `lowerdir=${parents.join(':')}`] },
    ];
  }

  #removeOrphans(directories: number[]): void {
    const known = this.#rows.ids();
    this.discardFiles(directories.filter((id) => !known.has(id)));
    for (const name of readdirSync(this.#trash)) this.#track(removeTree(join(this.#trash, name)), name);
  }

  #upper(id: number): string {
    return join(this.#directory, String(id), 'fs');
  }

  #work(id: number): string {
    return join(this.#directory, String(id), 'work');
  }
}

function bind(source: string, access: 'ro' | 'rw'): Mount {
  return { type: 'bind', source, options: [access, 'rbind'] };
}
