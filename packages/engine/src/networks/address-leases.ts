// The addresses of one network: who has which, and the next that is free. The leases themselves are durable in the
// records of the containers that hold them; this is rebuilt from those at start.
import { ContainerError } from '@tscontainer/core/errors';
import {
  contains,
  formatAddress,
  type IpVersion,
  lastAddress,
  parseAddress,
  parseSubnet,
  type Subnet,
} from './ip-address.ts';
import { gatewayAux, type IpamPool, type LeasedAddress, type NetworkRecord } from './network-record.ts';

interface Pool {
  subnet: Subnet;
  range: Subnet;
  /** The containers' way out. */
  gateway: string;
  isUserChosen: boolean;
  taken: Map<bigint, string>;
  /** Nothing below it is free. */
  lowestFree: bigint;
}

/** Holders that are no containers. */
const gatewayHolder = 'gateway';
const auxiliaryHolder = 'auxiliary';

export class AddressLeases {
  readonly #pools: Pool[];

  constructor(network: NetworkRecord) {
    this.#pools = network.pools.map(toPool);
  }

  /** `holder`: the endpoint's id. Undefined when the network has no addresses of that version. */
  lease(version: IpVersion, holder: string): LeasedAddress | undefined {
    const pools = this.#pools.filter((pool) => pool.subnet.version === version);
    if (pools.length === 0) return undefined;
    for (const pool of pools) {
      const value = nextFree(pool);
      if (value === undefined) continue;
      pool.taken.set(value, holder);
      return leased(pool, value);
    }
    throw new ContainerError('resource-exhausted', "no available IPv4 addresses on this network's address pools");
  }

  /** The very address. Throws invalid-argument outside of the subnets, permission-denied for one that is taken. */
  claim(text: string, holder: string): LeasedAddress {
    const address = parseAddress(text);
    const pool = address && this.#pools.find((candidate) => contains(candidate.subnet, address));
    if (address === undefined || pool === undefined)
      throw new ContainerError(
        'invalid-argument',
        `Invalid address ${text}: It does not belong to any of this network's subnets`,
      );
    const present = pool.taken.get(address.value);
    if (present !== undefined && present !== holder)
      throw new ContainerError('permission-denied', 'Address already in use');
    pool.taken.set(address.value, holder);
    return leased(pool, address.value);
  }

  release(text: string, holder: string): void {
    const address = parseAddress(text);
    if (address === undefined) return;
    for (const pool of this.#pools) {
      if (!contains(pool.subnet, address) || pool.taken.get(address.value) !== holder) continue;
      pool.taken.delete(address.value);
      const isInRange = address.value >= firstUsable(pool.subnet, pool.range);
      if (isInRange && address.value < pool.lowestFree) pool.lowestFree = address.value;
    }
  }

  /** Addresses by holder, without the gateway and those set aside. */
  get count(): number {
    let count = 0;
    for (const pool of this.#pools)
      for (const holder of pool.taken.values()) if (holder !== gatewayHolder && holder !== auxiliaryHolder) count++;
    return count;
  }
}

function leased(pool: Pool, value: bigint): LeasedAddress {
  return {
    address: formatAddress({ version: pool.subnet.version, value }),
    prefixLength: pool.subnet.prefixLength,
    gateway: pool.gateway,
  };
}

function toPool(record: IpamPool): Pool {
  const subnet = parseSubnet(record.subnet);
  if (subnet === undefined) throw new ContainerError('data-loss', `network has a broken subnet ${record.subnet}`);
  const range = (record.ipRange === '' ? undefined : parseSubnet(record.ipRange)) ?? subnet;
  const taken = new Map<bigint, string>();
  const set = (text: string, holder: string) => {
    const address = parseAddress(text);
    if (address !== undefined) taken.set(address.value, holder);
  };
  set(record.gateway, gatewayHolder);
  for (const address of Object.values(record.auxAddresses)) set(address, auxiliaryHolder);
  return {
    subnet,
    range,
    gateway: record.auxAddresses[gatewayAux[subnet.version]] ?? record.gateway,
    isUserChosen: record.isUserChosen,
    taken,
    lowestFree: firstUsable(subnet, range),
  };
}

/** Neither the subnet's own address nor, in IPv4, its broadcast address is a host's; of a /31 or /32 each is. */
function firstUsable(subnet: Subnet, range: Subnet): bigint {
  const hasEnds = subnet.prefixLength < (subnet.version === 4 ? 31 : 127);
  return hasEnds && range.base === subnet.base ? range.base + 1n : range.base;
}

function nextFree(pool: Pool): bigint | undefined {
  const { subnet, range } = pool;
  const hasBroadcast = subnet.version === 4 && subnet.prefixLength < 31;
  const end = lastAddress(range) - (hasBroadcast && lastAddress(range) === lastAddress(subnet) ? 1n : 0n);
  let value = pool.lowestFree;
  while (value <= end && pool.taken.has(value)) value++;
  if (value > end) return undefined;
  pool.lowestFree = value + 1n;
  return value;
}
