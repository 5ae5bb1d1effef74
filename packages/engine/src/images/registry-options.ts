// How the engine reaches registries, from its configuration: insecure ones, mirrors, and where certificates are.
import { join } from 'node:path';
import type { RegistryHostOptions } from '@tscontainer/distribution/registry-hosts';
import type { EngineConfig } from '../engine-config.ts';

/** Each has `<host:port>/ca.crt`; docker's first, then containerd's, then this engine's own. */
export function registryOptionsOf(
  config: Pick<EngineConfig, 'dataRoot' | 'insecureRegistries' | 'registryMirrors'>,
): RegistryHostOptions {
  return {
    insecureRegistries: config.insecureRegistries,
    mirrors: config.registryMirrors,
    certificateDirectories: ['/etc/docker/certs.d', '/etc/containerd/certs.d', join(config.dataRoot, 'certs.d')],
  };
}
