// `tsctl system df`: what takes space, and what of it could be freed.
import { type Command, noArguments } from '../cli/command.ts';
import { flag } from '../cli/flags.ts';
import { printList, type Row } from '../format/list-format.ts';
import { formatSize } from '../format/sizes.ts';
import { type DetailedUsage, detailsText } from './disk-usage-details.ts';

interface DiskUsage {
  LayersSize: number;
  Images: { Containers: number; Size: number; SharedSize: number }[] | null;
  Containers: { SizeRw?: number; State: string }[] | null;
  Volumes: { UsageData?: { RefCount: number; Size: number } | null }[] | null;
  BuildCache: { Size: number; InUse: boolean; Shared: boolean }[] | null;
}

const headers = { Type: 'TYPE', TotalCount: 'TOTAL', Active: 'ACTIVE', Size: 'SIZE', Reclaimable: 'RECLAIMABLE' };

export const diskUsageCommand: Command = {
  name: 'df',
  summary: 'Show disk usage',
  usage: '',
  flags: [
    flag('string', 'format', 'Pretty-print using a Go template, "table", "table TEMPLATE" or "json"'),
    flag('bool', 'verbose,v', 'Show detailed information on space usage'),
  ],
  args: noArguments,
  async run(context) {
    if (context.flags.bool('verbose')) {
      context.out.write(detailsText(await context.client.json<DetailedUsage>('GET', '/system/df')));
      return 0;
    }
    const usage = await context.client.json<DiskUsage>('GET', '/system/df');
    const rows = [imagesRow(usage), containersRow(usage), volumesRow(usage), cacheRow(usage)];
    const preset = 'table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}';
    printList(context.out, rows, { format: context.flags.text('format'), headers, preset });
    return 0;
  },
};

const sum = (values: readonly number[]) => values.reduce((total, value) => total + Math.max(0, value), 0);

function row(type: string, total: number, active: number, size: number, reclaimable: number, hasShare = true): Row {
  const share = hasShare && size > 0 ? ` (${Math.trunc((reclaimable * 100) / size)}%)` : '';
  return {
    Type: type,
    TotalCount: String(total),
    Active: String(active),
    Size: formatSize(size, 4),
    Reclaimable: `${formatSize(reclaimable, 4)}${share}`,
  };
}

/** Layers of images in use stay; the rest could go. */
function imagesRow({ Images, LayersSize }: DiskUsage): Row {
  const images = Images ?? [];
  const active = images.filter((image) => image.Containers > 0);
  const used = sum(
    active.filter((image) => image.Size >= 0 && image.SharedSize >= 0).map((image) => image.Size - image.SharedSize),
  );
  return row('Images', images.length, active.length, LayersSize, Math.max(0, LayersSize - used));
}

function containersRow({ Containers }: DiskUsage): Row {
  const containers = Containers ?? [];
  const active = containers.filter((each) => ['running', 'paused', 'restarting'].includes(each.State));
  const size = sum(containers.map((each) => each.SizeRw ?? 0));
  return row('Containers', containers.length, active.length, size, size - sum(active.map((each) => each.SizeRw ?? 0)));
}

function volumesRow({ Volumes }: DiskUsage): Row {
  const volumes = Volumes ?? [];
  const active = volumes.filter((volume) => (volume.UsageData?.RefCount ?? 0) > 0);
  const size = sum(volumes.map((volume) => volume.UsageData?.Size ?? 0));
  return row(
    'Local Volumes',
    volumes.length,
    active.length,
    size,
    size - sum(active.map((volume) => volume.UsageData?.Size ?? 0)),
  );
}

function cacheRow({ BuildCache }: DiskUsage): Row {
  const cache = BuildCache ?? [];
  const free = sum(cache.filter((record) => !record.InUse && !record.Shared).map((record) => record.Size));
  return row(
    'Build Cache',
    cache.length,
    cache.filter((record) => record.InUse).length,
    sum(cache.filter((record) => !record.Shared).map((record) => record.Size)),
    free,
    false,
  );
}
