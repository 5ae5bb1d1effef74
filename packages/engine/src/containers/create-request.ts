// Reads and completes a create request: the body's Config and HostConfig, and what the image contributes.
import { ContainerError } from '@tscontainer/core/errors';
import type { ImageConfig } from '@tscontainer/core/oci-image';
import { decodeObject, type Schema } from '../http/json-body.ts';
import { decodeEndpoints, type EndpointRequests, networkingSchema } from '../networks/network-modes.ts';
import { normalizeCapabilities } from './capabilities.ts';
import {
  type ContainerConfig,
  configSchema,
  type HostConfig,
  hostConfigSchema,
  toConfig,
  toHostConfig,
} from './container-config.ts';
import { mergeHealthcheck } from './health-check.ts';
import { checkConfig, checkHostConfig } from './host-config-rules.ts';
import { memorySwapOf } from './spec-resources.ts';

export interface CreateRequest {
  config: ContainerConfig;
  hostConfig: HostConfig;
  endpoints: EndpointRequests;
}

export const createBodySchema: Schema = {
  ...configSchema,
  HostConfig: { object: hostConfigSchema },
  NetworkingConfig: { object: networkingSchema },
};

/** Throws invalid-argument. The image is not looked at yet. */
export function decodeCreateRequest(body: unknown): CreateRequest {
  const {
    HostConfig: host,
    NetworkingConfig: networking,
    ...rest
  } = decodeObject(createBodySchema, body ?? {}, 'Config');
  const rawHost = (host ?? {}) as Record<string, unknown>;
  const config = toConfig(rest);
  if (config.Image === '') throw new ContainerError('invalid-argument', 'no image specified');
  const hostConfig = toHostConfig(rawHost);
  checkConfig(config);
  checkHostConfig(hostConfig, rawHost);
  if (hostConfig.NetworkMode.startsWith('container:') && config.Hostname !== '')
    throw new ContainerError('invalid-argument', 'conflicting options: hostname and the network mode');
  const endpoints = decodeEndpoints(hostConfig, networking, config.MacAddress ?? '');
  hostConfig.CapAdd = normalizeCapabilities('CapAdd', hostConfig.CapAdd);
  hostConfig.CapDrop = normalizeCapabilities('CapDrop', hostConfig.CapDrop);
  hostConfig.MemorySwap = memorySwapOf(hostConfig);
  return { config, hostConfig, endpoints };
}

function mergedEnvironment(own: string[] | null, image: string[] | null | undefined): string[] {
  const names = new Set((own ?? []).map((entry) => entry.split('=', 1)[0]));
  return [...(own ?? []), ...(image ?? []).filter((entry) => !names.has(entry.split('=', 1)[0]))];
}

/** The request's settings over the image's, as docker merges them. Throws invalid-argument without a command. */
export function withImageConfig(config: ContainerConfig, image: ImageConfig): ContainerConfig {
  const from = image.config ?? {};
  const isEntrypointGiven = config.Entrypoint !== null;
  const merged: ContainerConfig = {
    ...config,
    User: config.User || (from.User ?? ''),
    Env: mergedEnvironment(config.Env, from.Env),
    WorkingDir: config.WorkingDir || (from.WorkingDir ?? ''),
    Labels: { ...from.Labels, ...config.Labels },
    Cmd:
      config.Cmd === null && (config.Entrypoint === null || config.Entrypoint.length === 0)
        ? (from.Cmd ?? null)
        : config.Cmd,
    Entrypoint: isEntrypointGiven ? config.Entrypoint : (from.Entrypoint ?? null),
  };
  // `--entrypoint ""` takes the image's away
  if (merged.Entrypoint?.length === 1 && merged.Entrypoint[0] === '') merged.Entrypoint = null;
  const volumes = { ...from.Volumes, ...config.Volumes };
  if (Object.keys(volumes).length > 0) merged.Volumes = volumes as Record<string, object>;
  const ports = { ...from.ExposedPorts, ...config.ExposedPorts };
  if (Object.keys(ports).length > 0) merged.ExposedPorts = ports as Record<string, object>;
  if (merged.StopSignal === undefined && from.StopSignal) merged.StopSignal = from.StopSignal;
  if (merged.Shell === undefined && from.Shell) merged.Shell = from.Shell;
  const healthcheck = mergeHealthcheck(config.Healthcheck, from.Healthcheck);
  if (healthcheck !== undefined) merged.Healthcheck = healthcheck;
  if ((merged.Entrypoint ?? []).length + (merged.Cmd ?? []).length === 0)
    throw new ContainerError('invalid-argument', 'no command specified');
  return merged;
}
