// The overlayfs snapshotter: layers are stacked by the kernel; mounts are returned, never made.
import { chmodSync, chownSync, existsSync, readFileSync, statSync } from 'node:fs';
import { takeAfterParents } from '@tscontainer/linux/archive';
import type { Mount } from '@tscontainer/linux/mounts';
import type { Logger } from '@tscontainer/platform/logger';
import type { Store } from '@tscontainer/platform/store';
import { bind, DirectorySnapshotter } from './directory-snapshotter.ts';
import type { SnapshotNumbers } from './snapshot-directories.ts';
import type { SnapshotRow } from './snapshot-rows.ts';
import type { DetachedSnapshots } from './snapshotter.ts';

export class OverlaySnapshotter extends DirectorySnapshotter {
  /** First in every overlay mount: as containerd, index=off where the kernel knows it. */
  readonly #options: string[];

  /** `mountOptions` are added to every overlay mount; in a user namespace `userxattr` is among them by itself. */
  constructor(
    store: Store,
    root: string,
    numbers: SnapshotNumbers,
    log: Logger,
    mountOptions: string[] = [],
    name = 'overlayfs',
    onRemoval?: (path: string) => Promise<unknown>,
  ) {
    super(name, store, root, numbers, log, onRemoval);
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
  protected fill(id: number, parentId: number | null): Promise<void> | void {
    if (parentId === null) return;
    const { uid, gid, mode } = statSync(this.layerOf(parentId));
    if (uid !== 0 || gid !== 0) chownSync(this.directories.upper(id), uid, gid);
    if ((mode & 0o7777) !== 0o755) chmodSync(this.directories.upper(id), mode & 0o7777);
  }

  protected mountsOf(row: SnapshotRow, parentIds: number[]): Mount[] | Promise<Mount[]> {
    const parents = parentIds.map((id) => this.layerOf(id));
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
