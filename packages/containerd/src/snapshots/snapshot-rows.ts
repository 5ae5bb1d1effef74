// The snapshot records of one snapshotter in meta.db: keys, parents and kinds. Used by the directory snapshotter only.
import { ContainerError } from '@tscontainer/core/errors';
import type { Store } from '@tscontainer/platform/store';
import type { Labels } from '../metadata/labels.ts';
import { holdByLease, type Scope, touchNamespace } from '../metadata/scope.ts';
import { fromText, now, toText } from '../metadata/timestamp.ts';
import { type SnapshotInfo, type SnapshotKind, type SnapshotUsage, targetLabel } from './snapshotter.ts';

export interface SnapshotRow {
  /** Names the directory; never used twice. */
  id: number;
  name: string;
  parentId: number | null;
  kind: SnapshotKind;
  info: SnapshotInfo;
  usage: SnapshotUsage | undefined;
}

interface RawRow {
  id: number;
  name: string;
  parent_id: number | null;
  parent: string | null;
  kind: SnapshotKind;
  labels: string;
  created: string;
  updated: string;
  size: number | null;
  inodes: number | null;
}

const selectRow = 'SELECT s.*, p.name AS parent FROM snapshots s LEFT JOIN snapshots p ON p.id = s.parent_id';

/** Committed chains never change, so their ids are kept; the oldest give way. */
const maxKnownChains = 512;

/** The highest id that ever had a row, whichever snapshotter's. */
export function highestSnapshotId(store: Store): number {
  const sequence = store.sql("SELECT seq FROM sqlite_sequence WHERE name='snapshots'").get();
  return (sequence?.seq as number | undefined) ?? 0;
}

export class SnapshotRows {
  readonly #store: Store;
  readonly #snapshotter: string;
  readonly #leaseType: `snapshots/${string}`;
  readonly #chains = new Map<number, number[]>();

  constructor(store: Store, snapshotter: string) {
    this.#store = store;
    this.#snapshotter = snapshotter;
    this.#leaseType = `snapshots/${snapshotter}`;
  }

  find(namespace: string, name: string): SnapshotRow | undefined {
    const row = this.#store
      .sql(`${selectRow} WHERE s.namespace=? AND s.snapshotter=? AND s.name=?`)
      .get(namespace, this.#snapshotter, name);
    return row === undefined ? undefined : toRow(row as unknown as RawRow);
  }

  /** Throws not-found. */
  get(namespace: string, name: string): SnapshotRow {
    const row = this.find(namespace, name);
    if (row === undefined) throw new ContainerError('not-found', `snapshot ${name} does not exist: not found`);
    return row;
  }

  all(namespace: string): SnapshotRow[] {
    const rows = this.#store
      .sql(`${selectRow} WHERE s.namespace=? AND s.snapshotter=? ORDER BY s.name`)
      .all(namespace, this.#snapshotter);
    return rows.map((row) => toRow(row as unknown as RawRow));
  }

  ofId(id: number): SnapshotRow | undefined {
    const row = this.#store.sql(`${selectRow} WHERE s.id=? AND s.snapshotter=?`).get(id, this.#snapshotter);
    return row === undefined ? undefined : toRow(row as unknown as RawRow);
  }

  /** Active snapshots and views, in any namespace. */
  inUse(): SnapshotRow[] {
    const rows = this.#store.sql(`${selectRow} WHERE s.snapshotter=? AND s.kind<>'COMMITTED'`).all(this.#snapshotter);
    return rows.map((row) => toRow(row as unknown as RawRow));
  }

  /** Ids that have a row, in any namespace. */
  ids(): Set<number> {
    return new Set(
      this.#store
        .sql('SELECT id FROM snapshots WHERE snapshotter=?')
        .all(this.#snapshotter)
        .map((row) => row.id as number),
    );
  }

  /** Ids of the parents of a row, the nearest first. */
  parentIds(parentId: number | null): number[] {
    if (parentId === null) return [];
    const known = this.#chains.get(parentId);
    if (known !== undefined) return known;
    const row = this.#store.sql('SELECT parent_id FROM snapshots WHERE id=?').get(parentId);
    const chain = [parentId, ...this.parentIds((row?.parent_id as number | null | undefined) ?? null)];
    if (this.#chains.size >= maxKnownChains) this.#chains.delete(this.#chains.keys().next().value as number);
    this.#chains.set(parentId, chain);
    return chain;
  }

  /** The parent that a new snapshot names: undefined for ''. Throws not-found, failed-precondition. */
  parentOf(namespace: string, parent: string): SnapshotRow | undefined {
    if (parent === '') return undefined;
    const row = this.find(namespace, parent);
    if (row === undefined) throw new ContainerError('not-found', `parent snapshot ${parent} does not exist: not found`);
    if (row.kind !== 'COMMITTED')
      throw new ContainerError(
        'failed-precondition',
        `parent "${parent}" is not committed snapshot: failed precondition`,
      );
    return row;
  }

  /** Inside `store.write`: the snapshot that a new one is meant to become, when it is there; the caller's lease holds it. */
  holdTarget(scope: Scope, labels: Labels): string | undefined {
    const target = labels[targetLabel];
    if (target === undefined || this.find(scope.namespace, target) === undefined) return undefined;
    holdByLease(this.#store, scope, this.#leaseType, target);
    return target;
  }

  /** Inside `store.write`. */
  insert(scope: Scope, id: number, kind: SnapshotKind, name: string, parent: string, labels: Labels): SnapshotRow {
    const { namespace } = scope;
    const parentId = this.parentOf(namespace, parent)?.id ?? null;
    const time = now();
    const at = toText(time);
    touchNamespace(this.#store, namespace);
    holdByLease(this.#store, scope, this.#leaseType, name);
    const { changes } = this.#store
      .sql(
        'INSERT OR IGNORE INTO snapshots (id, namespace, snapshotter, name, parent_id, kind, labels, created, updated) VALUES (?,?,?,?,?,?,?,?,?)',
      )
      .run(id, namespace, this.#snapshotter, name, parentId, kind, JSON.stringify(labels), at, at);
    if (changes === 0) throw new ContainerError('already-exists', `snapshot "${name}": already exists`);
    return {
      id,
      name,
      parentId,
      kind,
      info: { name, parent, kind, createdAt: time, updatedAt: time, labels },
      usage: undefined,
    };
  }

  /** Throws as `commit` does, before anything is made of it. */
  checkCommit(namespace: string, name: string, key: string): SnapshotRow {
    const row = this.get(namespace, key);
    if (row.kind !== 'ACTIVE')
      throw new ContainerError('failed-precondition', `snapshot ${key} is not active: failed precondition`);
    if (this.find(namespace, name) !== undefined)
      throw new ContainerError('already-exists', `snapshot "${name}": already exists`);
    return row;
  }

  /**
   * Inside `store.write`. `unflushedBoot`: the boot in whose memory the files still are; null when they are on disk.
   * `parent`: of a detached snapshot, which gets it now. Throws as parentOf does, too.
   */
  commit(
    scope: Scope,
    name: string,
    key: string,
    labels: Labels,
    unflushedBoot: string | null,
    parent?: string,
  ): SnapshotRow {
    const row = this.checkCommit(scope.namespace, name, key);
    if (parent !== undefined) {
      const parentId = this.parentOf(scope.namespace, parent)?.id ?? null;
      this.#store.sql('UPDATE snapshots SET parent_id=? WHERE id=?').run(parentId, row.id);
    }
    holdByLease(this.#store, scope, this.#leaseType, name);
    const kept = { ...labels };
    const at = toText(now());
    this.#store
      .sql("UPDATE snapshots SET name=?, kind='COMMITTED', labels=?, created=?, updated=?, unflushed_boot=? WHERE id=?")
      .run(name, JSON.stringify(kept), at, at, unflushedBoot, row.id);
    this.#store
      .sql('DELETE FROM lease_resources WHERE namespace=? AND type=? AND id=?')
      .run(scope.namespace, this.#leaseType, key);
    return row;
  }

  /** Inside `store.write`. */
  remove(namespace: string, key: string): SnapshotRow {
    const row = this.get(namespace, key);
    if (this.#store.sql('SELECT 1 FROM snapshots WHERE parent_id=? LIMIT 1').get(row.id) !== undefined) {
      throw new ContainerError('failed-precondition', 'cannot remove snapshot with child: failed precondition');
    }
    this.deleteById(row.id);
    this.#store
      .sql('DELETE FROM lease_resources WHERE namespace=? AND type=? AND id=?')
      .run(namespace, this.#leaseType, key);
    return row;
  }

  /** Inside `store.write`, for one without children. */
  deleteById(id: number): void {
    this.#store.sql('DELETE FROM snapshots WHERE id=?').run(id);
    this.#chains.delete(id);
  }

  /** Committed layers whose files may not be on disk yet. */
  unflushed(): { id: number; boot: string }[] {
    const rows = this.#store
      .sql('SELECT id, unflushed_boot FROM snapshots WHERE unflushed_boot IS NOT NULL AND snapshotter=?')
      .all(this.#snapshotter);
    return rows.map((row) => ({ id: row.id as number, boot: row.unflushed_boot as string }));
  }

  /** Inside `store.write`: their files are on disk. */
  setFlushed(ids: number[]): void {
    for (const id of ids) this.#store.sql('UPDATE snapshots SET unflushed_boot=NULL WHERE id=?').run(id);
  }

  /** Inside `store.write`: a row with all that stands on it; answers their ids, children first. */
  deleteWithChildren(id: number): number[] {
    const children = this.#store.sql('SELECT id FROM snapshots WHERE parent_id=?').all(id);
    const gone = children.flatMap((row) => this.deleteWithChildren(row.id as number));
    this.deleteById(id);
    return [...gone, id];
  }

  /** Inside `store.write`. */
  setLabels(id: number, labels: Labels): void {
    this.#store
      .sql('UPDATE snapshots SET labels=?, updated=? WHERE id=?')
      .run(JSON.stringify(labels), toText(now()), id);
  }

  /** Inside `store.write`: what a committed layer takes, which never changes again. */
  setUsage(id: number, usage: SnapshotUsage): void {
    this.#store
      .sql("UPDATE snapshots SET size=?, inodes=? WHERE id=? AND kind='COMMITTED'")
      .run(usage.size, usage.inodes, id);
  }
}

function toRow(raw: RawRow): SnapshotRow {
  const info: SnapshotInfo = {
    name: raw.name,
    parent: raw.parent ?? '',
    kind: raw.kind,
    createdAt: fromText(raw.created),
    updatedAt: fromText(raw.updated),
    labels: JSON.parse(raw.labels) as Labels,
  };
  const usage = raw.size === null ? undefined : { size: raw.size, inodes: raw.inodes ?? 0 };
  return { id: raw.id, name: raw.name, parentId: raw.parent_id, kind: raw.kind, info, usage };
}
