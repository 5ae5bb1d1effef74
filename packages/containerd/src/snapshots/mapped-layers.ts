// The id-mapped mounts of an overlay snapshotter: `snapshots/<id>/mapped/<n>` shows the n-th layer below snapshot <id>.
//
// They are made when the snapshot's mounts are asked for, again after a restart, and go with the snapshot or an orderly end:
// an overlay that is mounted needs them no more.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { listMountsBelow, mountIdMapped, unmountBelow } from '@tscontainer/linux/mounts';
import type { SnapshotIds } from './id-mapping.ts';

export class MappedLayers {
  readonly #root: string;
  readonly #mounts = new Map<string, Promise<void>>();
  /** Mount points that an earlier life of the daemon left, read once. */
  #left: Promise<Set<string>> | undefined;

  /** `root`: of the snapshotter. */
  constructor(root: string) {
    this.#root = root;
  }

  /** Where `layers`, the nearest first, are shown for the snapshot in `directory`. */
  async of(directory: string, layers: string[], ids: SnapshotIds): Promise<string[]> {
    const targets = layers.map((_, index) => join(directory, 'mapped', String(index)));
    await Promise.all(targets.map((target, index) => this.#mount(layers[index] ?? '', target, ids)));
    return targets;
  }

  /** The snapshot in `directory` is gone. */
  forget(directory: string): void {
    for (const target of this.#mounts.keys()) if (target.startsWith(`${directory}/`)) this.#mounts.delete(target);
  }

  async close(): Promise<void> {
    if (this.#mounts.size > 0) await unmountBelow(this.#root);
  }

  #mount(source: string, target: string, { uids, gids }: SnapshotIds): Promise<void> {
    const known = this.#mounts.get(target);
    if (known !== undefined) return known;
    const mounting = this.#mountOnce(target, () => mountIdMapped(source, target, uids, gids));
    this.#mounts.set(target, mounting);
    mounting.catch(() => this.#mounts.delete(target));
    return mounting;
  }

  async #mountOnce(target: string, mount: () => Promise<void>): Promise<void> {
    this.#left ??= listMountsBelow(this.#root).then((points) => new Set(points));
    if ((await this.#left).has(target)) return;
    mkdirSync(target, { recursive: true, mode: 0o711 });
    await mount();
  }
}

/** Before a removed snapshot's files go. */
export async function unmountLayers(path: string): Promise<void> {
  if (['mapped', 'layer'].some((name) => existsSync(join(path, name)))) await unmountBelow(path);
}
