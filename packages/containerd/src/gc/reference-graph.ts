// What keeps what, by containerd's gc labels: built from the rows of one namespace and walked by the collector.
import type { Labels } from '../metadata/labels.ts';

const refContent = 'containerd.io/gc.ref.content';
const refSnapshot = 'containerd.io/gc.ref.snapshot.';
const backReferences: [prefix: string, toNode: (value: string) => string][] = [
  ['containerd.io/gc.bref.content', contentNode],
  ['containerd.io/gc.bref.snapshot.', snapshotNode],
  ['containerd.io/gc.bref.image', imageNode],
  ['containerd.io/gc.bref.container', containerNode],
];

export function contentNode(digest: string): string {
  return `content ${digest}`;
}

export function snapshotNode(key: string): string {
  return `snapshot ${key}`;
}

export function imageNode(name: string): string {
  return `image ${name}`;
}

export function containerNode(id: string): string {
  return `container ${id}`;
}

/** Story: add every row, `root` those that stand by themselves, then ask `reachable`. */
export class ReferenceGraph {
  readonly #edges = new Map<string, string[]>();
  readonly #roots: string[] = [];

  /** `labels` are `node`'s own: gc.ref.* lead from it, gc.bref.* lead to it. */
  add(node: string, labels: Labels): void {
    for (const [key, value] of Object.entries(labels)) {
      if (!key.startsWith('containerd.io/gc.')) continue;
      if (key === refContent || key.startsWith(`${refContent}.`)) this.link(node, contentNode(value));
      else if (key.startsWith(refSnapshot)) this.link(node, snapshotNode(value));
      for (const [prefix, toNode] of backReferences) if (key.startsWith(prefix)) this.link(toNode(value), node);
    }
  }

  link(from: string, to: string): void {
    const known = this.#edges.get(from);
    if (known === undefined) this.#edges.set(from, [to]);
    else known.push(to);
  }

  root(node: string): void {
    this.#roots.push(node);
  }

  reachable(): Set<string> {
    const seen = new Set(this.#roots);
    const waiting = [...seen];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      for (const next of this.#edges.get(node) ?? []) {
        if (seen.has(next)) continue;
        seen.add(next);
        waiting.push(next);
      }
    }
    return seen;
  }
}
