// The services of this daemon: one line each, by plain constructors. main.ts starts, serves and stops them in order.
import { join } from 'node:path';
import type { ServedService } from '@tscontainer/platform/grpc-server';
import { type Daemon, snapshotterNamed } from './daemon.ts';
import { CallCounters } from './metrics/call-counters.ts';
import { MetricsServer } from './metrics/metrics-server.ts';
import { containersService } from './services/containers-service.ts';
import { contentService } from './services/content-service.ts';
import { diffService } from './services/diff-service.ts';
import { eventsService } from './services/events-service.ts';
import { healthService } from './services/health-service.ts';
import { imagesService } from './services/images-service.ts';
import { introspectionService } from './services/introspection-service.ts';
import { leasesService } from './services/leases-service.ts';
import { namespacesService } from './services/namespaces-service.ts';
import { reflectionServices } from './services/reflection-service.ts';
import { sandboxServices } from './services/sandbox-services.ts';
import { snapshotsService } from './services/snapshots-service.ts';
import { streamingService } from './services/streaming-service.ts';
import { tasksService } from './services/tasks-service.ts';
import { transferService } from './services/transfer-service.ts';
import { versionService } from './services/version-service.ts';
import { RestartMonitor } from './tasks/restart-monitor.ts';
import { TaskCheckpoints } from './tasks/task-checkpoints.ts';
import { StreamRegistry } from './transfer/stream-registry.ts';

/** Something with a life of its own beside its services. */
export interface DaemonPart {
  services: ServedService[];
  /** Before anything is served; it may throw, which ends the daemon. */
  start?: () => Promise<void>;
  /** When nothing is served any more. */
  stop?: () => Promise<void>;
}

/** What needs nothing but the stores. */
export function servicesOfStores(daemon: Daemon): ServedService[] {
  return [
    containersService(daemon),
    contentService(daemon),
    diffService(daemon),
    eventsService(daemon),
    healthService(),
    imagesService(daemon),
    introspectionService(daemon),
    leasesService(daemon),
    namespacesService(daemon),
    snapshotsService(daemon),
    ...sandboxServices(daemon),
    versionService(),
  ];
}

/** Streaming opens the streams that Transfer speaks on. */
function servicesOfTransfer(daemon: Daemon): ServedService[] {
  const streams = new StreamRegistry();
  return [streamingService(streams), transferService(daemon, streams)];
}

/** Without services of its own: it looks at the labels of containers. */
function restartMonitor(daemon: Daemon): DaemonPart {
  const { containers, namespaces, tasks, publisher, log, config } = daemon;
  const rootfsOf = async (namespace: string, snapshotter: string, key: string) => {
    const mounts = await snapshotterNamed(daemon, snapshotter).mounts(namespace, key);
    return mounts.map((mount) => ({ ...mount, target: '' }));
  };
  const intervalMs = config.restartIntervalMs;
  const monitor = new RestartMonitor({ containers, namespaces, tasks, publisher, log, intervalMs, rootfsOf });
  return { services: [], start: async () => monitor.start(), stop: () => monitor.stop() };
}

const nameOf = ({ definition }: ServedService) => Object.values(definition)[0]?.path.split('/')[1] ?? '';

/** Services about services: they come last. */
function withReflection(parts: DaemonPart[]): DaemonPart[] {
  const all = () => [...parts, own].flatMap(({ services }) => services.map(nameOf)).sort();
  const own: DaemonPart = { services: reflectionServices(all) };
  return [...parts, own];
}

/** Nothing is counted when nobody can ask. */
function withMetrics(daemon: Daemon, parts: DaemonPart[]): DaemonPart[] {
  const { address, hasHistogram } = daemon.config.metrics;
  if (address === '') return parts;
  const counters = new CallCounters(hasHistogram);
  const server = new MetricsServer(daemon, counters);
  const counted = parts.map((part) => ({ ...part, services: part.services.map((service) => counters.count(service)) }));
  return [...counted, { services: [], start: () => server.start(), stop: () => server.stop() }];
}

export function daemonParts(daemon: Daemon): DaemonPart[] {
  return withMetrics(daemon, withReflection(ownParts(daemon)));
}

function partOfTasks(daemon: Daemon): DaemonPart {
  const { containers, tasks, content, config } = daemon;
  const temporary = join(config.root, 'checkpoints');
  const checkpoints = new TaskCheckpoints({ containers, tasks, content, temporary });
  const start = async () => {
    await tasks.start();
    checkpoints.sweep();
  };
  return { services: [tasksService(daemon, checkpoints)], start, stop: () => tasks.stop() };
}

function ownParts(daemon: Daemon): DaemonPart[] {
  return [
    { services: servicesOfStores(daemon) },
    { services: servicesOfTransfer(daemon) },
    partOfTasks(daemon),
    restartMonitor(daemon),
  ];
}
