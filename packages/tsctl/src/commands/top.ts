// `tsctl top`: the processes of a container as ps(1) on the host shows them.
import type { Command } from '../cli/command.ts';
import { containerPath } from '../client/containers.ts';
import { formatTable } from '../format/table.ts';

const columnWidth = 20;

export const topCommand: Command = {
  name: 'top',
  summary: 'Display the running processes of a container',
  usage: 'CONTAINER [ps OPTIONS]',
  flags: [],
  args: { min: 1, max: Number.POSITIVE_INFINITY },
  stopsAtFirstArgument: true,
  completes: 'running',
  async run(context) {
    const [name = '', ...options] = context.args;
    const query = { ps_args: options.length === 0 ? undefined : options.join(' ') };
    const { Titles, Processes } = await context.client.json<{ Titles: string[]; Processes: string[][] }>(
      'GET',
      `${containerPath(name)}/top`,
      { query },
    );
    context.out.line(formatTable([Titles, ...Processes], columnWidth));
    return 0;
  },
};
