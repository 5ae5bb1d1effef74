// Writes a pull's progress as docker's clients read it: one JSON object per change of a layer, rarely enough to follow.
import { shortId } from '@tscontainer/core/ids';
import type { Descriptor } from '@tscontainer/core/oci-image';
import { familiarReference, type Reference } from '@tscontainer/core/reference';
import type { PullEvent } from '@tscontainer/distribution/pull';

export interface ProgressLine {
  status: string;
  id?: string;
  progressDetail?: { current?: number; total?: number };
  progress?: string;
}

/** A layer's bar moves at most this often. */
const barPauseMs = 100;
const barWidth = 50;

const units = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Go's units.HumanSize: four significant digits, powers of 1000. */
export function humanSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(4))}${units[unit]}`;
}

/** `[====>     ]  1.2MB/3.4MB`. */
export function progressBar(current: number, total: number): string {
  if (total <= 0) return humanSize(current);
  const filled = Math.min(Math.floor((current / total) * barWidth), barWidth - 1);
  return `[${'='.repeat(filled)}>${' '.repeat(barWidth - 1 - filled)}]  ${humanSize(current)}/${humanSize(total)}`;
}

/** One per pull. `write` gets each line in order; the first comes when the registry has answered. */
export class PullReporter {
  readonly #reference: Reference;
  readonly #write: (line: ProgressLine) => void;
  readonly #shown = new Map<string, Descriptor>();
  readonly #done = new Set<string>();
  readonly #lastBarMs = new Map<string, number>();
  #isBegun = false;

  constructor(reference: Reference, write: (line: ProgressLine) => void) {
    this.#reference = reference;
    this.#write = write;
  }

  event(event: PullEvent): void {
    this.#begin();
    if (event.kind === 'resolved') return;
    if (event.kind === 'layers') for (const layer of event.layers) this.#show(layer);
    else this.#layerEvent(event);
  }

  /** The last two lines. */
  finish(target: Descriptor, isNew: boolean): void {
    this.#begin();
    // containerd's own Transfer unpacks without saying so
    for (const layer of this.#shown.values()) if (!this.#done.has(layer.digest)) this.#line(layer, 'Pull complete');
    this.#write({ status: `Digest: ${target.digest}` });
    const name = familiarReference(this.#reference);
    this.#write({
      status: isNew ? `Status: Downloaded newer image for ${name}` : `Status: Image is up to date for ${name}`,
    });
  }

  #layerEvent(event: Exclude<PullEvent, { kind: 'resolved' | 'layers' }>): void {
    const { kind, layer } = event;
    this.#show(layer);
    if (kind === 'downloading') this.#bar('Downloading', layer, event.current);
    else if (kind === 'downloaded') this.#line(layer, 'Download complete');
    else if (kind === 'extracting') this.#bar('Extracting', layer, layer.size, true);
    else if (!this.#done.has(layer.digest)) {
      this.#done.add(layer.digest);
      this.#line(layer, kind === 'exists' ? 'Already exists' : 'Pull complete');
    }
  }

  #begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    const { path, tag, digest } = this.#reference;
    const id = digest === undefined ? (tag ?? 'latest') : familiarReference(this.#reference);
    this.#write({ status: `Pulling from ${path}`, id });
  }

  #show(layer: Descriptor): void {
    if (this.#shown.has(layer.digest)) return;
    this.#shown.set(layer.digest, layer);
    this.#line(layer, 'Pulling fs layer');
  }

  #line(layer: Descriptor, status: string): void {
    this.#write({ status, progressDetail: {}, id: shortId(layer.digest) });
  }

  #bar(status: string, layer: Descriptor, current: number, isForced = false): void {
    const now = Date.now();
    if (!isForced && now - (this.#lastBarMs.get(layer.digest) ?? 0) < barPauseMs) return;
    this.#lastBarMs.set(layer.digest, now);
    const progress = progressBar(current, layer.size);
    this.#write({ status, progressDetail: { current, total: layer.size }, progress, id: shortId(layer.digest) });
  }
}
