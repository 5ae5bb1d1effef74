// Opens everything that the services share, over one root directory: the stores, the event bus, the collector.
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerError } from '@tscontainer/core/errors';
import type { Logger } from '@tscontainer/platform/logger';
import { Store } from '@tscontainer/platform/store';
import { ContainerStore } from './containers/container-store.ts';
import { ContentStore } from './content/content-store.ts';
import type { DaemonConfig } from './daemon-config.ts';
import { LayerApplier } from './diff/layer-applier.ts';
import { LayerDiffer } from './diff/layer-differ.ts';
import { EventExchange } from './events/event-exchange.ts';
import { EventPublisher } from './events/event-publisher.ts';
import { Collector } from './gc/collector.ts';
import { ImageStore } from './images/image-store.ts';
import { LeaseStore } from './leases/lease-store.ts';
import { schema } from './metadata/schema.ts';
import { NamespaceStore } from './namespaces/namespace-store.ts';
import { SandboxStore } from './sandboxes/sandbox-store.ts';
import type { DirectorySnapshotter } from './snapshots/directory-snapshotter.ts';
import { ErofsSnapshotter, isErofsSupported } from './snapshots/erofs-snapshotter.ts';
import { NativeSnapshotter } from './snapshots/native-snapshotter.ts';
import { OverlaySnapshotter } from './snapshots/overlay-snapshotter.ts';
import { SnapshotNumbers } from './snapshots/snapshot-directories.ts';
import { highestSnapshotId } from './snapshots/snapshot-rows.ts';
import type { Snapshotter } from './snapshots/snapshotter.ts';
import { TaskManager } from './tasks/task-manager.ts';

export interface Daemon {
  config: DaemonConfig;
  log: Logger;
  store: Store;
  events: EventExchange;
  publisher: EventPublisher;
  namespaces: NamespaceStore;
  containers: ContainerStore;
  images: ImageStore;
  content: ContentStore;
  leases: LeaseStore;
  sandboxes: SandboxStore;
  /** The default one. */
  snapshots: OverlaySnapshotter;
  /** All of them, by name. */
  snapshotters: Map<string, DirectorySnapshotter>;
  applier: LayerApplier;
  differ: LayerDiffer;
  collector: Collector;
  tasks: TaskManager;
}

/** Files that a killed daemon left without rows are removed here, before anything is served. */
export function openDaemon(config: DaemonConfig, log: Logger): Daemon {
  for (const path of [config.root, config.state]) mkdirSync(path, { recursive: true, mode: 0o711 });
  const database = join(config.root, 'meta.db');
  // records hold what people put into environments: nobody else reads them (SQLite gives its other files the same mode)
  closeSync(openSync(database, 'a', 0o600));
  const store = new Store(database, schema);
  const content = new ContentStore(store, join(config.root, 'io.containerd.content.v1.content'), log);
  const rootOf = (plugin: string) => join(config.root, `io.containerd.snapshotter.v1.${plugin}`);
  const numbers = new SnapshotNumbers(highestSnapshotId(store));
  const snapshots = new OverlaySnapshotter(store, rootOf('overlayfs'), numbers, log, config.overlayMountOptions);
  const native = new NativeSnapshotter(store, rootOf('native'), numbers, log);
  const erofs = isErofsSupported()
    ? new ErofsSnapshotter(store, rootOf('erofs'), numbers, log, config.overlayMountOptions)
    : undefined;
  const all = [snapshots, native, ...(erofs === undefined ? [] : [erofs])];
  const snapshotters = new Map<string, DirectorySnapshotter>(all.map((one) => [one.name, one]));
  const events = new EventExchange();
  const shared = {
    store,
    content,
    snapshots,
    snapshotters,
    log,
    publisher: new EventPublisher(events),
    namespaces: new NamespaceStore(store),
    containers: new ContainerStore(store),
    images: new ImageStore(store),
    leases: new LeaseStore(store),
    sandboxes: new SandboxStore(store),
  };
  content.dropUnreferenced(content.blobsOnDisk());
  content.dropBrokenIngests();
  const applier = new LayerApplier(content, (upper) => erofs?.imageFor(upper));
  const differ = new LayerDiffer(content, join(config.root, 'tmp'));
  const tasks = new TaskManager({
    config,
    log,
    events,
    hasContainer: (namespace, id) => shared.containers.has(namespace, id),
  });
  return { ...shared, config, events, applier, differ, collector: new Collector(shared), tasks };
}

/** The snapshotter that a request names. Throws invalid-argument, as containerd does. */
export function snapshotterNamed({ snapshotters }: Pick<Daemon, 'snapshotters'>, name: string): Snapshotter {
  if (name === '') throw new ContainerError('invalid-argument', 'snapshotter argument missing: invalid argument');
  const found = snapshotters.get(name);
  if (found === undefined)
    throw new ContainerError('invalid-argument', `snapshotter not loaded: ${name}: invalid argument`);
  return found;
}
