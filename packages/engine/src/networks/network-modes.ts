// Which networks a container is asked to be in: from its network mode and the endpoints of the request, with docker's
// rules on what goes together.
import { ContainerError } from '@tscontainer/core/errors';
import type { HostConfig } from '../containers/container-config.ts';
import type { ContainerSettings } from '../containers/container-record.ts';
import type { Schema } from '../http/json-body.ts';
import { checkHasEndpoints } from './config-networks.ts';
import { type EndpointRequest, emptyEndpointRequest, type NetworkRecord } from './network-record.ts';
import { decodeEndpointRequest } from './network-request.ts';

/** What the body of a create says of networks. */
export const networkingSchema: Schema = { EndpointsConfig: { map: 'any' } };

export type EndpointRequests = Record<string, EndpointRequest>;

/** The network's name in `--network` when it is one of the engine's networks; '' for host's, none's and another's. */
function networkOfMode(mode: string): string {
  if (mode === 'default' || mode === '') return 'bridge';
  return mode.startsWith('container:') ? '' : mode;
}

export function hasOwnNetwork(mode: string): boolean {
  return mode !== 'host' && mode !== 'none' && !mode.startsWith('container:');
}

/** Throws invalid-argument for endpoints that make no sense. */
export function decodeEndpoints(host: HostConfig, networking: unknown, macAddress: string): EndpointRequests {
  const given =
    (networking as { EndpointsConfig?: Record<string, unknown> | null } | null | undefined)?.EndpointsConfig ?? {};
  const requests: EndpointRequests = {};
  const main = networkOfMode(host.NetworkMode);
  if (main !== '') requests[main] = emptyEndpointRequest();
  for (const [name, endpoint] of Object.entries(given)) {
    const key = name === 'default' ? 'bridge' : name;
    requests[key] = decodeEndpointRequest(endpoint ?? {}, `NetworkingConfig.EndpointsConfig.${name}`);
  }
  if (macAddress !== '' && main !== '') {
    const request = requests[main] ?? emptyEndpointRequest();
    requests[main] = { ...request, macAddress: request.macAddress || macAddress };
  }
  checkTogether(host.NetworkMode, Object.keys(requests));
  return requests;
}

function checkTogether(mode: string, names: string[]): void {
  if (hasOwnNetwork(mode)) {
    const special = names.find((name) => name === 'host' || name === 'none');
    if (special === 'host')
      throw new ContainerError(
        'invalid-argument',
        'conflicting options: cannot attach both user-defined and non-user-defined network-modes',
      );
    if (special === 'none')
      throw new ContainerError(
        'invalid-argument',
        'container cannot be connected to multiple networks with one of the networks in private (none) mode',
      );
    return;
  }
  const others = names.filter((name) => name !== mode);
  if (others.length > 0)
    throw new ContainerError(
      'invalid-argument',
      'conflicting options: cannot attach both user-defined and non-user-defined network-modes',
    );
}

/** For `network connect`. Throws invalid-argument, or permission-denied when it is connected already. */
export function checkConnectable(settings: ContainerSettings, record: NetworkRecord): void {
  checkHasEndpoints(record);
  const mode = settings.hostConfig.NetworkMode;
  const refuse = (message: string) => new ContainerError('invalid-argument', message);
  if (mode.startsWith('container:') || mode === 'host')
    throw refuse(
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
  if (record.driver === 'host')
    throw refuse('cannot connect container to host network - container must be created in host network mode');
  if (mode === 'none' || record.driver === 'null')
    throw refuse('container cannot be connected to multiple networks with one of the networks in private (none) mode');
  const isIn =
    settings.endpoints[record.name] !== undefined ||
    Object.values(settings.endpoints).some((request) => request.networkId === record.id);
  if (isIn)
    throw new ContainerError(
      'permission-denied',
      `endpoint with name ${settings.name} already exists in network ${record.name}`,
    );
}
