// Puts the engine together and takes it apart: main.ts runs it, tests may run it in their own process.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type http from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newId } from '@tscontainer/core/ids';
import { unmountBelow } from '@tscontainer/linux/mounts';
import { trimMalloc } from '@tscontainer/linux/process';
import { IdleMemory } from '@tscontainer/platform/idle-memory';
import type { Logger } from '@tscontainer/platform/logger';
import { ContainerdClient } from './containerd/containerd-client.ts';
import { ContainerdSupervisor } from './containerd/supervisor.ts';
import type { Container } from './containers/container.ts';
import { ExitHandler } from './containers/container-exit.ts';
import { ContainerIndex } from './containers/container-index.ts';
import { ContainerRemains } from './containers/container-remains.ts';
import { ContainerStore, openEngineStore } from './containers/container-store.ts';
import type { EngineContext } from './containers/engine-context.ts';
import { ExecManager } from './containers/exec-manager.ts';
import { ExitWatcher } from './containers/exit-watcher.ts';
import { HealthMonitor } from './containers/health-monitor.ts';
import { ParentCgroup } from './containers/parent-cgroup.ts';
import { catchUp, loadContainers } from './containers/recovery.ts';
import { removeEveryContainer } from './containers/requested-removal.ts';
import { makeRuntimePlaces } from './containers/runtime-places.ts';
import { UserFilesCache } from './containers/user-files-cache.ts';
import { defaultCgroupParent, type EngineConfig } from './engine-config.ts';
import { EnginePaths } from './engine-paths.ts';
import { raiseLoopback } from './ephemeral/loopback.ts';
import { EventHub } from './events/event-hub.ts';
import { createEngineServer } from './http/engine-server.ts';
import { listen } from './http/listen.ts';
import type { ImageUsage } from './images/image-backend.ts';
import { ImageManager } from './images/image-manager.ts';
import { registryOptionsOf } from './images/registry-options.ts';
import { ContainerNetworks } from './networks/container-networks.ts';
import { NetworkManager } from './networks/network-manager.ts';
import { NetworkStore } from './networks/network-store.ts';
import { type RouteParts, registerAllRoutes } from './routes/all-routes.ts';
import { RuntimeTable } from './runtimes/runtime-table.ts';
import { SessionManager } from './sessions/session-manager.ts';
import { VolumeManager } from './volumes/volume-manager.ts';

/** containerd's namespace of the engine, as dockerd's. */
const namespace = 'moby';
const ownShim = 'io.containerd.ts.v2';
/** How long a containerd may take to answer at the start. */
const containerdReadyMs = 30_000;

const initCandidates = ['./tsinit', '../../../dist/lib/tsinit'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

export interface RunningEngine {
  /** Containers go on without it, unless they are removed with it. */
  stop(options?: { removesContainers: boolean }): Promise<void>;
}

/** A start that fails leaves no lifecycle daemon behind that was started for it. */
export async function startEngine(config: EngineConfig, log: Logger): Promise<RunningEngine> {
  const supervisor = config.containerd === undefined ? newSupervisor(config, log) : undefined;
  try {
    return await assemble(config, log, supervisor);
  } catch (error) {
    if (supervisor?.hasSpawned) await supervisor.stop();
    throw error;
  }
}

async function assemble(
  config: EngineConfig,
  log: Logger,
  supervisor: ContainerdSupervisor | undefined,
): Promise<RunningEngine> {
  const paths = new EnginePaths(config.dataRoot, config.execRoot);
  for (const directory of [paths.dataRoot, paths.execRoot, paths.containers, paths.runs])
    mkdirSync(directory, { recursive: true, mode: 0o711 });
  mkdirSync(dirname(paths.runtimePlaces), { recursive: true, mode: 0o700 });
  makeRuntimePlaces(paths.runtimePlaces);
  const runtimes = new RuntimeTable({
    definitions: config.runtimes,
    defaultName: config.defaultRuntime,
    // another's containerd may not have our shim
    pathShim: config.containerd === undefined ? ownShim : 'io.containerd.runc.v2',
    directory: paths.runtimes,
  });
  const isOwnCgroup = config.isEphemeral || config.cgroupParent === defaultCgroupParent;
  const parentCgroup = new ParentCgroup(config.cgroupParent, isOwnCgroup);
  if (config.isEphemeral) await raiseLoopback();
  supervisor?.start();
  const client = new ContainerdClient({ address: config.containerd ?? supervisor?.address ?? '', namespace });
  await client.connection.ready(containerdReadyMs);

  const store = openEngineStore(paths.database);
  const events = new EventHub();
  const volumes = new VolumeManager(paths.volumes, store, events);
  const index = new ContainerIndex<Container>();
  const usage: ImageUsage = {
    containersUsing: (imageId) =>
      index
        .values()
        .filter((container) => container.settings.imageId === imageId)
        .map((container) => ({ id: container.id, isRunning: container.isRunning })),
  };
  const images = new ImageManager({
    client,
    snapshotter: config.snapshotter,
    log,
    usage,
    events,
    registries: registryOptionsOf(config),
  });
  const engineId = readEngineId(paths);
  const networks = new ContainerNetworks({
    manager: await NetworkManager.open({
      store: new NetworkStore(store),
      events,
      settings: config.network,
      engineId,
      log,
    }),
    paths,
    containers: () => index.values(),
    findContainer: (reference) => index.tryFind(reference),
    publish: (action, container, network) =>
      events.publish('network', action, network.id, {
        container: container.id,
        name: network.name,
        type: network.driver,
      }),
    log,
  });
  const context: EngineContext = {
    engineId,
    config,
    paths,
    client,
    store: new ContainerStore(store),
    index,
    images,
    events,
    volumes,
    networks,
    runtimes,
    userFiles: new UserFilesCache(),
    remains: new ContainerRemains(),
    initProgram: initCandidates.find((path) => existsSync(path)) ?? '',
    log,
  };
  volumes.containersOf = (name) =>
    index
      .values()
      .filter((container) =>
        container.settings.mountPoints.some((point) => point.type === 'volume' && point.name === name),
      )
      .map((container) => container.id);

  const execs = new ExecManager(context);
  const sessions = new SessionManager(log);
  const exits = new ExitHandler(context, execs);
  const health = new HealthMonitor(context, execs);
  const watcher = new ExitWatcher({
    context,
    exits,
    execs,
    catchUp: () => {
      images.invalidate(); // its events of the meantime are lost
      return catchUp(context, exits);
    },
    onImageEvent: () => images.invalidate(),
    onLost: () => supervisor?.ensureRunning(),
  });
  await emptyScratch(paths.temporary);
  await loadContainers(context);
  const begin = async () => {
    await networks.restore();
    void watcher.run();
    await watcher.ready;
    networks.openPools();
    health.adopt();
    startAlways(index, exits);
    return serve({ context, images, execs, sessions });
  };
  const servers = await begin().catch(async (error) => {
    watcher.stop();
    await networks.close(); // the host's links and rules are not left to an engine that never was
    throw error;
  });
  log.info({ hosts: config.hosts, containers: index.size }, 'serving');
  void images.start(join(paths.dataRoot, 'embedded-image'));

  return {
    stop: async ({ removesContainers } = { removesContainers: false }) => {
      exits.isStopping = true;
      health.stop();
      for (const server of servers) closeServer(server);
      sessions.close();
      if (removesContainers) await removeEveryContainer(context);
      watcher.stop();
      // containers go on without us, as with docker's live restore: the next engine takes them over
      for (const container of index.values()) {
        clearTimeout(container.restartTimer);
        container.run?.pump.detach();
      }
      await networks.close();
      await context.remains.settled();
      await supervisor?.stop();
      parentCgroup.removeEmpty();
      client.close();
      store.close();
    },
  };
}

/** `--restart always` holds at a start of the engine even for a container that was stopped by hand. */
function startAlways(index: ContainerIndex<Container>, exits: ExitHandler): void {
  for (const container of index.values()) {
    if (container.settings.hostConfig.RestartPolicy.Name !== 'always' || container.state.status !== 'exited') continue;
    container.state.isStoppedByUser = false;
    exits.restart(container);
  }
}

function newSupervisor(config: EngineConfig, log: Logger): ContainerdSupervisor {
  return new ContainerdSupervisor({
    root: join(config.dataRoot, 'containerd'),
    state: join(config.execRoot, 'containerd'),
    logFile: join(config.dataRoot, 'tscontainerd.log'),
    logLevel: config.logLevel,
    log,
  });
}

/** Mounts and FIFOs that a killed engine left. */
async function emptyScratch(directory: string): Promise<void> {
  await unmountBelow(directory);
  rmSync(directory, { recursive: true, force: true });
}

function readEngineId(paths: EnginePaths): string {
  const path = join(paths.dataRoot, 'engine-id');
  if (existsSync(path)) return readFileSync(path, 'utf8').trim();
  const id = newId();
  writeFileSync(path, `${id}\n`);
  return id;
}

async function serve(parts: RouteParts): Promise<http.Server[]> {
  const { config, log } = parts.context;
  const idle = new IdleMemory(trimMalloc);
  idle.touch();
  const engineServer = createEngineServer(log);
  registerAllRoutes(engineServer, parts);
  const servers: http.Server[] = [];
  for (const host of config.hosts) {
    const server = await engineServer.createHttpServer();
    server.on('request', () => idle.touch()).on('upgrade', () => idle.touch());
    await listen(server, { host, group: config.group }, log);
    servers.push(server);
  }
  return servers;
}

function closeServer(server: http.Server): void {
  server.close();
  server.closeAllConnections();
}
