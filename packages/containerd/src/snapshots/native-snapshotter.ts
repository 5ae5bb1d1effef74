// The native snapshotter: every snapshot is a whole directory, a copy of its parent's; for file systems without overlay.
import type { Mount } from '@tscontainer/linux/mounts';
import { copyTree } from '@tscontainer/linux/tree';
import type { Logger } from '@tscontainer/platform/logger';
import type { Store } from '@tscontainer/platform/store';
import { bind, DirectorySnapshotter } from './directory-snapshotter.ts';
import type { SnapshotNumbers } from './snapshot-directories.ts';
import type { SnapshotRow } from './snapshot-rows.ts';

export class NativeSnapshotter extends DirectorySnapshotter {
  constructor(store: Store, root: string, numbers: SnapshotNumbers, log: Logger) {
    super('native', store, root, numbers, log);
  }

  protected async fill(id: number, parentId: number | null): Promise<void> {
    if (parentId !== null) await copyTree(this.directories.upper(parentId), this.directories.upper(id));
  }

  protected mountsOf(row: SnapshotRow): Mount[] {
    return [bind(this.directories.upper(row.id), row.kind === 'VIEW' ? 'ro' : 'rw')];
  }
}
