// `tsctl ps`: the list of containers.
import { shortId } from '@tscontainer/core/ids';
import { type Command, noArguments } from '../cli/command.ts';
import { filtersParameter } from '../cli/filters.ts';
import { flag } from '../cli/flags.ts';
import { goTime, humanAge } from '../format/durations.ts';
import { printList, type Row } from '../format/list-format.ts';
import { displayPorts, type PortSummary } from '../format/ports.ts';
import { formatSize } from '../format/sizes.ts';
import { ellipsis } from '../format/table.ts';

interface ContainerSummary {
  Id: string;
  Names: string[];
  Image: string;
  ImageID: string;
  Command: string;
  Created: number;
  Ports: PortSummary[];
  SizeRw?: number;
  SizeRootFs?: number;
  Labels: Record<string, string> | null;
  State: string;
  Status: string;
  NetworkSettings?: { Networks: Record<string, unknown> | null };
  Mounts?: { Name?: string; Source?: string; Type?: string; Driver?: string }[];
}

const headers = {
  ID: 'CONTAINER ID',
  Names: 'NAMES',
  Image: 'IMAGE',
  Command: 'COMMAND',
  CreatedAt: 'CREATED AT',
  RunningFor: 'CREATED',
  Ports: 'PORTS',
  State: 'STATE',
  Status: 'STATUS',
  Size: 'SIZE',
  Labels: 'LABELS',
  Mounts: 'MOUNTS',
  LocalVolumes: 'LOCAL VOLUMES',
  Networks: 'NETWORKS',
};
const table = 'table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}';
const commandLength = 20;
const mountLength = 15;

export const psCommand: Command = {
  name: 'ps',
  summary: 'List containers',
  usage: '',
  flags: [
    flag('bool', 'all,a', 'Show all containers (default shows just running)'),
    flag('filter', 'filter,f', 'Filter output based on conditions provided'),
    flag('string', 'format', 'Pretty-print containers using a Go template, "table", "table TEMPLATE" or "json"'),
    flag('int', 'last,n', 'Show n last created containers (includes all states)', '-1'),
    flag('bool', 'latest,l', 'Show the latest created container (includes all states)'),
    flag('bool', 'no-trunc', "Don't truncate output"),
    flag('bool', 'quiet,q', 'Only display container IDs'),
    flag('bool', 'size,s', 'Display total file sizes'),
  ],
  args: noArguments,
  async run(context) {
    const { flags, client, config, out } = context;
    const format = flags.text('format') || (flags.bool('quiet') ? '' : (config.content.psFormat ?? ''));
    const hasSize = flags.bool('size') || /\.Size|json/.test(format);
    const last = flags.bool('latest') ? 1 : (flags.int('last') ?? -1);
    const query = {
      all: flags.bool('all') || undefined,
      limit: last > 0 ? last : undefined,
      size: hasSize || undefined,
      filters: filtersParameter(flags.list('filter')),
    };
    const containers = await client.json<ContainerSummary[]>('GET', '/containers/json', { query });
    const rows = containers.map((container) => rowOf(container, !flags.bool('no-trunc')));
    printList(out, rows, {
      format,
      headers,
      preset: hasSize ? `${table}\t{{.Size}}` : table,
      quietField: flags.bool('quiet') ? 'ID' : undefined,
    });
    return 0;
  },
};

function rowOf(container: ContainerSummary, isShort: boolean): Row {
  const labels = container.Labels ?? {};
  const mounts = (container.Mounts ?? []).map((mount) => mount.Name || mount.Source || '');
  const virtual =
    container.SizeRootFs === undefined || container.SizeRootFs === 0
      ? ''
      : ` (virtual ${formatSize(container.SizeRootFs)})`;
  return {
    ID: isShort ? shortId(container.Id) : container.Id,
    Names: namesOf(container.Names, isShort),
    Image: imageOf(container, isShort),
    Command: JSON.stringify(isShort ? ellipsis(container.Command, commandLength) : container.Command),
    CreatedAt: goTime(container.Created),
    RunningFor: humanAge(container.Created),
    Ports: displayPorts(container.Ports ?? []),
    State: container.State,
    Status: container.Status,
    Size: `${formatSize(container.SizeRw ?? 0)}${virtual}`,
    Labels: Object.entries(labels)
      .map(([name, value]) => `${name}=${value}`)
      .sort()
      .join(','),
    Label: (name: unknown) => labels[String(name)] ?? '',
    Mounts: mounts.map((name) => (isShort ? ellipsis(name, mountLength) : name)).join(','),
    LocalVolumes: String((container.Mounts ?? []).filter((mount) => mount.Driver === 'local').length),
    Networks: Object.keys(container.NetworkSettings?.Networks ?? {}).join(','),
  };
}

/** Names of links (with a second slash) are shown only in full output. */
function namesOf(names: readonly string[], isShort: boolean): string {
  const plain = names.map((name) => name.replace(/^\//, ''));
  return (isShort ? plain.filter((name) => !name.includes('/')) : plain).join(',');
}

function imageOf(container: ContainerSummary, isShort: boolean): string {
  const { Image: image, ImageID: id } = container;
  if (image === '') return '<no image>';
  if (!isShort) return image;
  if (image === id || /^(sha256:)?[0-9a-f]{64}$/.test(image)) return shortId(image);
  return image.replace(/^([^@]+:[^@/]+)@sha256:.*$/, '$1');
}
