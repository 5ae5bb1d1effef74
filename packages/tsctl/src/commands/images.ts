// `tsctl images`: the list of images.
import { shortId } from '@tscontainer/core/ids';
import type { Command } from '../cli/command.ts';
import { filtersParameter } from '../cli/filters.ts';
import { flag } from '../cli/flags.ts';
import { goTime, humanAge } from '../format/durations.ts';
import { printList, type Row } from '../format/list-format.ts';
import { formatSize } from '../format/sizes.ts';

interface ImageSummary {
  Id: string;
  RepoTags: string[] | null;
  RepoDigests: string[] | null;
  Created: number;
  Size: number;
  SharedSize: number;
  Containers: number;
}

const headers = {
  ID: 'IMAGE ID',
  Repository: 'REPOSITORY',
  Tag: 'TAG',
  Digest: 'DIGEST',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  Size: 'SIZE',
  Containers: 'CONTAINERS',
  VirtualSize: 'SIZE',
  SharedSize: 'SHARED SIZE',
  UniqueSize: 'UNIQUE SIZE',
};
const none = '<none>';

export const imagesCommand: Command = {
  name: 'images',
  summary: 'List images',
  usage: '[REPOSITORY[:TAG]]',
  flags: [
    flag('bool', 'all,a', 'Show all images (default hides intermediate images)'),
    flag('bool', 'digests', 'Show digests'),
    flag('filter', 'filter,f', 'Filter output based on conditions provided'),
    flag('string', 'format', 'Pretty-print images using a Go template, "table", "table TEMPLATE" or "json"'),
    flag('bool', 'no-trunc', "Don't truncate output"),
    flag('bool', 'quiet,q', 'Only show image IDs'),
  ],
  args: { min: 0, max: 1 },
  completes: 'image',
  async run(context) {
    const { flags, client, config, out } = context;
    const filters = [...flags.list('filter'), ...context.args.map((name) => `reference=${name}`)];
    const query = { all: flags.bool('all') || undefined, filters: filtersParameter(filters) };
    const images = await client.json<ImageSummary[]>('GET', '/images/json', { query });
    // a template that asks for digests has them
    const hasDigests = flags.bool('digests') || flags.text('format').includes('.Digest');
    const rows = images.flatMap((image) => rowsOf(image, !flags.bool('no-trunc'), hasDigests));
    const format = flags.text('format') || (flags.bool('quiet') ? '' : (config.content.imagesFormat ?? ''));
    const digest = flags.bool('digests') ? '\t{{.Digest}}' : '';
    const preset = `table {{.Repository}}\t{{.Tag}}${digest}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}`;
    printList(out, rows, { format, headers, preset, quietField: flags.bool('quiet') ? 'ID' : undefined });
    return 0;
  },
};

/** A row for each tag; with digests one for each digest of its repository; one of `<none>` when there is neither. */
function rowsOf(image: ImageSummary, isShort: boolean, hasDigests: boolean): Row[] {
  const tags = (image.RepoTags ?? [])
    .filter((tag) => tag !== '<none>:<none>')
    .map((tag) => split(tag, tag.lastIndexOf(':')));
  const digests = (image.RepoDigests ?? [])
    .filter((digest) => !digest.startsWith('<none>'))
    .map((digest) => split(digest, digest.indexOf('@')));
  const rows: [string, string, string][] = tags.flatMap(([repository, tag]) => {
    const own = hasDigests ? digests.filter(([of]) => of === repository) : [];
    return own.length === 0
      ? [[repository, tag, none]]
      : own.map(([, digest]): [string, string, string] => [repository, tag, digest]);
  });
  const untagged = digests.filter(([repository]) => !tags.some(([of]) => of === repository));
  rows.push(...untagged.map(([repository, digest]): [string, string, string] => [repository, none, digest]));
  if (rows.length === 0) rows.push([none, none, none]);
  return rows.map(([repository, tag, digest]) => rowOf(image, isShort, repository, tag, digest));
}

function split(text: string, at: number): [string, string] {
  return [text.slice(0, at), text.slice(at + 1)];
}

function rowOf(image: ImageSummary, isShort: boolean, repository: string, tag: string, digest: string): Row {
  const known = (count: number | undefined, text: (value: number) => string) =>
    count === undefined || count < 0 ? 'N/A' : text(count);
  return {
    ID: isShort ? shortId(image.Id) : image.Id,
    Repository: repository,
    Tag: tag,
    Digest: digest,
    CreatedSince: humanAge(image.Created),
    CreatedAt: goTime(image.Created),
    Size: formatSize(image.Size),
    VirtualSize: formatSize(image.Size, 4),
    Containers: known(image.Containers, String),
    SharedSize: known(image.SharedSize, (shared) => formatSize(shared)),
    UniqueSize: known(image.SharedSize, (shared) => formatSize(image.Size - shared)),
  };
}
