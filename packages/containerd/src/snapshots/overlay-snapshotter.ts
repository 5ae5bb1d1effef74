// The overlayfs snapshotter: layers are stacked by the kernel; mounts are returned, and made only where ids are mapped.
import { chmodSync, chownSync, existsSync, readFileSync, statSync } from 'node:fs';
import { errorMessageOf } from '@tscontainer/core/errors';
import { takeAfterParents } from '@tscontainer/linux/archive';
import type { Mount } from '@tscontainer/linux/mounts';
import type { Logger } from '@tscontainer/platform/logger';
import type { Store } from '@tscontainer/platform/store';
import type { Labels } from '../metadata/labels.ts';
import { bind, DirectorySnapshotter } from './directory-snapshotter.ts';
import { idsOf, shownId } from './id-mapping.ts';
import { MappedLayers, unmountLayers } from './mapped-layers.ts';
import type { SnapshotNumbers } from './snapshot-directories.ts';
import type { SnapshotRow } from './snapshot-rows.ts';
import type { DetachedSnapshots } from './snapshotter.ts';

export class OverlaySnapshotter extends DirectorySnapshotter {
  /** First in every overlay mount: as containerd, index=off where the kernel knows it. */
  readonly #options: string[];
  readonly #log: Logger;
  readonly #mapped: MappedLayers;

  /** `mountOptions` are added to every overlay mount; in a user namespace `userxattr` is among them by itself. */
  constructor(
    store: Store,
    root: string,
    numbers: SnapshotNumbers,
    log: Logger,
    mountOptions: string[] = [],
    name = 'overlayfs',
  ) {
    super(name, store, root, numbers, log, unmountLayers);
    this.#log = log;
    this.#mapped = new MappedLayers(root);
    const index = existsSync('/sys/module/overlay/parameters/index') ? ['index=off'] : [];
    this.#options = [...new Set([...index, ...(isInUserNamespace() ? ['userxattr'] : []), ...mountOptions])];
  }

  readonly detached: DetachedSnapshots = {
    prepare: async (scope, key) => {
      const id = await this.prepareDetached(scope, key);
      return [{ type: 'overlay', source: 'overlay', options: [...this.#options, ...this.#ownOptions(id)] }];
    },
    commit: (scope, name, key, parent, implied) =>
      this.commitDetached(scope, { name, key, parent }, async (id, parentIds) => {
        if (parentIds.length > 0) await this.adopt(id, parentIds, Buffer.from(implied));
      }),
  };

  /** What mounts were promised for stands again. */
  override async recover(): Promise<void> {
    await super.recover();
    for (const row of this.rowsInUse()) {
      if (!this.needsMounts(row)) continue;
      const parents = row.parentId === null ? [] : this.chainOf(row.parentId);
      await Promise.resolve(this.mountsOf(row, parents)).catch((error: unknown) =>
        this.#log.error({ snapshot: row.name, err: errorMessageOf(error) }, 'layers not mounted'),
      );
    }
  }

  override discardFiles(ids: number[]): void {
    for (const id of ids) this.#mapped.forget(this.directories.of(id));
    super.discardFiles(ids);
  }

  override async close(): Promise<void> {
    await super.close();
    await this.#mapped.close();
  }

  /** Whether a snapshot's mounts stand on mounts of ours. */
  protected needsMounts({ info }: SnapshotRow): boolean {
    return idsOf(info.labels) !== undefined;
  }

  /** Where a committed layer is to be seen as a directory. */
  protected layerOf(id: number): string {
    return this.directories.upper(id);
  }

  /** What a detached layer implies takes after the layers below, the nearest first. */
  protected adopt(id: number, parents: number[], implied: Buffer): Promise<void> {
    const target = this.directories.upper(id);
    return takeAfterParents({ target, parents: parents.map((one) => this.layerOf(one)), implied });
  }

  protected get isUserOverlay(): boolean {
    return this.#options.includes('userxattr');
  }

  /** fs gets its parent's owner and mode, since in an overlay the uppermost directory stands for the root. */
  protected fill(id: number, parentId: number | null, labels: Labels): Promise<void> | void {
    const ids = idsOf(labels);
    if (parentId === null && ids === undefined) return;
    const below = parentId === null ? { uid: 0, gid: 0, mode: 0o755 } : statSync(this.layerOf(parentId));
    const uid = ids === undefined ? below.uid : shownId(ids.uids, below.uid);
    const gid = ids === undefined ? below.gid : shownId(ids.gids, below.gid);
    const { mode } = below;
    if (uid !== 0 || gid !== 0) chownSync(this.directories.upper(id), uid, gid);
    if ((mode & 0o7777) !== 0o755) chmodSync(this.directories.upper(id), mode & 0o7777);
  }

  protected async mountsOf(row: SnapshotRow, parentIds: number[]): Promise<Mount[]> {
    const layers = parentIds.map((id) => this.layerOf(id));
    const ids = idsOf(row.info.labels);
    const parents = ids === undefined ? layers : await this.#mapped.of(this.directories.of(row.id), layers, ids);
    const [nearest] = parents;
    if (nearest === undefined) return [bind(this.directories.upper(row.id), row.kind === 'VIEW' ? 'ro' : 'rw')];
    if (row.kind === 'VIEW' && parents.length === 1) return [bind(nearest, 'ro')];
    const own = row.kind === 'ACTIVE' ? this.#ownOptions(row.id) : [];
    return [
      { type: 'overlay', source: 'overlay', options: [...this.#options, ...own, `lowerdir=${parents.join(':')}`] },
    ];
  }

  #ownOptions(id: number): string[] {
    return [`workdir=${this.directories.work(id)}`, `upperdir=${this.directories.upper(id)}`];
  }
}

/** There overlayfs may not use trusted.* attributes. */
function isInUserNamespace(): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
}
