// `tsctl network connect|disconnect`.
import type { Command } from '../cli/command.ts';
import { flag } from '../cli/flags.ts';
import { pairsOf } from '../container-spec/environment.ts';

export const networkConnectCommand: Command = {
  name: 'connect',
  summary: 'Connect a container to a network',
  usage: 'NETWORK CONTAINER',
  flags: [
    flag('list', 'alias', 'Add network-scoped alias for the container'),
    flag('list', 'driver-opt', 'driver options for the network'),
    flag(
      'int',
      'gw-priority',
      'Highest gw-priority provides the default gateway. Accepts positive and negative values',
    ),
    flag('string', 'ip', 'IPv4 address (e.g., 172.30.100.104)'),
    flag('string', 'ip6', 'IPv6 address (e.g., 2001:db8::33)'),
    flag('list', 'link', 'Add link to another container'),
    flag('list', 'link-local-ip', 'Add a link-local address for the container'),
  ],
  args: { min: 2, max: 2 },
  completes: 'network',
  async run(context) {
    const { flags, client } = context;
    const [network = '', container = ''] = context.args;
    const EndpointConfig = {
      IPAMConfig: {
        IPv4Address: flags.text('ip'),
        IPv6Address: flags.text('ip6'),
        LinkLocalIPs: flags.list('link-local-ip'),
      },
      Links: flags.list('link').length === 0 ? null : flags.list('link'),
      Aliases: flags.list('alias'),
      DriverOpts: pairsOf(flags.list('driver-opt'), 'driver-opt'),
      GwPriority: flags.int('gw-priority') ?? 0,
    };
    await client.status('POST', `/networks/${encodeURIComponent(network)}/connect`, {
      body: { Container: container, EndpointConfig },
    });
    return 0;
  },
};

export const networkDisconnectCommand: Command = {
  name: 'disconnect',
  summary: 'Disconnect a container from a network',
  usage: 'NETWORK CONTAINER',
  flags: [flag('bool', 'force,f', 'Force the container to disconnect from a network')],
  args: { min: 2, max: 2 },
  completes: 'network',
  async run(context) {
    const [network = '', container = ''] = context.args;
    await context.client.status('POST', `/networks/${encodeURIComponent(network)}/disconnect`, {
      body: { Container: container, Force: context.flags.bool('force') },
    });
    return 0;
  },
};
