// The networks that every engine has: host, none, and the default bridge as the daemon's settings want it.
import { ContainerError } from '@tscontainer/core/errors';
import { newId } from '@tscontainer/core/ids';
import { nowText } from '../go-time.ts';
import type { InterfaceAddress } from './host-links.ts';
import {
  contains,
  formatAddress,
  type IpVersion,
  overlaps,
  parseAddress,
  parseSubnet,
  subnetOf,
} from './ip-address.ts';
import { bridgeOption, gatewayAux, type IpamPool, type NetworkRecord } from './network-record.ts';
import type { NetworkSettings } from './network-settings.ts';

export function predefinedRecord(driver: 'host' | 'null'): NetworkRecord {
  return {
    id: newId(),
    name: driver === 'host' ? 'host' : 'none',
    created: nowText(),
    driver,
    isIpv4: true,
    isIpv6: false,
    isInternal: false,
    isAttachable: false,
    isPredefined: true,
    options: {},
    ipamDriver: 'default',
    ipamOptions: null,
    pools: [],
    labels: {},
  };
}

/** Gateways where the user named none: the first address of the range, or of the subnet. */
export function completedPools(pools: IpamPool[]): IpamPool[] {
  return pools.map((pool) => {
    const subnet = parseSubnet(pool.subnet);
    if (pool.gateway !== '' || subnet === undefined) return pool;
    const taken = new Set(Object.values(pool.auxAddresses));
    let value = subnet.base + 1n;
    while (taken.has(formatAddress({ version: subnet.version, value }))) value++;
    const gateway = formatAddress({ version: subnet.version, value });
    return { ...pool, gateway, ...(pool.isUserChosen ? { isGatewayOurs: true } : {}) };
  });
}

export interface DefaultBridgeChoices {
  isNameFree(name: string): boolean;
  /** Of the bridge that --bridge names, when it is there already and somebody else's. */
  adopted: InterfaceAddress[];
  freeSubnet: string;
  freeIpv6Subnet: string;
}

const maxNames = 64;

/** The record as the settings want it, with id, name and subnet of the present one unless they say otherwise. */
export function defaultBridgeRecord(
  settings: NetworkSettings,
  present: NetworkRecord | undefined,
  choices: DefaultBridgeChoices,
): NetworkRecord {
  const name = settings.bridge || present?.options[bridgeOption.name] || freeName(choices);
  const pools = [withWayOut(ipv4Pool(settings, present, choices), 4, settings.defaultGateway)];
  if (settings.isIpv6) pools.push(withWayOut(ipv6Pool(settings, present, choices), 6, settings.defaultGatewayV6));
  return {
    ...predefinedRecord('null'),
    id: present?.id ?? newId(),
    created: present?.created ?? nowText(),
    name: 'bridge',
    driver: 'bridge',
    isIpv6: settings.isIpv6,
    options: {
      [bridgeOption.isDefault]: 'true',
      [bridgeOption.icc]: String(settings.allowsIcc),
      [bridgeOption.masquerade]: String(settings.isMasqueraded),
      [bridgeOption.hostBinding]: settings.hostBindingIp,
      [bridgeOption.name]: name,
      [bridgeOption.mtu]: String(settings.mtu || defaultMtu),
    },
    pools: completedPools(pools),
  };
}

const defaultMtu = 1500;

function freeName(choices: DefaultBridgeChoices): string {
  for (let index = 0; index < maxNames; index++) if (choices.isNameFree(`tsc${index}`)) return `tsc${index}`;
  throw new ContainerError(
    'resource-exhausted',
    `choose a name for the default bridge: tsc0 to tsc${maxNames - 1} are taken`,
  );
}

/** The containers' gateway where it is not the bridge: an address of its own, which nobody else gets. */
function withWayOut(pool: IpamPool, version: IpVersion, gateway: string): IpamPool {
  if (gateway === '') return pool;
  const flag = version === 4 ? '--default-gateway' : '--default-gateway-v6';
  const [address, subnet] = [parseAddress(gateway), parseSubnet(pool.subnet)];
  if (address?.version !== version)
    throw new ContainerError('invalid-argument', `${flag} ${gateway}: must be an IPv${version} address`);
  if (subnet === undefined || !contains(subnet, address))
    throw new ContainerError(
      'invalid-argument',
      `${flag} ${gateway}: not in ${pool.subnet}, the default bridge's subnet`,
    );
  return { ...pool, auxAddresses: { ...pool.auxAddresses, [gatewayAux[version]]: gateway } };
}

function poolOfInterface({ address, prefixLength }: InterfaceAddress): Pick<IpamPool, 'subnet' | 'gateway'> {
  const parsed = parseAddress(address);
  if (parsed === undefined) throw new ContainerError('data-loss', `a bridge has the address ${address}`);
  const { version, base } = subnetOf(parsed, prefixLength);
  return { subnet: `${formatAddress({ version, value: base })}/${prefixLength}`, gateway: address };
}

/** Of a bridge's addresses the first, or the one in whose subnet the containers are to get theirs. */
function adoptedPool(addresses: InterfaceAddress[], version: IpVersion, fixedCidr: string) {
  const pools = addresses
    .filter(({ address }) => address.includes(':') === (version === 6) && !address.startsWith('fe80:'))
    .map(poolOfInterface);
  const range = parseSubnet(fixedCidr);
  const fits = ({ subnet }: { subnet: string }) => {
    const whole = parseSubnet(subnet);
    return whole !== undefined && range !== undefined && overlaps(whole, range);
  };
  return pools.find(fits) ?? pools[0];
}

function ipv6Pool(
  settings: NetworkSettings,
  present: NetworkRecord | undefined,
  choices: DefaultBridgeChoices,
): IpamPool {
  const adopted = adoptedPool(choices.adopted, 6, settings.fixedCidrV6);
  const known = present?.pools.find((pool) => pool.subnet.includes(':'));
  const subnet = adopted?.subnet ?? (settings.fixedCidrV6 || known?.subnet || choices.freeIpv6Subnet);
  const ipRange = adopted === undefined ? '' : settings.fixedCidrV6;
  return { subnet, ipRange, gateway: adopted?.gateway ?? '', auxAddresses: {}, isUserChosen: false };
}

function ipv4Pool(
  settings: NetworkSettings,
  present: NetworkRecord | undefined,
  choices: DefaultBridgeChoices,
): IpamPool {
  const present4 = present?.pools.find((pool) => !pool.subnet.includes(':'));
  const known = adoptedPool(choices.adopted, 4, settings.fixedCidr) ?? present4;
  const pool: IpamPool = {
    subnet: known?.subnet ?? choices.freeSubnet,
    ipRange: settings.fixedCidr,
    gateway: known?.gateway ?? '',
    auxAddresses: {},
    isUserChosen: false,
  };
  if (settings.bridgeIp !== '') {
    const [addressText = '', length = ''] = settings.bridgeIp.split('/');
    const address = parseAddress(addressText);
    if (address?.version !== 4 || parseSubnet(settings.bridgeIp) === undefined)
      throw new ContainerError(
        'invalid-argument',
        `--bip ${settings.bridgeIp}: must be an IPv4 address and a length, as 10.0.0.1/24`,
      );
    const subnet = subnetOf(address, Number(length));
    pool.subnet = `${formatAddress({ version: 4, value: subnet.base })}/${length}`;
    pool.gateway = addressText;
  }
  return pool;
}
