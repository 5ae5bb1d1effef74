// `tsctl container|image|network|volume|system prune`: removes what is not in use, after asking.
import { createInterface } from 'node:readline/promises';
import { type Command, type CommandContext, noArguments } from '../cli/command.ts';
import { filtersParameter } from '../cli/filters.ts';
import { type FlagDefinition, flag } from '../cli/flags.ts';
import { formatSize } from '../format/sizes.ts';

interface PruneAnswer {
  ContainersDeleted?: string[] | null;
  ImagesDeleted?: { Untagged?: string; Deleted?: string }[] | null;
  VolumesDeleted?: string[] | null;
  NetworksDeleted?: string[] | null;
  SpaceReclaimed?: number;
}

const force = flag('bool', 'force,f', 'Do not prompt for confirmation');
const filter = flag('filter', 'filter', "Provide filter values (e.g. 'until=<timestamp>')");
const allImages = flag('bool', 'all,a', 'Remove all unused images, not just dangling ones');

export const containerPruneCommand = prune('Remove all stopped containers', [filter, force], async (context) => {
  if (!(await isConfirmed(context, 'WARNING! This will remove all stopped containers.'))) return finish(context, []);
  return finish(context, [await pruneContainers(context)]);
});

export const imagePruneCommand = prune('Remove unused images', [allImages, filter, force], async (context) => {
  const what = context.flags.bool('all')
    ? 'all images without at least one container associated to them'
    : 'all dangling images';
  if (!(await isConfirmed(context, `WARNING! This will remove ${what}.`))) return finish(context, []);
  return finish(context, [await pruneImages(context)]);
});

export const builderPruneCommand = prune(
  'Remove build cache',
  [
    flag('bool', 'all,a', 'Remove all unused build cache, not just dangling ones'),
    filter,
    force,
    flag('bytes', 'keep-storage', 'Amount of disk space to keep for cache'),
  ],
  async (context) => {
    const { flags, out } = context;
    const what = flags.bool('all') ? 'all build cache' : 'all dangling build cache';
    let answer: { CachesDeleted?: string[] | null; SpaceReclaimed?: number } = {};
    if (await isConfirmed(context, `WARNING! This will remove ${what}.`, ' '))
      answer = await context.client.json('POST', '/build/prune', {
        query: {
          all: flags.bool('all') ? 1 : undefined,
          'keep-storage': flags.bytes('keep-storage'),
          filters: filtersParameter(flags.list('filter')),
        },
      });
    const deleted = answer.CachesDeleted ?? [];
    if (deleted.length > 0) out.line(`Deleted build cache objects:\n${deleted.join('\n')}\n`);
    out.line(`Total reclaimed space: ${formatSize(answer.SpaceReclaimed ?? 0, 4)}`);
    return 0;
  },
);

export const volumePruneCommand = prune(
  'Remove all unused local volumes',
  [flag('bool', 'all,a', 'Remove all unused volumes, not just anonymous ones'), filter, force],
  async (context) => {
    if (
      !(await isConfirmed(context, 'WARNING! This will remove all local volumes not used by at least one container.'))
    )
      return finish(context, []);
    return finish(context, [await pruneVolumes(context)]);
  },
);

export const networkPruneCommand = prune('Remove all unused networks', [filter, force], async (context) => {
  if (
    !(await isConfirmed(context, 'WARNING! This will remove all custom networks not used by at least one container.'))
  )
    return 0;
  const { NetworksDeleted } = await pruneNetworks(context);
  if ((NetworksDeleted ?? []).length > 0) context.out.line(`Deleted Networks:\n${NetworksDeleted?.join('\n')}\n`);
  return 0;
});

export const systemPruneCommand = prune(
  'Remove unused data',
  [allImages, filter, force, flag('bool', 'volumes', 'Prune volumes')],
  async (context) => {
    const { flags } = context;
    const list = [
      'all stopped containers',
      'all networks not used by at least one container',
      ...(flags.bool('volumes') ? ['all volumes not used by at least one container'] : []),
      flags.bool('all') ? 'all images without at least one container associated to them' : 'all dangling images',
    ];
    if (!(await isConfirmed(context, `WARNING! This will remove:\n${list.map((line) => `  - ${line}`).join('\n')}\n`)))
      return 0;
    const answers = [await pruneContainers(context), await pruneNetworks(context)];
    if (flags.bool('volumes')) answers.push(await pruneVolumes(context));
    answers.push(await pruneImages(context));
    return finish(context, answers);
  },
);

function prune(summary: string, flags: readonly FlagDefinition[], run: Command['run']): Command {
  return { name: 'prune', summary, usage: '', flags, args: noArguments, run };
}

function pruneContainers(context: CommandContext): Promise<PruneAnswer> {
  return context.client.json<PruneAnswer>('POST', '/containers/prune', {
    query: { filters: filtersParameter(context.flags.list('filter')) },
  });
}

function pruneImages(context: CommandContext): Promise<PruneAnswer> {
  const dangling = `dangling=${!context.flags.bool('all')}`;
  return context.client.json<PruneAnswer>('POST', '/images/prune', {
    query: { filters: filtersParameter([...context.flags.list('filter'), dangling]) },
  });
}

function pruneNetworks(context: CommandContext): Promise<PruneAnswer> {
  return context.client.json<PruneAnswer>('POST', '/networks/prune', {
    query: { filters: filtersParameter(context.flags.list('filter')) },
  });
}

function pruneVolumes(context: CommandContext): Promise<PruneAnswer> {
  return context.client.json<PruneAnswer>('POST', '/volumes/prune', {
    query: { filters: filtersParameter(context.flags.list('filter')) },
  });
}

function finish(context: CommandContext, answers: readonly PruneAnswer[]): number {
  const sections: [string, string[]][] = answers.flatMap((answer): [string, string[]][] => [
    ['Deleted Containers:', answer.ContainersDeleted ?? []],
    ['Deleted Networks:', answer.NetworksDeleted ?? []],
    ['Deleted Volumes:', answer.VolumesDeleted ?? []],
    [
      'Deleted Images:',
      (answer.ImagesDeleted ?? []).map(({ Untagged, Deleted }) =>
        Deleted === undefined ? `untagged: ${Untagged}` : `deleted: ${Deleted}`,
      ),
    ],
  ]);
  for (const [title, lines] of sections) if (lines.length > 0) context.out.line(`${title}\n${lines.join('\n')}\n`);
  const reclaimed = answers.reduce((total, answer) => total + (answer.SpaceReclaimed ?? 0), 0);
  context.out.line(`Total reclaimed space: ${formatSize(reclaimed, 4)}`);
  return 0;
}

async function isConfirmed(context: CommandContext, warning: string, separator = '\n'): Promise<boolean> {
  if (context.flags.bool('force')) return true;
  const reader = createInterface({ input: process.stdin, output: context.out.stream });
  try {
    const closed = new Promise<string>((resolve) => reader.once('close', () => resolve('')));
    const answer = await Promise.race([
      reader.question(`${warning}${separator}Are you sure you want to continue? [y/N] `),
      closed,
    ]);
    return answer.trim().toLowerCase() === 'y';
  } finally {
    reader.close();
  }
}
