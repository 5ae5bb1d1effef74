// Reads what a client asks of networks: the body of a create, and an endpoint's settings at connect or create.
import { ContainerError } from '@tscontainer/core/errors';
import { goBool } from '../go-bool.ts';
import { decodeObject, type Schema } from '../http/json-body.ts';
import { checkConfigRules } from './config-networks.ts';
import { contains, overlaps, parseAddress, parseSubnet } from './ip-address.ts';
import {
  bridgeOption,
  type EndpointRequest,
  gatewayModes,
  type IpamPool,
  type NetworkDriver,
} from './network-record.ts';

export const ipamConfigSchema: Schema = {
  Subnet: 'string',
  IPRange: 'string',
  Gateway: 'string',
  AuxiliaryAddresses: 'stringMap',
};
export const networkCreateSchema: Schema = {
  Name: 'string',
  CheckDuplicate: 'bool',
  Driver: 'string',
  Scope: 'string',
  Internal: 'bool',
  Attachable: 'bool',
  Ingress: 'bool',
  ConfigOnly: 'bool',
  ConfigFrom: { object: { Network: 'string' } },
  EnableIPv4: 'bool',
  EnableIPv6: 'bool',
  IPAM: { object: { Driver: 'string', Options: 'stringMap', Config: { list: ipamConfigSchema } } },
  Options: 'stringMap',
  Labels: 'stringMap',
};

export interface NetworkRequest {
  name: string;
  driver: NetworkDriver;
  isInternal: boolean;
  isAttachable: boolean;
  isIpv4: boolean;
  isIpv6: boolean;
  ipamDriver: string;
  ipamOptions: Record<string, string> | null;
  /** Subnets that the user chose, perhaps without a gateway. */
  pools: IpamPool[];
  options: Record<string, string>;
  labels: Record<string, string>;
  /** No network, but what others are made from. */
  isConfigOnly: boolean;
  /** Name of the network that it is made from; '' for none. */
  configFrom: string;
}

function invalid(message: string): ContainerError {
  return new ContainerError('invalid-argument', message);
}

const creatable: readonly string[] = ['bridge', 'macvlan', 'ipvlan'];

/** Throws permission-denied or not-found. */
function checkDriver(driver: string): void {
  if (driver === 'host' || driver === 'null')
    throw new ContainerError('permission-denied', `only one instance of "${driver}" network is allowed`);
  if (!creatable.includes(driver))
    throw new ContainerError('not-found', `could not find plugin ${driver} in v1 plugin registry: plugin not found`);
}

/** Throws invalid-argument, or docker's answer for what only a swarm has. */
export function decodeNetworkRequest(body: unknown): NetworkRequest {
  const decoded = decodeObject(networkCreateSchema, body ?? {}, 'NetworkCreate') as Record<string, any>;
  const name = String(decoded['Name'] ?? '');
  const driver = decoded['Driver'] || 'bridge';
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name))
    throw invalid(
      name.trim() === ''
        ? 'network name cannot be empty'
        : `invalid network name: ${name}: must be letters, digits, "_", "." and "-", and begin with a letter or digit`,
    );
  const isConfigOnly: boolean = decoded['ConfigOnly'] ?? false;
  const scope: string = decoded['Scope'] ?? '';
  if (!isConfigOnly && scope === 'swarm')
    throw new ContainerError('unavailable', 'cannot create a swarm scoped network when swarm is not active');
  if (!isConfigOnly && (decoded['Ingress'] || driver === 'overlay'))
    throw new ContainerError(
      'unavailable',
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    );
  if (!isConfigOnly) checkDriver(driver);
  const ipam = decoded['IPAM'] ?? {};
  if (!['', 'default', 'null'].includes(ipam.Driver ?? ''))
    throw new ContainerError(
      'not-found',
      `could not find plugin ${ipam.Driver} in v1 plugin registry: plugin not found`,
    );
  const request: NetworkRequest = {
    name,
    // a configuration has none, whatever was said: the networks that are made from it have
    driver: isConfigOnly ? 'null' : (driver as NetworkDriver),
    isInternal: decoded['Internal'] ?? false,
    isAttachable: decoded['Attachable'] ?? false,
    isIpv4: decoded['EnableIPv4'] ?? true,
    isIpv6: decoded['EnableIPv6'] ?? false,
    ipamDriver: ipam.Driver || 'default',
    ipamOptions: ipam.Options ?? null,
    pools: (ipam.Config ?? []).map(toPool).filter((pool: IpamPool | undefined) => pool !== undefined),
    options: decoded['Options'] ?? {},
    labels: decoded['Labels'] ?? {},
    isConfigOnly,
    configFrom: decoded['ConfigFrom']?.Network ?? '',
  };
  checkConfigRules(request, scope !== '' || decoded['Ingress'] === true);
  checkNetworkRequest(request);
  return request;
}

/** Its pools and options among each other. Throws invalid-argument, permission-denied. */
export function checkNetworkRequest(request: NetworkRequest): void {
  checkPools(request);
  if (!request.isConfigOnly) checkOptions(request);
}

function toPool(config: Record<string, any>): IpamPool | undefined {
  const { Subnet = '', IPRange = '', Gateway = '', AuxiliaryAddresses = {} } = config;
  if (Subnet === '') {
    if (IPRange === '' && Gateway === '' && Object.keys(AuxiliaryAddresses).length === 0) return undefined;
    throw invalid('no configuration: a gateway or an address range needs a subnet');
  }
  const subnet = parseSubnet(Subnet);
  if (subnet === undefined)
    throw invalid(`invalid network config:\ninvalid subnet ${Subnet}: invalid CIDR block notation`);
  const range = IPRange === '' ? undefined : parseSubnet(IPRange);
  if (IPRange !== '' && (range === undefined || !overlaps(subnet, range) || range.prefixLength < subnet.prefixLength))
    throw invalid(`invalid network config:\ninvalid ip-range ${IPRange}: it must be within subnet ${Subnet}`);
  for (const text of [Gateway, ...Object.values(AuxiliaryAddresses as Record<string, string>)].filter(
    (each) => each !== '',
  )) {
    const address = parseAddress(text);
    if (address === undefined || !contains(subnet, address))
      throw invalid(`no matching subnet for gateway or auxiliary address ${text}`);
  }
  return {
    subnet: Subnet,
    ipRange: IPRange,
    gateway: Gateway,
    auxAddresses: AuxiliaryAddresses,
    isUserChosen: true,
  };
}

function checkPools(request: NetworkRequest): void {
  const subnets = request.pools.map((pool) => ({ text: pool.subnet, subnet: parseSubnet(pool.subnet) }));
  for (const [index, { subnet }] of subnets.entries()) {
    if (subnet?.version === 6 && !request.isIpv6)
      throw invalid(`invalid network config: IPv6 subnet ${subnets[index]?.text} needs --ipv6`);
    for (const other of subnets.slice(0, index))
      if (subnet && other.subnet && overlaps(subnet, other.subnet)) throw poolOverlaps();
  }
}

/** Docker's words, whichever network has the other pool. */
export function poolOverlaps(): ContainerError {
  return new ContainerError(
    'permission-denied',
    'invalid pool request: Pool overlaps with other one on this address space',
  );
}

const knownOptions: Record<string, readonly string[]> = {
  bridge: Object.values(bridgeOption),
  macvlan: ['parent', 'macvlan_mode', bridgeOption.mtu, bridgeOption.interfacePrefix],
  ipvlan: ['parent', 'ipvlan_mode', 'ipvlan_flag', bridgeOption.mtu, bridgeOption.interfacePrefix],
};

const boolOptions: readonly string[] = [bridgeOption.masquerade, bridgeOption.icc, bridgeOption.isDefault];

function checkGatewayMode(value: string, isInternal: boolean): void {
  if (!['', ...gatewayModes].includes(value)) throw invalid(`unknown gateway mode ${value}`);
  if (value === 'isolated' && !isInternal)
    throw invalid("gateway mode 'isolated' can only be used for an internal network");
}

function checkOptions({ driver, options, isInternal }: NetworkRequest): void {
  if (options['parent'] === 'lo' && driver !== 'bridge')
    throw invalid(`loopback interface is not a valid ${driver} parent link`);
  for (const [name, value] of Object.entries(options)) {
    const isOurs = name.startsWith('com.docker.network.') || driver !== 'bridge';
    if (isOurs && !knownOptions[driver]?.includes(name) && !ignoredOptions.includes(name))
      throw invalid(`network option ${name}: not supported by driver ${driver}`);
    if (name === bridgeOption.mtu && !/^\d+$/.test(value)) throw invalid(`failed to parse ${name} value: ${value}`);
    if (boolOptions.includes(name) && value !== '' && goBool(value) === undefined)
      throw invalid(
        `failed to parse ${name} value: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`,
      );
    if (name === bridgeOption.hostBinding && value !== '' && parseAddress(value)?.version !== 4)
      throw invalid(`invalid value for ${name}: ${value} is no IPv4 address`);
    if (name === bridgeOption.gatewayMode4 || name === bridgeOption.gatewayMode6) checkGatewayMode(value, isInternal);
    if (name === bridgeOption.name && (value.length > 15 || /[\s/]/.test(value)))
      throw invalid(`invalid bridge name ${JSON.stringify(value)}: at most 15 characters, none of them / or space`);
  }
}

/** Of tools that write them down for themselves. */
const ignoredOptions = ['com.docker.network.enable_ipv6', 'com.docker.network.enable_ipv4'];

export const endpointSchema: Schema = {
  IPAMConfig: { object: { IPv4Address: 'string', IPv6Address: 'string', LinkLocalIPs: 'strings' } },
  Links: 'strings',
  Aliases: 'strings',
  MacAddress: 'string',
  DriverOpts: 'stringMap',
  GwPriority: 'int',
};

export function decodeEndpointRequest(body: unknown, path: string): EndpointRequest {
  const decoded = decodeObject(endpointSchema, body ?? {}, path) as Record<string, any>;
  const ipam = decoded['IPAMConfig'] ?? {};
  const request: EndpointRequest = {
    networkId: '',
    ipv4Address: ipam.IPv4Address ?? '',
    ipv6Address: ipam.IPv6Address ?? '',
    linkLocalAddresses: ipam.LinkLocalIPs ?? [],
    links: decoded['Links'] ?? null,
    aliases: decoded['Aliases'] ?? null,
    macAddress: decoded['MacAddress'] ?? '',
    driverOpts: decoded['DriverOpts'] ?? null,
    gatewayPriority: decoded['GwPriority'] ?? 0,
    ...(decoded['IPAMConfig'] == null ? {} : { isIpamGiven: true }),
  };
  if (request.macAddress !== '') checkHardwareAddress(request.macAddress);
  return request;
}

/** An individual address, not a group's. */
function checkHardwareAddress(text: string): void {
  if (!/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text) || (Number.parseInt(text.slice(0, 2), 16) & 1) === 1)
    throw invalid(`${text} is not a valid mac address`);
}
