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
  constructor(store: Store, root: string, numbers: SnapshotNumbers, log: Logger, mountOptions: string[] = []) {
    super('overlayfs', store, root, numbers, log);
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
        const parents = parentIds.map((one) => this.directories.upper(one));
        if (parents.length > 0)
          await takeAfterParents({ target: this.directories.upper(id), parents, implied: Buffer.from(implied) });
      }),
  };

  /** fs gets its parent's owner and mode, since in an overlay the uppermost directory stands for the root. */
  protected fill(id: number, parentId: number | null): void {
    if (parentId === null) return;
    const { uid, gid, mode } = statSync(this.directories.upper(parentId));
    if (uid !== 0 || gid !== 0) chownSync(this.directories.upper(id), uid, gid);
    if ((mode & 0o7777) !== 0o755) chmodSync(this.directories.upper(id), mode & 0o7777);
  }

  protected mountsOf(row: SnapshotRow, parentIds: number[]): Mount[] {
    const parents = parentIds.map((id) => this.directories.upper(id));
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
