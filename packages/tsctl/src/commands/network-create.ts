// `tsctl network create`.
import { BlockList } from 'node:net';
import type { Command } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { type FlagValues, flag } from '../cli/flags.ts';
import { keyValues } from '../container-spec/environment.ts';

export const networkCreateCommand: Command = {
  name: 'create',
  summary: 'Create a network',
  usage: 'NETWORK',
  flags: [
    flag('bool', 'attachable', 'Enable manual container attachment'),
    flag('map', 'aux-address', 'Auxiliary IPv4 or IPv6 addresses used by Network driver'),
    flag('string', 'config-from', 'The network from which to copy the configuration'),
    flag('bool', 'config-only', 'Create a configuration only network'),
    flag('string', 'driver,d', 'Driver to manage the Network', 'bridge'),
    flag('list', 'gateway', 'IPv4 or IPv6 Gateway for the master subnet'),
    flag('bool', 'internal', 'Restrict external access to the network'),
    flag('list', 'ip-range', 'Allocate container ip from a sub-range'),
    flag('string', 'ipam-driver', 'IP Address Management Driver', 'default'),
    flag('map', 'ipam-opt', 'Set IPAM driver specific options'),
    flag('bool', 'ipv6', 'Enable or disable IPv6 address assignment'),
    flag('list', 'label', 'Set metadata on a network'),
    flag('map', 'opt,o', 'Set driver specific options'),
    flag('string', 'scope', "Control the network's scope"),
    flag('list', 'subnet', 'Subnet in CIDR format that represents a network segment'),
  ],
  args: { min: 1, max: 1 },
  async run(context) {
    const { flags, client, out } = context;
    const body = {
      Name: context.args[0],
      CheckDuplicate: true,
      Driver: flags.text('driver'),
      Scope: flags.text('scope'),
      Internal: flags.bool('internal'),
      Attachable: flags.bool('attachable'),
      EnableIPv6: flags.bool('ipv6'),
      ConfigOnly: flags.bool('config-only'),
      ...(flags.has('config-from') ? { ConfigFrom: { Network: flags.text('config-from') } } : {}),
      IPAM: {
        Driver: flags.text('ipam-driver'),
        Options: keyValues(flags.list('ipam-opt')),
        Config: poolsOf(flags),
      },
      Options: keyValues(flags.list('opt')),
      Labels: keyValues(flags.list('label')),
    };
    out.line((await client.json<{ Id: string }>('POST', '/networks/create', { body })).Id);
    return 0;
  },
};

interface Pool {
  Subnet: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

/** Gateways, ranges and auxiliary addresses go to the subnet that they lie in. */
function poolsOf(flags: FlagValues): Pool[] {
  const pools = flags.list('subnet').map((Subnet): Pool => ({ Subnet }));
  const poolOf = (text: string, flagName: string, shown?: string): Pool => {
    const found = pools.filter((pool) => isIn(text, pool.Subnet));
    if (pools.length === 0 && (flagName === 'ip-range' || flagName === 'gateway'))
      throw new CommandFailure('every ip-range or gateway must have a corresponding subnet');
    if (found[0] === undefined) throw new CommandFailure(`no matching subnet for ${shown ?? `${flagName} ${text}`}`);
    return found[0];
  };
  for (const gateway of flags.list('gateway')) {
    const pool = poolOf(gateway, 'gateway');
    if (pool.Gateway !== undefined)
      throw new CommandFailure(
        `cannot configure multiple gateways (${gateway}, ${pool.Gateway}) on the same subnet (${pool.Subnet})`,
      );
    pool.Gateway = gateway;
  }
  for (const range of flags.list('ip-range')) {
    const pool = poolOf(range.split('/')[0] ?? '', 'ip-range', `range ${range}`);
    if (pool.IPRange !== undefined)
      throw new CommandFailure(
        `cannot configure multiple ranges (${range}, ${pool.IPRange}) on the same subnet (${pool.Subnet})`,
      );
    pool.IPRange = range;
  }
  for (const [name, address] of Object.entries(keyValues(flags.list('aux-address')))) {
    const pool = poolOf(address, 'aux-address');
    pool.AuxiliaryAddresses = { ...pool.AuxiliaryAddresses, [name]: address };
  }
  return pools;
}

function isIn(address: string, subnet: string): boolean {
  const [base = '', length = ''] = subnet.split('/');
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  if (family !== (base.includes(':') ? 'ipv6' : 'ipv4')) return false;
  const list = new BlockList();
  try {
    list.addSubnet(base, Number(length), family);
    return list.check(address, family);
  } catch {
    return false; // what is no address is the daemon's to refuse
  }
}
