// The erofs snapshotter: a committed layer is one EROFS image, mounted once and shared by all that stand on it.
//
// `snapshots/<id>/layer.erofs` is the image, `layer` where it is mounted; active snapshots are overlays as ever. Layers
// that clients unpack (keys `extract-...`) are written as images at once; what else is committed becomes one then. Mounts
// are made when somebody asks for what stands on them, again after a restart, and go with an orderly end: an overlay
// that is mounted needs them no more.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ContainerError } from '@tscontainer/core/errors';
import { takeAfterParents, writeImage } from '@tscontainer/linux/archive';
import { listMountsBelow, type Mount, mountAll, unmountBelow } from '@tscontainer/linux/mounts';
import { removeTree } from '@tscontainer/linux/tree';
import { failpoint } from '@tscontainer/platform/failpoint';
import type { Logger } from '@tscontainer/platform/logger';
import type { Store } from '@tscontainer/platform/store';
import type { Labels } from '../metadata/labels.ts';
import { OverlaySnapshotter } from './overlay-snapshotter.ts';
import type { SnapshotNumbers } from './snapshot-directories.ts';
import type { SnapshotRow } from './snapshot-rows.ts';
import type { SnapshotUsage } from './snapshotter.ts';

/** As containerd's clients name snapshots that they unpack layers into. */
const extractionPrefix = 'extract-';

export function isErofsSupported(): boolean {
  return /\berofs$/m.test(readFileSync('/proc/filesystems', 'utf8'));
}

export class ErofsSnapshotter extends OverlaySnapshotter {
  readonly #rootDirectory: string;
  /** By id; a mount that failed is tried again. */
  readonly #mounts = new Map<number, Promise<void>>();
  /** Mount points that an earlier life of the daemon left, read once. */
  #left: Promise<Set<string>> | undefined;

  constructor(store: Store, root: string, numbers: SnapshotNumbers, log: Logger, mountOptions: string[] = []) {
    super(store, root, numbers, log, mountOptions, 'erofs');
    this.#rootDirectory = root;
  }

  /** The image that the layer applier is to make for an overlay's upper directory; undefined: it fills the directory. */
  imageFor(upper: string): string | undefined {
    const directory = dirname(upper);
    const id = Number(basename(directory));
    if (this.directories.of(id) !== directory) return undefined;
    const row = this.rowOfId(id);
    const isExtraction = row?.kind === 'ACTIVE' && row.name.startsWith(extractionPrefix);
    return isExtraction && isEmpty(upper) && !existsSync(this.#image(id)) ? this.#image(id) : undefined;
  }

  override async recover(): Promise<void> {
    for (const id of this.ids()) if (this.rowOfId(id)?.kind === 'COMMITTED') await this.sealed(id);
    await super.recover();
  }

  override discardFiles(ids: number[]): void {
    for (const id of ids) this.#mounts.delete(id);
    super.discardFiles(ids);
  }

  override async close(): Promise<void> {
    await super.close();
    await Promise.allSettled(this.#mounts.values());
    await unmountBelow(this.#rootDirectory);
  }

  protected override needsMounts(): boolean {
    return true;
  }

  protected override layerOf(id: number): string {
    return join(this.directories.of(id), 'layer');
  }

  protected override async adopt(id: number, parents: number[], implied: Buffer): Promise<void> {
    await this.#mountAll(parents);
    if (!existsSync(this.#image(id))) return super.adopt(id, parents, implied);
    await takeAfterParents({ image: this.#image(id), parents: parents.map((one) => this.layerOf(one)), implied });
  }

  protected override async fill(id: number, parentId: number | null, labels: Labels): Promise<void> {
    if (parentId !== null) await this.#mount(parentId);
    await super.fill(id, parentId, labels);
  }

  /** An active snapshot whose layer was applied has it below its upper directory. */
  protected override async mountsOf(row: SnapshotRow, parentIds: number[]): Promise<Mount[]> {
    const isApplied = row.kind === 'ACTIVE' && existsSync(this.#image(row.id));
    const layers = isApplied ? [row.id, ...parentIds] : parentIds;
    await this.#mountAll(layers);
    return super.mountsOf(row, layers);
  }

  /** The image is made beside; it counts when the row says COMMITTED. */
  protected override async seal({ id, name }: SnapshotRow): Promise<void> {
    const source = this.directories.upper(id);
    if (existsSync(this.#image(id))) {
      if (isEmpty(source)) return;
      const message = `commit snapshot ${name}: a layer was applied to it and it was written to: failed precondition`;
      throw new ContainerError('failed-precondition', message);
    }
    await removeTree(this.#pending(id)); // of a commit that was cut short
    await writeImage({ source, image: this.#pending(id), isUserOverlay: this.isUserOverlay, sync: false });
    failpoint('snapshot.image.written');
  }

  /** Repeated until it is done: while the pending image is there, the directory's files are still to go. */
  protected override async sealed(id: number): Promise<void> {
    if (!existsSync(this.#pending(id))) return;
    await removeTree(this.directories.upper(id));
    mkdirSync(this.directories.upper(id), { mode: 0o755 });
    renameSync(this.#pending(id), this.#image(id));
  }

  protected override async measure(row: SnapshotRow): Promise<SnapshotUsage> {
    const own = await super.measure(row);
    const image = this.#imageOf(row.id);
    if (!existsSync(image)) return own;
    return { size: own.size + statSync(image).blocks * 512, inodes: own.inodes + 1 };
  }

  #image(id: number): string {
    return join(this.directories.of(id), 'layer.erofs');
  }

  #pending(id: number): string {
    return join(this.directories.of(id), 'commit.erofs');
  }

  #imageOf(id: number): string {
    return existsSync(this.#pending(id)) ? this.#pending(id) : this.#image(id);
  }

  async #mountAll(ids: number[]): Promise<void> {
    await Promise.all(ids.map((id) => this.#mount(id)));
  }

  #mount(id: number): Promise<void> {
    const known = this.#mounts.get(id);
    if (known !== undefined) return known;
    const mounting = this.#mountImage(id);
    this.#mounts.set(id, mounting);
    mounting.catch(() => this.#mounts.delete(id));
    return mounting;
  }

  async #mountImage(id: number): Promise<void> {
    this.#left ??= listMountsBelow(this.#rootDirectory).then((points) => new Set(points));
    const target = this.layerOf(id);
    if ((await this.#left).has(target)) return;
    mkdirSync(target, { recursive: true, mode: 0o755 });
    await mountAll([{ type: 'erofs', source: this.#imageOf(id), options: ['ro'] }], target);
  }
}

function isEmpty(directory: string): boolean {
  return readdirSync(directory).length === 0;
}
