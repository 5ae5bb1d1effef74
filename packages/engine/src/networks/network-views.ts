// Docker's view of a network: an entry of the list, and inspect with the containers that are in it.
import type { Container } from '../containers/container.ts';
import type { IpamPool, LeasedAddress, NetworkRecord } from './network-record.ts';

function poolView(pool: IpamPool): object {
  return {
    Subnet: pool.subnet,
    ...(pool.ipRange === '' ? {} : { IPRange: pool.ipRange }),
    ...(pool.gateway === '' || pool.isGatewayOurs ? {} : { Gateway: pool.gateway }),
    ...(Object.keys(pool.auxAddresses).length === 0 ? {} : { AuxiliaryAddresses: pool.auxAddresses }),
  };
}

function addressText(leased: LeasedAddress | undefined): string {
  return leased === undefined ? '' : `${leased.address}/${leased.prefixLength}`;
}

function containersView(network: NetworkRecord, containers: Container[]): object {
  const entries = containers.flatMap((container): [string, object][] => {
    const { endpoints } = container.settings;
    const endpoint = container.state.network?.endpoints.find((each) => each.networkId === network.id);
    // those that share the host's network, or have none of their own, are in without an address
    const isShared = (network.driver === 'host' || network.driver === 'null') && container.isRunning;
    if (endpoint === undefined && !(isShared && network.name in endpoints)) return [];
    return [
      [
        container.id,
        {
          Name: container.name,
          EndpointID: endpoint?.id ?? '',
          MacAddress: endpoint?.macAddress ?? '',
          IPv4Address: addressText(endpoint?.ipv4),
          IPv6Address: addressText(endpoint?.ipv6),
        },
      ],
    ];
  });
  return Object.fromEntries(entries);
}

/** `containers` undefined: for a list, which does not say who is in. */
export function networkView(network: NetworkRecord, containers: Container[] | undefined): object {
  return {
    Name: network.name,
    Id: network.id,
    Created: network.created,
    Scope: 'local',
    Driver: network.driver,
    EnableIPv4: network.isIpv4,
    EnableIPv6: network.isIpv6,
    IPAM: {
      Driver: network.ipamDriver,
      Options: network.ipamOptions,
      Config: network.pools.length === 0 && network.isPredefined ? null : network.pools.map(poolView),
    },
    Internal: network.isInternal,
    Attachable: network.isAttachable,
    Ingress: false,
    ConfigFrom: { Network: network.configFrom ?? '' },
    ConfigOnly: network.isConfigOnly ?? false,
    Containers: containers === undefined ? {} : containersView(network, containers),
    Options: network.options,
    Labels: network.labels,
  };
}
