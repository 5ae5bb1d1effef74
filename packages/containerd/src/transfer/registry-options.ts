// How a transfer reaches its registry: what the request's resolver says over what this daemon is configured with.
import type { RegistryHostOptions } from '@tscontainer/distribution/registry-hosts';
import type { RegistrySessionOptions } from '@tscontainer/distribution/registry-session';
import type { OCIRegistry } from '@tscontainer/platform/contracts/containerd/types/transfer/registry';
import type { RegistryConfig } from '../daemon-config.ts';
import { credentialsFrom } from './auth-stream.ts';
import type { StreamRegistry } from './stream-registry.ts';

/** Throws not-found for the credentials' stream. */
export async function registryOptions(
  config: RegistryConfig,
  streams: StreamRegistry,
  namespace: string,
  { reference, resolver }: OCIRegistry,
): Promise<RegistrySessionOptions> {
  const authStream = resolver?.authStream || undefined;
  return {
    headers: resolver?.headers ?? {},
    ...hostOptions(config, resolver),
    credentials:
      authStream === undefined
        ? await configuredCredentials(config)
        : credentialsFrom(streams.get(namespace, authStream), reference),
  };
}

function hostOptions(config: RegistryConfig, resolver: OCIRegistry['resolver']): RegistryHostOptions {
  const directories = resolver?.hostDir ? [resolver.hostDir] : config.hostDirectories;
  return {
    certificateDirectories: directories,
    ...(resolver?.defaultScheme === 'http' ? { defaultScheme: 'http' as const } : {}),
  };
}

async function configuredCredentials({ dockerConfig }: RegistryConfig) {
  if (dockerConfig === '') return undefined;
  const { dockerCredentials } = await import('@tscontainer/distribution/docker-credentials');
  return dockerCredentials(dockerConfig);
}
