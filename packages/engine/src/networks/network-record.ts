// What is kept of a network and of a container's endpoints in it: settings as the user gave them, state as it is in force.
import { goBool } from '../go-bool.ts';

export type NetworkDriver = 'bridge' | 'host' | 'null' | 'macvlan' | 'ipvlan';

/** One subnet of a network; addresses as text. */
export interface IpamPool {
  subnet: string;
  /** Containers get addresses of this part only; '' for the whole subnet. */
  ipRange: string;
  gateway: string;
  /** Addresses that are taken by others, by their names. */
  auxAddresses: Record<string, string>;
  /** The user chose the subnet, so fixed addresses are allowed in it. */
  isUserChosen: boolean;
  /** In a subnet of the user's, the gateway is ours to choose: inspect says only what the user said. */
  isGatewayOurs?: boolean;
}

export interface NetworkRecord {
  id: string;
  name: string;
  /** RFC 3339 with nanoseconds. */
  created: string;
  driver: NetworkDriver;
  isIpv4: boolean;
  isIpv6: boolean;
  isInternal: boolean;
  isAttachable: boolean;
  /** bridge, host and none, which every engine has. */
  isPredefined: boolean;
  options: Record<string, string>;
  ipamDriver: string;
  ipamOptions: Record<string, string> | null;
  pools: IpamPool[];
  labels: Record<string, string>;
  /** No network, but what others are made from. */
  isConfigOnly?: boolean;
  /** Name of the network that it was made from. */
  configFrom?: string;
}

export const bridgeOption = {
  name: 'com.docker.network.bridge.name',
  masquerade: 'com.docker.network.bridge.enable_ip_masquerade',
  icc: 'com.docker.network.bridge.enable_icc',
  hostBinding: 'com.docker.network.bridge.host_binding_ipv4',
  isDefault: 'com.docker.network.bridge.default_bridge',
  mtu: 'com.docker.network.driver.mtu',
  interfacePrefix: 'com.docker.network.container_iface_prefix',
  gatewayMode4: 'com.docker.network.bridge.gateway_mode_ipv4',
  gatewayMode6: 'com.docker.network.bridge.gateway_mode_ipv6',
} as const;

/**
 * How a bridge network and the rest of the world reach each other. `nat`: masqueraded, and in by published ports of the
 * host. `nat-unprotected`: in by any port, for who has a route. `routed`: no translation; published ports are those of the
 * container's own address. `isolated`: the bridge has no address, so that the host is out of reach, too.
 */
export const gatewayModes = ['nat', 'nat-unprotected', 'routed', 'isolated'] as const;
export type GatewayMode = (typeof gatewayModes)[number];

export function gatewayModeOf(network: NetworkRecord, version: 4 | 6): GatewayMode {
  const value = network.options[version === 4 ? bridgeOption.gatewayMode4 : bridgeOption.gatewayMode6] ?? '';
  return gatewayModes.find((mode) => mode === value) ?? 'nat';
}

/** Names of auxiliary addresses that are the containers' way out, when that is not the bridge's own address. */
export const gatewayAux = { 4: 'DefaultGatewayIPv4', 6: 'DefaultGatewayIPv6' } as const;

/** The kernel's name of a bridge network's bridge. */
export function bridgeNameOf(network: NetworkRecord): string {
  return network.options[bridgeOption.name] || `br-${network.id.slice(0, 12)}`;
}

export function isDefaultBridge(network: NetworkRecord): boolean {
  return network.isPredefined && network.driver === 'bridge';
}

/** `fallback` for an absent one. */
export function optionFlag(network: NetworkRecord, option: string, fallback: boolean): boolean {
  return goBool(network.options[option] ?? '') ?? fallback;
}

export function mtuOf(network: NetworkRecord): number | undefined {
  const value = Number(network.options[bridgeOption.mtu] ?? 0);
  return Number.isInteger(value) && value > 0 ? value : undefined;
}

/** What a container asks of one network: Docker's EndpointSettings, without what is the engine's to say. */
export interface EndpointRequest {
  /** '' until the network was found. */
  networkId: string;
  ipv4Address: string;
  ipv6Address: string;
  linkLocalAddresses: string[];
  /** `container:alias`, in user-defined networks. */
  links: string[] | null;
  aliases: string[] | null;
  macAddress: string;
  driverOpts: Record<string, string> | null;
  gatewayPriority: number;
  /** An IPAMConfig came, be it an empty one: inspect gives it back. */
  isIpamGiven?: boolean;
}

export function emptyEndpointRequest(): EndpointRequest {
  return {
    networkId: '',
    ipv4Address: '',
    ipv6Address: '',
    linkLocalAddresses: [],
    links: null,
    aliases: null,
    macAddress: '',
    driverOpts: null,
    gatewayPriority: 0,
  };
}

export interface LeasedAddress {
  address: string;
  prefixLength: number;
  /** '' in networks without one. */
  gateway: string;
}

/** One interface of a running container. It is written down before it is made, and forgotten before it is undone. */
export interface EndpointState {
  id: string;
  networkId: string;
  networkName: string;
  /** Inside: `eth0`. */
  interfaceName: string;
  /** The host's end; '' where there is none. */
  hostLink: string;
  macAddress: string;
  ipv4: LeasedAddress | undefined;
  ipv6: LeasedAddress | undefined;
}

export type PortProtocol = 'tcp' | 'udp' | 'sctp';

export interface PublishedPort {
  containerPort: number;
  protocol: PortProtocol;
  hostIp: string;
  /** 0 in routed networks, where the port is the container's own. */
  hostPort: number;
}

/** The network side of a container's present run. */
export interface SandboxState {
  id: string;
  endpoints: EndpointState[];
  ports: PublishedPort[];
}
