// The daemon's flags and daemon.json keys that concern networks: dockerd's names and meanings.
import { ContainerError } from '@tscontainer/core/errors';
import { goBool } from '../go-bool.ts';
import type { Schema } from '../http/json-body.ts';
import type { AddressPoolSetting } from './address-pools.ts';
import { defaultNetworkSettings, type NetworkSettings } from './network-settings.ts';

export const networkOptions = {
  bridge: { type: 'string', short: 'b' },
  bip: { type: 'string' },
  'fixed-cidr': { type: 'string' },
  'default-gateway': { type: 'string' },
  'default-gateway-v6': { type: 'string' },
  ipv6: { type: 'boolean' },
  'fixed-cidr-v6': { type: 'string' },
  mtu: { type: 'string' },
  icc: { type: 'string' },
  'ip-masq': { type: 'string' },
  ip: { type: 'string' },
  'default-address-pool': { type: 'string', multiple: true },
  'host-gateway-ip': { type: 'string', multiple: true },
  dns: { type: 'string', multiple: true },
  'dns-opt': { type: 'string', multiple: true },
  'dns-search': { type: 'string', multiple: true },
} as const;

export const networkFileSchema: Schema = {
  bridge: 'string',
  bip: 'string',
  'fixed-cidr': 'string',
  'default-gateway': 'string',
  'default-gateway-v6': 'string',
  ipv6: 'bool',
  'fixed-cidr-v6': 'string',
  mtu: 'int',
  icc: 'bool',
  'ip-masq': 'bool',
  ip: 'string',
  'default-address-pools': { list: { base: 'string', size: 'int' } },
  'host-gateway-ips': 'strings',
  dns: 'strings',
  'dns-opts': 'strings',
  'dns-search': 'strings',
};

export const networkUsage = `  -b, --bridge NAME           The default bridge: one that is there keeps its address and subnet; none for no default bridge network
      --bip CIDR              Address and subnet of the default bridge
      --fixed-cidr CIDR       Part of the subnet that containers on the default bridge get addresses of
      --default-gateway ADDRESS, --default-gateway-v6 ADDRESS  Way out of containers on the default bridge
      --ipv6                  IPv6 on the default bridge
      --fixed-cidr-v6 CIDR    IPv6 subnet of the default bridge
      --mtu N                 MTU of the default bridge
      --icc BOOL              Containers on the default bridge may talk to each other (default true)
      --ip-masq BOOL          Masquerade what leaves the default bridge (default true)
      --ip ADDRESS            Where ports are published that name no address (default 0.0.0.0)
      --default-address-pool LIST  Pools that networks get their subnets of: base=CIDR,size=N
      --host-gateway-ip LIST  What host-gateway in --add-host means
      --dns LIST, --dns-opt LIST, --dns-search LIST  DNS of containers that say nothing else
`;

type Values = Record<string, unknown>;

/** Throws invalid-argument for anything but a whole number from 0. */
export function toCount(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new ContainerError('invalid-argument', `${name} ${text}: must be a whole number from 0`);
}

function toBool(name: string, text: string): boolean {
  const value = goBool(text);
  if (value === undefined) throw new ContainerError('invalid-argument', `${name} ${text}: must be true or false`);
  return value;
}

/** Flags over daemon.json over defaults. Throws invalid-argument. */
export function toNetworkSettings(flags: Values, file: Values): NetworkSettings {
  const defaults = defaultNetworkSettings;
  const text = (name: string, fallback: string) => String(flags[name] ?? file[name] ?? fallback);
  const list = (name: string, key: string) => ((flags[name] ?? file[key]) as string[] | undefined) ?? [];
  const flag = (name: string, fallback: boolean) => toBool(`--${name}`, text(name, String(fallback)));
  const pools = flags['default-address-pool'] as string[] | undefined;
  const filePools = (file['default-address-pools'] ?? []) as Partial<AddressPoolSetting>[];
  const [bridge, bridgeIp] = [text('bridge', defaults.bridge), text('bip', defaults.bridgeIp)];
  if (bridge !== '' && bridgeIp !== '')
    throw new ContainerError(
      'invalid-argument',
      'You specified -b & --bip, mutually exclusive options. Please specify only one',
    );
  return {
    bridge,
    bridgeIp,
    defaultGateway: text('default-gateway', defaults.defaultGateway),
    defaultGatewayV6: text('default-gateway-v6', defaults.defaultGatewayV6),
    fixedCidr: text('fixed-cidr', defaults.fixedCidr),
    isIpv6: Boolean(flags['ipv6'] ?? file['ipv6'] ?? defaults.isIpv6),
    fixedCidrV6: text('fixed-cidr-v6', defaults.fixedCidrV6),
    mtu: toCount('--mtu', text('mtu', '0')),
    allowsIcc: flag('icc', defaults.allowsIcc),
    isMasqueraded: flag('ip-masq', defaults.isMasqueraded),
    hostBindingIp: text('ip', defaults.hostBindingIp),
    addressPools: pools?.map(toPool) ?? filePools.map(({ base = '', size = 0 }) => ({ base, size })),
    hostGatewayIps: list('host-gateway-ip', 'host-gateway-ips'),
    dns: list('dns', 'dns'),
    dnsOptions: list('dns-opt', 'dns-opts'),
    dnsSearch: list('dns-search', 'dns-search'),
  };
}

/** `base=10.10.0.0/16,size=24`. */
function toPool(entry: string): AddressPoolSetting {
  const fields = new Map(entry.split(',').map((part) => part.split('=', 2) as [string, string]));
  const [base, size] = [fields.get('base'), fields.get('size')];
  if (base === undefined || size === undefined || !/^\d+$/.test(size))
    throw new ContainerError('invalid-argument', `--default-address-pool ${entry}: must be base=CIDR,size=N`);
  return { base, size: Number(size) };
}
