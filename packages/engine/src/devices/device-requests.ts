// DeviceRequests (`--gpus`, `--device vendor.com/class=name`) as names of CDI devices.
import { ContainerError } from '@tscontainer/core/errors';
import type { HostConfig } from '../containers/container-config.ts';
import { type CdiRegistry, isQualifiedName } from './cdi-registry.ts';

export interface DeviceRequest {
  Driver?: string;
  Count?: number;
  DeviceIDs?: string[] | null;
  Capabilities?: string[][] | null;
  Options?: Record<string, string> | null;
}

const cdiDriver = 'cdi';
const gpuDrivers = ['', 'nvidia'];
const preferredGpuKind = 'nvidia.com/gpu';
const everyDevice = 'all';

/** Throws invalid-argument in docker's words. What is not there is told at the start, since it may come until then. */
export function checkDeviceRequests(requests: DeviceRequest[] | null): void {
  for (const request of requests ?? []) {
    const ids = request.DeviceIDs ?? [];
    if ((request.Count ?? 0) !== 0 && ids.length > 0)
      throw new ContainerError('invalid-argument', 'cannot set both Count and DeviceIDs on device request');
    if (request.Driver !== cdiDriver) continue;
    if ((request.Count ?? 0) !== 0)
      throw new ContainerError('invalid-argument', 'HostConfig.DeviceRequests: driver cdi takes DeviceIDs, no Count');
    for (const id of ids)
      if (!isQualifiedName(id))
        throw new ContainerError(
          'invalid-argument',
          `HostConfig.DeviceRequests: ${id} is no qualified CDI device name`,
        );
  }
}

export function hasDeviceRequests(host: Pick<HostConfig, 'DeviceRequests' | 'Devices'>): boolean {
  return (host.DeviceRequests ?? []).length > 0 || cdiNamesIn(host).length > 0;
}

/** An older client sends `--device vendor.com/class=name` as the path of a device. */
function cdiNamesIn({ Devices }: Pick<HostConfig, 'Devices'>): string[] {
  return (Devices ?? []).map(({ PathOnHost = '' }) => PathOnHost).filter(isQualifiedName);
}

/** Rejects nothing itself for names that nobody describes. Throws invalid-argument for a request that nothing answers. */
export function cdiNamesOf(host: Pick<HostConfig, 'DeviceRequests' | 'Devices'>, registry: CdiRegistry): string[] {
  const requested = (host.DeviceRequests ?? []).flatMap((request) =>
    request.Driver === cdiDriver ? (request.DeviceIDs ?? []) : gpuNames(request, registry),
  );
  return [...new Set([...requested, ...cdiNamesIn(host)])];
}

function gpuNames(request: DeviceRequest, registry: CdiRegistry): string[] {
  const capabilities = request.Capabilities ?? [];
  const wantsGpu = capabilities.some((all) => all.includes('gpu'));
  const kinds = registry.kindsOf('gpu');
  const kind = kinds.includes(preferredGpuKind) ? preferredGpuKind : kinds[0];
  if (!wantsGpu || !gpuDrivers.includes(request.Driver ?? '') || kind === undefined)
    throw new ContainerError(
      'failed-precondition',
      `could not select device driver ${JSON.stringify(request.Driver ?? '')} with capabilities: [${capabilities.map((all) => `[${all.join(' ')}]`).join(' ')}]`,
    );
  const ids = request.DeviceIDs ?? [];
  if (ids.length > 0) return ids.map((id) => `${kind}=${id}`);
  const names = registry.namesOf(kind);
  const single = names.filter((name) => name !== everyDevice);
  const count = request.Count ?? 0;
  if (count < 0)
    return names.includes(everyDevice) ? [`${kind}=${everyDevice}`] : single.map((name) => `${kind}=${name}`);
  if (count > single.length)
    throw new ContainerError(
      'failed-precondition',
      `HostConfig.DeviceRequests: ${count} devices of ${kind} are wanted, ${single.length} are there`,
    );
  return single.slice(0, count).map((name) => `${kind}=${name}`);
}
