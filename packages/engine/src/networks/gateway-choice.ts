// Over which of its networks a container reaches the rest of the world, and its published ports are reached.
import type { ContainerSettings, ContainerState } from '../containers/container-record.ts';
import type { NetworkManager } from './network-manager.ts';
import type { EndpointState } from './network-record.ts';

export interface MainEndpoint {
  ipv4: EndpointState | undefined;
  ipv6: EndpointState | undefined;
  /** Of a bridge network: where published ports lead. */
  endpoint: EndpointState | undefined;
}

/** By priority, then by name; networks without a gateway (internal ones) do not count. */
export function mainEndpoint(
  manager: NetworkManager,
  container: { settings: ContainerSettings; state: ContainerState },
): MainEndpoint | undefined {
  const { endpoints } = container.settings;
  const priorityOf = (endpoint: EndpointState) =>
    Object.entries(endpoints).find(
      ([name, request]) => request.networkId === endpoint.networkId || name === endpoint.networkName,
    )?.[1].gatewayPriority ?? 0;
  const ordered = [...(container.state.network?.endpoints ?? [])].sort(
    (a, b) => priorityOf(b) - priorityOf(a) || (a.networkName < b.networkName ? -1 : 1),
  );
  if (ordered.length === 0) return undefined;
  const isBridge = (endpoint: EndpointState) => manager.tryFind(endpoint.networkId)?.driver === 'bridge';
  const ipv4 = ordered.find((endpoint) => endpoint.ipv4 !== undefined && endpoint.ipv4.gateway !== '');
  const ipv6 = ordered.find((endpoint) => endpoint.ipv6 !== undefined && endpoint.ipv6.gateway !== '');
  const main = [ipv4, ipv6].find((endpoint) => endpoint !== undefined && isBridge(endpoint));
  const other = ordered.find(
    (endpoint) =>
      isBridge(endpoint) && [endpoint.ipv4, endpoint.ipv6].some((each) => each !== undefined && each.gateway !== ''),
  );
  return { ipv4, ipv6, endpoint: main ?? other };
}
