// `tsctl volume create|ls|rm`.
import { atLeastOne, type Command, noArguments } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { filtersParameter } from '../cli/filters.ts';
import { flag } from '../cli/flags.ts';
import { missingObject } from '../client/engine-error.ts';
import { keyValues, pairsOf } from '../container-spec/environment.ts';
import { printList, type Row } from '../format/list-format.ts';
import { forEachObject } from './each-object.ts';

interface Volume {
  Name: string;
  Driver: string;
  Mountpoint: string;
  Scope: string;
  Labels: Record<string, string> | null;
}

export const volumeCreateCommand: Command = {
  name: 'create',
  summary: 'Create a volume',
  usage: '[VOLUME]',
  flags: [
    flag('string', 'driver,d', 'Specify volume driver name', 'local'),
    flag('list', 'label', 'Set metadata for a volume'),
    flag('string', 'name', 'Specify volume name'),
    flag('map', 'opt,o', 'Set driver specific options'),
  ],
  args: { min: 0, max: 1 },
  async run(context) {
    const { flags, client, out } = context;
    if (context.args.length > 0 && flags.has('name'))
      throw new CommandFailure('conflicting options: either specify --name or provide positional arg, not both');
    const body = {
      Name: context.args[0] ?? flags.text('name'),
      Driver: flags.text('driver'),
      DriverOpts: pairsOf(flags.list('opt'), 'opt'),
      Labels: keyValues(flags.list('label')),
    };
    out.line((await client.json<Volume>('POST', '/volumes/create', { body })).Name);
    return 0;
  },
};

export const volumeListCommand: Command = {
  name: 'ls',
  summary: 'List volumes',
  usage: '',
  flags: [
    flag('filter', 'filter,f', "Provide filter values (e.g. 'dangling=true')"),
    flag('string', 'format', 'Pretty-print volumes using a Go template, "table", "table TEMPLATE" or "json"'),
    flag('bool', 'quiet,q', 'Only display volume names'),
  ],
  args: noArguments,
  async run(context) {
    const { flags, client, out } = context;
    const answer = await client.json<{ Volumes: Volume[] | null }>('GET', '/volumes', {
      query: { filters: filtersParameter(flags.list('filter')) },
    });
    const volumes = [...(answer.Volumes ?? [])].sort((left, right) => (left.Name < right.Name ? -1 : 1));
    const headers = {
      Name: 'VOLUME NAME',
      Driver: 'DRIVER',
      Scope: 'SCOPE',
      Mountpoint: 'MOUNTPOINT',
      Labels: 'LABELS',
    };
    const preset = 'table {{.Driver}}\t{{.Name}}';
    printList(
      out,
      volumes.map((volume) => rowOf(volume)),
      { format: flags.text('format'), headers, preset, quietField: flags.bool('quiet') ? 'Name' : undefined },
    );
    return 0;
  },
};

export const volumeRemoveCommand: Command = {
  name: 'rm',
  summary: 'Remove one or more volumes',
  usage: 'VOLUME [VOLUME...]',
  flags: [flag('bool', 'force,f', 'Force the removal of one or more volumes')],
  args: atLeastOne,
  completes: 'volume',
  async run(context) {
    const query = { force: context.flags.bool('force') || undefined };
    return await forEachObject(context, context.args, async (name) => {
      await context.client
        .status('DELETE', `/volumes/${encodeURIComponent(name)}`, { query })
        .catch((error: unknown) => {
          throw missingObject('volume', name, error);
        });
      return name;
    });
  },
};

function rowOf(volume: Volume): Row {
  const labels = volume.Labels ?? {};
  const text = Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(',');
  const { Name, Driver, Scope, Mountpoint } = volume;
  return {
    Name,
    Driver,
    Scope,
    Mountpoint,
    Links: 'N/A',
    Size: 'N/A',
    Labels: text,
    Label: (name: unknown) => labels[String(name)] ?? '',
  };
}
