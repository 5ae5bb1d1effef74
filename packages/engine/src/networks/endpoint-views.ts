// Docker's views of a container's networks: NetworkSettings of inspect, and its endpoints in lists.
import type { Container } from '../containers/container.ts';
import type { EndpointRequest, EndpointState } from './network-record.ts';
import { portsView } from './port-bindings.ts';

function ipamView(request: EndpointRequest): object | null {
  const { ipv4Address, ipv6Address, linkLocalAddresses, isIpamGiven = false } = request;
  if (!isIpamGiven && ipv4Address === '' && ipv6Address === '' && linkLocalAddresses.length === 0) return null;
  return {
    ...(ipv4Address === '' ? {} : { IPv4Address: ipv4Address }),
    ...(ipv6Address === '' ? {} : { IPv6Address: ipv6Address }),
    ...(linkLocalAddresses.length === 0 ? {} : { LinkLocalIPs: linkLocalAddresses }),
  };
}

/** The names that the DNS server knows a container by, in its own networks. */
function dnsNames(container: Container, request: EndpointRequest, network: string): string[] | null {
  if (network === 'bridge' || network === 'host' || network === 'none') return null;
  const { config } = container.settings;
  return [...new Set([container.name, ...(request.aliases ?? []), container.id.slice(0, 12), config.Hostname])].filter(
    (name) => name !== '',
  );
}

function endpointView(
  container: Container,
  network: string,
  request: EndpointRequest,
  endpoint: EndpointState | undefined,
): object {
  return {
    IPAMConfig: ipamView(request),
    Links: request.links,
    Aliases: request.aliases,
    MacAddress: endpoint?.macAddress ?? '',
    DriverOpts: request.driverOpts,
    GwPriority: request.gatewayPriority,
    NetworkID: endpoint?.networkId ?? request.networkId,
    EndpointID: endpoint?.id ?? '',
    Gateway: endpoint?.ipv4?.gateway ?? '',
    IPAddress: endpoint?.ipv4?.address ?? '',
    IPPrefixLen: endpoint?.ipv4?.prefixLength ?? 0,
    IPv6Gateway: endpoint?.ipv6?.gateway ?? '',
    GlobalIPv6Address: endpoint?.ipv6?.address ?? '',
    GlobalIPv6PrefixLen: endpoint?.ipv6?.prefixLength ?? 0,
    DNSNames: dnsNames(container, request, network),
  };
}

/** By the networks' names. */
export function endpointViews(container: Container): Record<string, object> {
  const endpoints = container.state.network?.endpoints ?? [];
  return Object.fromEntries(
    Object.entries(container.settings.endpoints).map(([name, request]) => {
      const endpoint = endpoints.find((each) => each.networkId === request.networkId || each.networkName === name);
      return [endpoint?.networkName ?? name, endpointView(container, name, request, endpoint)];
    }),
  );
}

export function networkSettingsView(container: Container, namespacePath: string): object {
  const { network } = container.state;
  // these fields are of the default bridge alone: docker has kept them for clients from before there were others
  const bridge = network?.endpoints.find((endpoint) => endpoint.networkName === 'bridge');
  return {
    Bridge: '',
    SandboxID: network?.id ?? '',
    SandboxKey: network === undefined ? '' : namespacePath,
    Ports: network === undefined ? {} : portsView(network.ports, container.settings.config.ExposedPorts),
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge?.id ?? '',
    Gateway: bridge?.ipv4?.gateway ?? '',
    GlobalIPv6Address: bridge?.ipv6?.address ?? '',
    GlobalIPv6PrefixLen: bridge?.ipv6?.prefixLength ?? 0,
    IPAddress: bridge?.ipv4?.address ?? '',
    IPPrefixLen: bridge?.ipv4?.prefixLength ?? 0,
    IPv6Gateway: bridge?.ipv6?.gateway ?? '',
    MacAddress: bridge?.macAddress ?? '',
    Networks: endpointViews(container),
  };
}
