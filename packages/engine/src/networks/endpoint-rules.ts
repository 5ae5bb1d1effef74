// What of a container's endpoints a network does not offer: at create, at connect and again at start. All of it is told at
// once and in docker's words, as docker does since 25.
import { isIP } from 'node:net';
import { ContainerError } from '@tscontainer/core/errors';
import { checkHasEndpoints } from './config-networks.ts';
import { contains, parseAddress, parseSubnet } from './ip-address.ts';
import type { NetworkManager } from './network-manager.ts';
import type { EndpointRequest, NetworkRecord } from './network-record.ts';

const predefinedNames = new Set(['bridge', 'host', 'none']);

/** Before any of them is made; a network that is not there yet is asked at the start. Throws invalid-argument. */
export function checkEndpoints(manager: NetworkManager, requests: Record<string, EndpointRequest>): void {
  const faults = Object.entries(requests).flatMap(([name, request]) => {
    const text = faultText(name, manager.tryFind(request.networkId || name), request);
    return text === undefined ? [] : [`invalid config for network ${name}: ${text}`];
  });
  if (faults.length > 0) throw new ContainerError('invalid-argument', listed(faults));
}

/** For one that is about to be made. Throws invalid-argument; permission-denied for a network that is a configuration. */
export function checkEndpoint(network: NetworkRecord, request: EndpointRequest): void {
  checkHasEndpoints(network);
  const text = faultText(network.name, network, request);
  if (text !== undefined) throw new ContainerError('invalid-argument', text);
}

function faultText(name: string, network: NetworkRecord | undefined, request: EndpointRequest): string | undefined {
  const faults = [
    ...predefinedFaults(name, network, request),
    ...formFaults(request),
    ...(network === undefined ? [] : [...rangeFaults(network, request, 4), ...rangeFaults(network, request, 6)]),
  ];
  return faults.length === 0 ? undefined : `invalid endpoint settings:\n${listed(faults)}`;
}

/** Go's list of errors: one is told as it is. */
export function listed(faults: string[]): string {
  if (faults.length === 1) return faults[0] ?? '';
  return faults.map((fault) => `* ${fault.replaceAll('\n', '\n\t')}`).join('\n');
}

function predefinedFaults(
  name: string,
  network: NetworkRecord | undefined,
  { ipv4Address, ipv6Address, aliases }: EndpointRequest,
): string[] {
  const isPredefined = network?.isPredefined ?? (predefinedNames.has(name) || name.startsWith('container:'));
  if (!isPredefined) return [];
  return [
    ...(ipv4Address !== '' || ipv6Address !== ''
      ? ['user specified IP address is supported on user defined networks only']
      : []),
    ...((aliases ?? []).length > 0
      ? ['network-scoped alias is supported only for containers in user defined networks']
      : []),
  ];
}

function formFaults({ ipv4Address, ipv6Address }: EndpointRequest): string[] {
  return [
    ...(ipv4Address !== '' && isIP(ipv4Address) !== 4 ? [`invalid IPv4 address: ${ipv4Address}`] : []),
    ...(ipv6Address !== '' && isIP(ipv6Address) !== 6 ? [`invalid IPv6 address: ${ipv6Address}`] : []),
  ];
}

function rangeFaults(network: NetworkRecord, request: EndpointRequest, version: 4 | 6): string[] {
  const text = version === 4 ? request.ipv4Address : request.ipv6Address;
  if (text === '') return [];
  const address = parseAddress(text);
  const subnets = network.pools
    .filter(({ isUserChosen }) => isUserChosen)
    .map(({ subnet }) => parseSubnet(subnet))
    .filter((subnet) => subnet?.version === version);
  if (address !== undefined && subnets.some((subnet) => subnet !== undefined && contains(subnet, address))) return [];
  return [
    subnets.length > 0
      ? `no configured subnet or ip-range contain the IP address ${text}`
      : 'user specified IP address is supported only when connecting to networks with user configured subnets',
  ];
}
