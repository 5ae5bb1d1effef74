// `tsctl network ls|rm`.
import { shortId } from '@tscontainer/core/ids';
import { atLeastOne, type Command, noArguments } from '../cli/command.ts';
import { filtersParameter } from '../cli/filters.ts';
import { flag } from '../cli/flags.ts';
import { isMissing, missingObject } from '../client/engine-error.ts';
import { printList } from '../format/list-format.ts';
import { forEachObject } from './each-object.ts';

interface Network {
  Id: string;
  Name: string;
  Driver: string;
  Scope: string;
  Created: string;
  EnableIPv6: boolean;
  Internal: boolean;
  Labels: Record<string, string> | null;
}

const headers = {
  ID: 'NETWORK ID',
  Name: 'NAME',
  Driver: 'DRIVER',
  Scope: 'SCOPE',
  IPv6: 'IPV6',
  Internal: 'INTERNAL',
  Labels: 'LABELS',
  CreatedAt: 'CREATED AT',
};

export const networkListCommand: Command = {
  name: 'ls',
  summary: 'List networks',
  usage: '',
  flags: [
    flag('filter', 'filter,f', "Provide filter values (e.g. 'driver=bridge')"),
    flag('string', 'format', 'Pretty-print networks using a Go template, "table", "table TEMPLATE" or "json"'),
    flag('bool', 'no-trunc', 'Do not truncate the output'),
    flag('bool', 'quiet,q', 'Only display network IDs'),
  ],
  args: noArguments,
  async run(context) {
    const { flags, client, out } = context;
    const networks = await client.json<Network[]>('GET', '/networks', {
      query: { filters: filtersParameter(flags.list('filter')) },
    });
    const rows = networks
      .sort((left, right) => (left.Name < right.Name ? -1 : 1))
      .map((network) => ({
        ID: flags.bool('no-trunc') ? network.Id : shortId(network.Id),
        Name: network.Name,
        Driver: network.Driver,
        Scope: network.Scope,
        IPv6: String(network.EnableIPv6),
        Internal: String(network.Internal),
        CreatedAt: network.Created,
        Labels: Object.entries(network.Labels ?? {})
          .map(([name, value]) => `${name}=${value}`)
          .sort()
          .join(','),
        Label: (name: unknown) => network.Labels?.[String(name)] ?? '',
      }));
    const preset = 'table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}';
    printList(out, rows, {
      format: flags.text('format'),
      headers,
      preset,
      quietField: flags.bool('quiet') ? 'ID' : undefined,
    });
    return 0;
  },
};

export const networkRemoveCommand: Command = {
  name: 'rm',
  summary: 'Remove one or more networks',
  usage: 'NETWORK [NETWORK...]',
  flags: [flag('bool', 'force,f', 'Do not error if the network does not exist')],
  args: atLeastOne,
  completes: 'network',
  async run(context) {
    return await forEachObject(context, context.args, async (name) => {
      try {
        await context.client.status('DELETE', `/networks/${encodeURIComponent(name)}`);
        return name;
      } catch (error) {
        if (context.flags.bool('force') && isMissing(error)) return '';
        throw missingObject('network', name, error);
      }
    });
  },
};
