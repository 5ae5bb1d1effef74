// What keeps what, by containerd's gc labels: built from the rows of one namespace and walked by the collector.
import type { Labels } from '../metadata/labels.ts';

const refContent = 'containerd.io/gc.ref.content';
const refSnapshot = 'containerd.io/gc.ref.snapshot.';
const backSnapshot = 'containerd.io/gc.bref.snapshot.';
const backReferences: [name: string, toNode: (value: string) => string][] = [
  ['containerd.io/gc.bref.content', contentNode],
  ['containerd.io/gc.bref.image', imageNode],
  ['containerd.io/gc.bref.container', containerNode],
];

export function contentNode(digest: string): string {
  return `content ${digest}`;
}

export function snapshotNode(snapshotter: string, key: string): string {
  return `snapshot ${snapshotter} ${key}`;
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
  /** Those without which a node cannot be: they are followed from flat roots too. */
  readonly #structure = new Map<string, string[]>();
  readonly #roots: string[] = [];
  readonly #flatRoots: string[] = [];

  /** `labels` are `node`'s own: gc.ref.* lead from it, gc.bref.* lead to it. */
  add(node: string, labels: Labels): void {
    for (const [key, value] of Object.entries(labels)) {
      if (!key.startsWith('containerd.io/gc.')) continue;
      if (isNamed(key, refContent)) this.link(node, contentNode(value));
      else if (key.startsWith(refSnapshot)) this.link(node, snapshotNode(snapshotterIn(key, refSnapshot), value));
      else if (key.startsWith(backSnapshot)) this.link(snapshotNode(snapshotterIn(key, backSnapshot), value), node);
      for (const [name, toNode] of backReferences) if (isNamed(key, name)) this.link(toNode(value), node);
    }
  }

  link(from: string, to: string, kind: 'reference' | 'structural' = 'reference'): void {
    addTo(this.#edges, from, to);
    if (kind === 'structural') addTo(this.#structure, from, to);
  }

  root(node: string): void {
    this.#roots.push(node);
  }

  /** Kept, with what it cannot be without, and no further. */
  flatRoot(node: string): void {
    this.#flatRoots.push(node);
  }

  reachable(): Set<string> {
    const seen = walk(this.#roots, this.#edges);
    for (const node of walk(this.#flatRoots, this.#structure)) seen.add(node);
    return seen;
  }
}

function addTo(edges: Map<string, string[]>, from: string, to: string): void {
  const known = edges.get(from);
  if (known === undefined) edges.set(from, [to]);
  else known.push(to);
}

function walk(roots: string[], edges: Map<string, string[]>): Set<string> {
  const seen = new Set(roots);
  const waiting = [...seen];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    for (const next of edges.get(node) ?? []) {
      if (seen.has(next)) continue;
      seen.add(next);
      waiting.push(next);
    }
  }
  return seen;
}

/** The label itself, or with more behind a dot or a slash: several of one kind on one node. */
function isNamed(key: string, name: string): boolean {
  return key === name || key.startsWith(`${name}.`) || key.startsWith(`${name}/`);
}

/** `...gc.ref.snapshot.overlayfs/0` is of overlayfs. */
function snapshotterIn(key: string, prefix: string): string {
  return key.slice(prefix.length).split('/')[0] ?? '';
}
