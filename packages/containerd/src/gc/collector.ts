// Garbage collection: drops content and snapshots that no image, container, lease or root label keeps. Off every path.
import { errorMessageOf } from '@tscontainer/core/errors';
import { failpoint } from '@tscontainer/platform/failpoint';
import type { Logger } from '@tscontainer/platform/logger';
import type { Store } from '@tscontainer/platform/store';
import type { ContainerStore } from '../containers/container-store.ts';
import type { ContentStore } from '../content/content-store.ts';
import type { EventPublisher } from '../events/event-publisher.ts';
import type { ImageStore } from '../images/image-store.ts';
import { expireLabel, type LeaseResource, type LeaseStore } from '../leases/lease-store.ts';
import type { Labels } from '../metadata/labels.ts';
import type { NamespaceStore } from '../namespaces/namespace-store.ts';
import type { SandboxStore } from '../sandboxes/sandbox-store.ts';
import type { DirectorySnapshotter } from '../snapshots/directory-snapshotter.ts';
import { containerNode, contentNode, imageNode, ReferenceGraph, snapshotNode } from './reference-graph.ts';

export interface Collectable {
  store: Store;
  namespaces: NamespaceStore;
  containers: ContainerStore;
  images: ImageStore;
  content: ContentStore;
  leases: LeaseStore;
  sandboxes: SandboxStore;
  snapshotters: Map<string, DirectorySnapshotter>;
  publisher: EventPublisher;
  log: Logger;
}

export interface Collected {
  digests: string[];
  snapshots: { namespace: string; snapshotter: string; key: string; id: number }[];
  images: { namespace: string; name: string }[];
}

const rootLabel = 'containerd.io/gc.root';
/** On a lease: what it holds is kept, what that refers to is not. */
const flatLabel = 'containerd.io/gc.flat';

/** A client may prepare a snapshot beside creating its container: for so long it needs no other root. */
const activeGraceMs = 60_000;
/** An upload that nobody has touched for so long is given up. */
const ingestAgeMs = 24 * 60 * 60 * 1000;

export class Collector {
  readonly #parts: Collectable;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer is due, by performance.now(). */
  #dueMs = 0;
  #running: Promise<unknown> = Promise.resolve();

  constructor(parts: Collectable) {
    this.#parts = parts;
  }

  /** Runs after `delayMs`; asked again meanwhile, it stays one run, at the earlier time. */
  schedule(delayMs: number): void {
    const dueMs = performance.now() + delayMs;
    if (this.#timer !== undefined && this.#dueMs <= dueMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.run().catch((error: unknown) =>
        this.#parts.log.error({ err: errorMessageOf(error) }, 'garbage collection failed'),
      );
    }, delayMs);
    this.#timer.unref();
  }

  /** One run, after any that is under way; what it dropped is gone from the disk when it resolves. */
  run(): Promise<Collected> {
    const run = this.#running.then(() => this.#collect());
    this.#running = run.catch(() => undefined); // its caller has the error
    return run;
  }

  /** No further runs; resolves after the last. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #collect(): Promise<Collected> {
    const { store, namespaces, content, snapshotters, publisher, log } = this.#parts;
    // mark and sweep are one transaction: no write comes between what was seen and what is dropped
    const collected = await store.write(() => {
      const all: Collected = { digests: [], snapshots: [], images: [] };
      for (const { name } of namespaces.list()) this.#sweep(name, all);
      return all;
    });
    failpoint('gc.unrecorded');
    content.dropUnreferenced(collected.digests);
    failpoint('gc.unlinked');
    content.dropStaleIngests(new Date(Date.now() - ingestAgeMs), this.#leasedIngests());
    for (const snapshotter of snapshotters.values()) {
      const own = collected.snapshots.filter((one) => one.snapshotter === snapshotter.name);
      snapshotter.discardFiles(own.map(({ id }) => id));
    }
    for (const { namespace, key, snapshotter } of collected.snapshots)
      publisher.publish(namespace, '/snapshot/remove', 'containerd.events.SnapshotRemove', { key, snapshotter });
    for (const { namespace, name } of collected.images)
      publisher.publish(namespace, '/images/delete', 'containerd.services.images.v1.ImageDelete', { name });
    await content.settled();
    for (const snapshotter of snapshotters.values()) await snapshotter.cleanup();
    if (collected.digests.length + collected.snapshots.length > 0) {
      log.info({ blobs: collected.digests.length, snapshots: collected.snapshots.length }, 'collected garbage');
    }
    return collected;
  }

  /** Uploads that a lease keeps, however old: `namespace/ref`. */
  #leasedIngests(): Set<string> {
    const rows = this.#parts.store.sql("SELECT namespace, id FROM lease_resources WHERE type='ingests'").all();
    return new Set(rows.map((row) => `${row.namespace}/${row.id}`));
  }

  #sweep(namespace: string, collected: Collected): void {
    const { store, content, images, snapshotters } = this.#parts;
    for (const { name, labels } of images.list(namespace)) {
      if (!hasExpired(labels)) continue;
      store.sql('DELETE FROM images WHERE namespace=? AND name=?').run(namespace, name);
      collected.images.push({ namespace, name });
    }
    const kept = this.#mark(namespace).reachable();
    for (const { digest } of [...content.walk(namespace)]) {
      if (kept.has(contentNode(digest))) continue;
      store.sql('DELETE FROM content WHERE namespace=? AND digest=?').run(namespace, digest);
      collected.digests.push(digest);
    }
    for (const snapshotter of snapshotters.values()) {
      for (const { id, name } of snapshotter.rows(namespace)) {
        if (kept.has(snapshotNode(snapshotter.name, name))) continue;
        snapshotter.deleteRow(id);
        collected.snapshots.push({ namespace, snapshotter: snapshotter.name, key: name, id });
      }
    }
  }

  #mark(namespace: string): ReferenceGraph {
    const { containers, images, content, sandboxes, snapshotters } = this.#parts;
    const graph = new ReferenceGraph();
    const addRoot = (node: string, labels: Labels) => {
      graph.add(node, labels);
      graph.root(node);
    };
    for (const image of images.list(namespace)) {
      addRoot(imageNode(image.name), image.labels);
      graph.link(imageNode(image.name), contentNode(image.target.digest));
    }
    for (const container of containers.list(namespace)) {
      addRoot(containerNode(container.id), container.labels);
      if (container.snapshotKey !== '')
        graph.link(containerNode(container.id), snapshotNode(container.snapshotter, container.snapshotKey));
    }
    for (const { sandboxId, labels } of sandboxes.list(namespace)) addRoot(`sandbox ${sandboxId}`, labels);
    for (const { digest, labels } of content.walk(namespace)) {
      graph.add(contentNode(digest), labels);
      if (isRoot(labels)) graph.root(contentNode(digest));
    }
    for (const snapshotter of snapshotters.values()) {
      const node = (key: string) => snapshotNode(snapshotter.name, key);
      for (const { name, info } of snapshotter.rows(namespace)) {
        graph.add(node(name), info.labels);
        if (info.parent !== '') graph.link(node(name), node(info.parent), 'structural');
        const isNew = info.kind !== 'COMMITTED' && Date.now() - info.createdAt.seconds * 1000 < activeGraceMs;
        if (isRoot(info.labels) || isNew) graph.root(node(name));
      }
    }
    this.#markLeases(namespace, graph);
    return graph;
  }

  #markLeases(namespace: string, graph: ReferenceGraph): void {
    const { store, leases } = this.#parts;
    for (const { id, labels } of leases.list(namespace)) {
      if (hasExpired(labels)) {
        store.sql('DELETE FROM lease_resources WHERE namespace=? AND lease=?').run(namespace, id);
        store.sql('DELETE FROM leases WHERE namespace=? AND id=?').run(namespace, id);
        continue;
      }
      graph.add(`lease ${id}`, labels);
      graph.root(`lease ${id}`);
      for (const resource of leases.resources(namespace, id)) {
        const node = nodeOf(resource);
        if (node === undefined) continue;
        if (labels[flatLabel] === undefined) graph.root(node);
        else graph.flatRoot(node);
      }
    }
  }
}

function nodeOf({ type, id }: LeaseResource): string | undefined {
  if (type === 'content') return contentNode(id);
  if (type === 'images') return imageNode(id);
  return type.startsWith('snapshots/') ? snapshotNode(type.slice('snapshots/'.length), id) : undefined;
}

/** A root label counts until its sister label gc.expire, if any, has passed. */
function isRoot(labels: Labels): boolean {
  if (labels[expireLabel] !== undefined) return !hasExpired(labels);
  return labels[rootLabel] !== undefined;
}

function hasExpired(labels: Labels): boolean {
  const at = Date.parse(labels[expireLabel] ?? '');
  return !Number.isNaN(at) && at < Date.now();
}
