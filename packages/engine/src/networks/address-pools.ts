// The subnets that networks get when the user names none: docker's, minus those that the host or a network already has.
import { ContainerError } from '@tscontainer/core/errors';
import { formatSubnet, overlaps, parseSubnet, type Subnet, subnetSize } from './ip-address.ts';

export interface AddressPoolSetting {
  base: string;
  /** Prefix length of the networks cut from it. */
  size: number;
}

/** As libnetwork has them, in its order. */
const defaultPools: AddressPoolSetting[] = [
  ...Array.from({ length: 12 }, (_, index) => ({ base: `172.${17 + index}.0.0/16`, size: 16 })),
  ...[29, 30, 31].map((second) => ({ base: `172.${second}.0.0/16`, size: 16 })),
  { base: '192.168.0.0/16', size: 20 },
];

export class AddressPools {
  readonly #settings: AddressPoolSetting[];

  /** Throws invalid-argument for a setting that is no pool. */
  constructor(settings: AddressPoolSetting[]) {
    this.#settings = settings.length > 0 ? settings : defaultPools;
    for (const { base, size } of this.#settings) {
      const subnet = parseSubnet(base);
      if (subnet === undefined || size < subnet.prefixLength || size > (subnet.version === 4 ? 32 : 128))
        throw new ContainerError('invalid-argument', `invalid address pool base=${base},size=${size}`);
    }
  }

  /** The first IPv4 subnet that meets none of `taken`. Throws resource-exhausted. */
  free(taken: Subnet[]): string {
    for (const candidate of this.#candidates(4))
      if (!taken.some((other) => overlaps(other, candidate))) return formatSubnet(candidate);
    throw new ContainerError(
      'resource-exhausted',
      'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network',
    );
  }

  /** A /64 of the settings, else a random one of fd00::/8 that this engine keeps to (RFC 4193): `seed` is its id. */
  freeIpv6(taken: Subnet[], seed: string): string {
    for (const candidate of this.#candidates(6))
      if (!taken.some((other) => overlaps(other, candidate))) return formatSubnet(candidate);
    const global = BigInt(`0x${seed.slice(0, 10)}`);
    for (let id = 0n; id < 65_536n; id++) {
      const base = (0xfdn << 120n) | (global << 80n) | (id << 64n);
      const candidate: Subnet = { version: 6, base, prefixLength: 64 };
      if (!taken.some((other) => overlaps(other, candidate))) return formatSubnet(candidate);
    }
    throw new ContainerError('resource-exhausted', 'no IPv6 address pool is left');
  }

  *#candidates(version: 4 | 6): Generator<Subnet> {
    for (const { base, size } of this.#settings) {
      const whole = parseSubnet(base);
      if (whole === undefined || whole.version !== version) continue;
      const step = subnetSize({ ...whole, prefixLength: size });
      for (let at = whole.base; at < whole.base + subnetSize(whole); at += step)
        yield { version, base: at, prefixLength: size };
    }
  }
}
