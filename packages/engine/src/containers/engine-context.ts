// What the container operations share: one object, put together by main.ts, so that each operation takes one argument.
import type { Logger } from '@tscontainer/platform/logger';
import type { ContainerdClient } from '../containerd/containerd-client.ts';
import type { EngineConfig } from '../engine-config.ts';
import type { EnginePaths } from '../engine-paths.ts';
import type { EventHub } from '../events/event-hub.ts';
import type { ImageResolver } from '../images/image-backend.ts';
import type { ContainerNetworks } from '../networks/container-networks.ts';
import type { RuntimeTable } from '../runtimes/runtime-table.ts';
import type { VolumeManager } from '../volumes/volume-manager.ts';
import type { Container } from './container.ts';
import type { ContainerIndex } from './container-index.ts';
import type { ContainerRemains } from './container-remains.ts';
import type { ContainerStore } from './container-store.ts';
import type { UserFilesCache } from './user-files-cache.ts';

export interface EngineContext {
  /** Tells this engine's objects in the lifecycle daemon from those of others. */
  engineId: string;
  config: EngineConfig;
  paths: EnginePaths;
  client: ContainerdClient;
  store: ContainerStore;
  index: ContainerIndex<Container>;
  images: ImageResolver;
  events: EventHub;
  volumes: VolumeManager;
  networks: ContainerNetworks;
  runtimes: RuntimeTable;
  userFiles: UserFilesCache;
  remains: ContainerRemains;
  /** Host path of the init program. */
  initProgram: string;
  log: Logger;
}
