// `tsctl system df -v`: each image, container and volume with what it takes.
import { shortId } from '@tscontainer/core/ids';
import { humanAge } from '../format/durations.ts';
import { listText } from '../format/list-format.ts';
import { formatSize } from '../format/sizes.ts';
import { ellipsis } from '../format/table.ts';

export interface DetailedUsage {
  Images:
    | { Id: string; RepoTags: string[] | null; Created: number; Size: number; SharedSize: number; Containers: number }[]
    | null;
  Containers:
    | {
        Id: string;
        Image: string;
        Command: string;
        Created: number;
        Status: string;
        Names: string[];
        SizeRw?: number;
        Mounts?: { Type: string }[];
      }[]
    | null;
  Volumes: { Name: string; UsageData?: { RefCount: number; Size: number } | null }[] | null;
  BuildCache:
    | {
        ID: string;
        Type: string;
        Size: number;
        CreatedAt: string;
        LastUsedAt: string | null;
        UsageCount: number;
        Shared: boolean;
      }[]
    | null;
}

const commandLength = 20;
/** Fields of a section by their headers, in order. */
type Section = readonly (readonly [string, (index: number) => string])[];

function table(count: number, section: Section): string {
  const fields = section.map(([header]) => header.replaceAll(' ', ''));
  const headers = Object.fromEntries(section.map(([header], index) => [fields[index] ?? '', header]));
  const rows = Array.from({ length: count }, (_, row) =>
    Object.fromEntries(section.map(([, cell], index) => [fields[index] ?? '', cell(row)])),
  );
  const preset = `table ${fields.map((field) => `{{.${field}}}`).join('\t')}`;
  return listText(rows, { format: '', preset, headers });
}

function imagesText(usage: DetailedUsage): string {
  const rows = (usage.Images ?? []).flatMap((image) => {
    const tags = (image.RepoTags ?? []).filter((tag) => tag !== '<none>:<none>');
    return (tags.length === 0 ? ['<none>:<none>'] : tags).map((tag) => {
      const colon = tag.lastIndexOf(':');
      return { image, repository: tag.slice(0, colon), tag: tag.slice(colon + 1) };
    });
  });
  const at = (index: number) => rows[index] as (typeof rows)[number];
  return table(rows.length, [
    ['REPOSITORY', (index) => at(index).repository],
    ['TAG', (index) => at(index).tag],
    ['IMAGE ID', (index) => shortId(at(index).image.Id)],
    ['CREATED', (index) => humanAge(at(index).image.Created)],
    ['SIZE', (index) => formatSize(at(index).image.Size, 4)],
    ['SHARED SIZE', (index) => formatSize(at(index).image.SharedSize, 4)],
    ['UNIQUE SIZE', (index) => formatSize(at(index).image.Size - at(index).image.SharedSize, 4)],
    ['CONTAINERS', (index) => String(at(index).image.Containers)],
  ]);
}

function containersText(usage: DetailedUsage): string {
  const rows = usage.Containers ?? [];
  const at = (index: number) => rows[index] as (typeof rows)[number];
  return table(rows.length, [
    ['CONTAINER ID', (index) => shortId(at(index).Id)],
    ['IMAGE', (index) => at(index).Image],
    ['COMMAND', (index) => JSON.stringify(ellipsis(at(index).Command, commandLength))],
    ['LOCAL VOLUMES', (index) => String((at(index).Mounts ?? []).filter(({ Type }) => Type === 'volume').length)],
    ['SIZE', (index) => formatSize(at(index).SizeRw ?? 0)],
    ['CREATED', (index) => humanAge(at(index).Created)],
    ['STATUS', (index) => at(index).Status],
    [
      'NAMES',
      (index) =>
        at(index)
          .Names.map((name) => name.replace(/^\//, ''))
          .join(','),
    ],
  ]);
}

function volumesText(usage: DetailedUsage): string {
  const rows = usage.Volumes ?? [];
  const at = (index: number) => rows[index] as (typeof rows)[number];
  return table(rows.length, [
    ['VOLUME NAME', (index) => at(index).Name],
    ['LINKS', (index) => String(at(index).UsageData?.RefCount ?? 'N/A')],
    ['SIZE', (index) => (at(index).UsageData == null ? 'N/A' : formatSize(at(index).UsageData?.Size ?? 0, 4))],
  ]);
}

function cacheText(usage: DetailedUsage): string {
  const rows = usage.BuildCache ?? [];
  const at = (index: number) => rows[index] as (typeof rows)[number];
  const seconds = (time: string | null) => (time === null ? '' : humanAge(Date.parse(time) / 1000));
  return table(rows.length, [
    ['CACHE ID', (index) => shortId(at(index).ID)],
    ['CACHE TYPE', (index) => at(index).Type],
    ['SIZE', (index) => formatSize(at(index).Size, 4)],
    ['CREATED', (index) => seconds(at(index).CreatedAt)],
    ['LAST USED', (index) => seconds(at(index).LastUsedAt)],
    ['USAGE', (index) => String(at(index).UsageCount)],
    ['SHARED', (index) => String(at(index).Shared)],
  ]);
}

export function detailsText(usage: DetailedUsage): string {
  const cached = (usage.BuildCache ?? []).filter(({ Shared }) => !Shared).reduce((sum, { Size }) => sum + Size, 0);
  return [
    `Images space usage:\n\n${imagesText(usage)}`,
    `Containers space usage:\n\n${containersText(usage)}`,
    `Local Volumes space usage:\n\n${volumesText(usage)}`,
    `Build cache usage: ${formatSize(cached, 4)}\n\n${cacheText(usage)}`,
  ].join('\n');
}
