// containerd.services.version.v1.Version: who answers.
import { loadService } from '@tscontainer/platform/contract-loader';
import type { ServedService } from '@tscontainer/platform/grpc-server';

export const daemonVersion = 'v0.1.0';

/** Set by the build to the commit that it was made from. */
export const daemonRevision = process.env.TSCONTAINER_REVISION ?? '';

export function versionService(): ServedService {
  return {
    definition: loadService('containerd/services/version/v1/version.proto', 'containerd.services.version.v1.Version'),
    handlers: { Version: async () => ({ version: daemonVersion, revision: daemonRevision }) },
  };
}
