// Registers every route of the engine: engine.ts serves them, a test holds them against the operations described in api/.
import type { EngineContext } from '../containers/engine-context.ts';
import type { ExecManager } from '../containers/exec-manager.ts';
import type { EngineServer } from '../http/engine-server.ts';
import type { ImageManager } from '../images/image-manager.ts';
import { usersOfImages } from '../images/image-views.ts';
import { registryOptionsOf } from '../images/registry-options.ts';
import type { SessionManager } from '../sessions/session-manager.ts';
import { registerBuildRoutes } from './builder/build-routes.ts';
import { registerArchiveRoutes } from './containers/archive-routes.ts';
import { registerInspectRoutes } from './containers/inspect-routes.ts';
import { registerLifecycleRoutes } from './containers/lifecycle-routes.ts';
import { registerStatsRoutes } from './containers/stats-routes.ts';
import { registerStreamRoutes } from './containers/stream-routes.ts';
import { registerExecRoutes } from './exec/exec-routes.ts';
import { registerCommitRoutes } from './images/commit-routes.ts';
import { registerDistributionRoutes } from './images/distribution-routes.ts';
import { registerImageRoutes } from './images/image-routes.ts';
import { registerSearchRoutes } from './images/search-routes.ts';
import { registerNetworkRoutes } from './networks/network-routes.ts';
import { registerPluginRoutes } from './plugins/plugin-routes.ts';
import { registerSessionRoutes } from './session/session-routes.ts';
import { registerSwarmRoutes } from './swarm/swarm-routes.ts';
import { registerApiDocumentRoutes } from './system/api-document-routes.ts';
import { registerDiskUsageRoutes } from './system/disk-usage-routes.ts';
import { registerEventRoutes } from './system/event-routes.ts';
import { registerSystemRoutes } from './system/system-routes.ts';
import { registerVolumeRoutes } from './volumes/volume-routes.ts';

export interface RouteParts {
  context: EngineContext;
  images: ImageManager;
  execs: ExecManager;
  sessions: SessionManager;
}

export function registerAllRoutes(server: EngineServer, { context, images, execs, sessions }: RouteParts): void {
  const { app, hijackRoutes } = server;
  registerSystemRoutes(app, context, images);
  registerEventRoutes(app, context);
  registerLifecycleRoutes(app, context);
  registerInspectRoutes(app, context);
  registerArchiveRoutes(app, context);
  registerStreamRoutes(app, hijackRoutes, context);
  registerStatsRoutes(app, context);
  registerExecRoutes(app, hijackRoutes, context, execs);
  registerVolumeRoutes(app, context);
  registerNetworkRoutes(app, context);
  registerImageRoutes(app, images, () => usersOfImages(context.index.values()));
  registerDiskUsageRoutes(app, context, images);
  registerCommitRoutes(app, context, images);
  registerBuildRoutes(app, context, images);
  registerSessionRoutes(app, hijackRoutes, sessions);
  registerSwarmRoutes(app);
  registerPluginRoutes(app);
  registerDistributionRoutes(app, registryOptionsOf(context.config));
  registerSearchRoutes(app, registryOptionsOf(context.config));
  registerApiDocumentRoutes(app);
}
