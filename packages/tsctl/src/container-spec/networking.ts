// The network flags as NetworkMode and endpoint settings.
import { CommandFailure } from '../cli/failures.ts';
import type { FlagValues } from '../cli/flags.ts';

interface Networking {
  mode: string;
  endpoints: Record<string, Record<string, unknown>>;
}

const builtIn = /^(default|bridge|host|none|container:.*)$/;

/** The first network is the mode; aliases and addresses belong to it. `name=x,alias=y,ip=z` is the long form. */
export function networkingOf(flags: FlagValues): Networking {
  const networks = flags.list('network').map((entry) => parseNetwork(entry));
  const first = networks[0] ?? { name: 'default', settings: {} };
  const settings = { ...firstSettings(flags, first.name), ...first.settings };
  const endpoints: Networking['endpoints'] = {};
  if (Object.keys(settings).length > 0 || !builtIn.test(first.name)) endpoints[first.name] = settings;
  for (const { name, settings: own } of networks.slice(1)) {
    if (endpoints[name] !== undefined) throw new CommandFailure(`network "${name}" is specified multiple times`, 125);
    endpoints[name] = own;
  }
  return { mode: first.name, endpoints };
}

function firstSettings(flags: FlagValues, network: string): Record<string, unknown> {
  // on the default network links are the container's, and there are no names
  const [aliases, links] = network === 'default' ? [[], []] : [flags.list('network-alias'), flags.list('link')];
  if (builtIn.test(network) && aliases.length > 0)
    throw new CommandFailure('network-scoped aliases are only supported for user-defined networks', 125);
  if (builtIn.test(network) && network !== 'bridge' && links.length > 0)
    throw new CommandFailure('links are only supported for user-defined networks', 125);
  const addresses = { IPv4Address: flags.text('ip'), IPv6Address: flags.text('ip6') };
  const local = flags.list('link-local-ip');
  const given = {
    ...Object.fromEntries(Object.entries(addresses).filter(([, value]) => value !== '')),
    ...(local.length === 0 ? {} : { LinkLocalIPs: local }),
  };
  return {
    ...(aliases.length === 0 ? {} : { Aliases: aliases }),
    ...(links.length === 0 || builtIn.test(flags.list('network')[0] ?? 'default') ? {} : { Links: links }),
    ...(Object.keys(given).length === 0 ? {} : { IPAMConfig: given }),
  };
}

function parseNetwork(entry: string): { name: string; settings: Record<string, unknown> } {
  if (!/(^|,)name=/.test(entry)) return { name: entry, settings: {} };
  let name = '';
  const settings: Record<string, unknown> = {};
  const addresses: Record<string, string> = {};
  for (const part of entry.split(',')) {
    const [key, value = ''] = part.split(/=(.*)/s);
    if (key === 'name') name = value;
    else if (key === 'alias') settings['Aliases'] = [...((settings['Aliases'] as string[] | undefined) ?? []), value];
    else if (key === 'ip') addresses['IPv4Address'] = value;
    else if (key === 'ip6') addresses['IPv6Address'] = value;
    else if (key === 'mac-address') settings['MacAddress'] = value;
    else if (key === 'gw-priority') settings['GwPriority'] = Number(value);
    else if (key === 'driver-opt') {
      const [option = '', text = ''] = value.split(/=(.*)/s);
      settings['DriverOpts'] = { ...(settings['DriverOpts'] as object | undefined), [option]: text };
    } else throw new CommandFailure(`invalid argument "${entry}" for "--network" flag: invalid field ${key}`, 125);
  }
  if (Object.keys(addresses).length > 0) settings['IPAMConfig'] = addresses;
  return { name, settings };
}
