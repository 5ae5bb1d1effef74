// `tsctl stats`: what containers use, once or as a table that moves.
import { shortId } from '@tscontainer/core/ids';
import { anyNumber, type Command, type CommandContext } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { flag } from '../cli/flags.ts';
import { containerPath } from '../client/containers.ts';
import { isMissing } from '../client/engine-error.ts';
import { listText, type Row } from '../format/list-format.ts';
import { type ContainerStats, usageOf } from '../format/usage.ts';

const headers = {
  ID: 'CONTAINER ID',
  Container: 'CONTAINER',
  Name: 'NAME',
  CPUPerc: 'CPU %',
  MemUsage: 'MEM USAGE / LIMIT',
  MemPerc: 'MEM %',
  NetIO: 'NET I/O',
  BlockIO: 'BLOCK I/O',
  PIDs: 'PIDS',
};
const table =
  'table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}';
const refreshMs = 500;
const home = '\x1b[H';
const clearBelow = '\x1b[J';

export const statsCommand: Command = {
  name: 'stats',
  summary: 'Display a live stream of container(s) resource usage statistics',
  usage: '[CONTAINER...]',
  flags: [
    flag('bool', 'all,a', 'Show all containers (default shows just running)'),
    flag('string', 'format', 'Pretty-print using a Go template, "table", "table TEMPLATE" or "json"'),
    flag('bool', 'no-stream', 'Disable streaming stats and only pull the first result'),
    flag('bool', 'no-trunc', 'Do not truncate output'),
  ],
  args: anyNumber,
  completes: 'running',
  async run(context) {
    const { client, flags, out } = context;
    const names = context.args.length > 0 ? [...context.args] : await runningNames(context);
    if (flags.bool('no-stream')) {
      const found = await Promise.all(
        names.map((name) =>
          client.json<ContainerStats>('GET', `${containerPath(name)}/stats`, { query: { stream: false } }),
        ),
      );
      out.write(
        textOf(
          context,
          found.map((stats, at) => rowOf(context, names[at] ?? '', stats)),
        ),
      );
      return 0;
    }
    return await showLive(context, names);
  },
};

async function runningNames(context: CommandContext): Promise<string[]> {
  const query = { all: context.flags.bool('all') || undefined };
  const containers = await context.client.json<{ Id: string }[]>('GET', '/containers/json', { query });
  return containers.map((container) => container.Id);
}

/** Ends when all the streams have, that is, when the containers named are gone. */
async function showLive(context: CommandContext, names: readonly string[]): Promise<number> {
  const rows = new Map<string, Row>();
  const follow = async (name: string) => {
    try {
      for await (const stats of context.client.lines<ContainerStats>('GET', `${containerPath(name)}/stats`, {
        query: { stream: true },
      })) {
        rows.set(name, rowOf(context, name, stats));
      }
    } catch (error) {
      if (!isMissing(error) || context.args.length > 0) throw error;
    } finally {
      rows.delete(name);
    }
  };
  const draw = () =>
    context.out.write(
      `${context.out.isTerminal ? home : ''}${textOf(
        context,
        names.map((name) => rows.get(name)).filter((row) => row !== undefined),
      )}${context.out.isTerminal ? clearBelow : ''}`,
    );
  if (context.out.isTerminal) context.out.write(`\x1b[2J${home}`);
  const timer = setInterval(draw, refreshMs);
  try {
    await Promise.all(names.map(follow));
  } catch (error) {
    throw new CommandFailure((error as Error).message);
  } finally {
    clearInterval(timer);
  }
  return 0;
}

function textOf(context: CommandContext, rows: readonly Row[]): string {
  return listText(rows, { format: context.flags.text('format'), headers, preset: table });
}

function rowOf(context: CommandContext, name: string, stats: ContainerStats): Row {
  const id = context.flags.bool('no-trunc') ? stats.id : shortId(stats.id ?? '');
  return { ID: id, Container: name, Name: (stats.name ?? '').replace(/^\//, ''), ...usageOf(stats) };
}
