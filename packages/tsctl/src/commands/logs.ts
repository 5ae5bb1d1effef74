// `tsctl logs`: what a container has written.

import { Demultiplexer } from '@tsctl/client/demultiplexer';
import { type Command, type CommandContext, exactly } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { flag } from '../cli/flags.ts';
import { containerPath, inspectContainer } from '../client/containers.ts';
import { toTimestamp } from '../format/durations.ts';

export const logsCommand: Command = {
  name: 'logs',
  summary: 'Fetch the logs of a container',
  usage: 'CONTAINER',
  flags: [
    flag('bool', 'details', 'Show extra details provided to logs'),
    flag('bool', 'follow,f', 'Follow log output'),
    flag(
      'string',
      'since',
      'Show logs since timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 minutes)',
    ),
    flag('string', 'tail,n', 'Number of lines to show from the end of the logs', 'all'),
    flag('bool', 'timestamps,t', 'Show timestamps'),
    flag(
      'string',
      'until',
      'Show logs before a timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 minutes)',
    ),
  ],
  args: exactly(1),
  completes: 'container',
  async run(context) {
    const { client, flags } = context;
    const details = await inspectContainer(client, context.args[0] ?? '');
    const query = {
      stdout: true,
      stderr: true,
      details: flags.bool('details') || undefined,
      follow: flags.bool('follow') || undefined,
      timestamps: flags.bool('timestamps') || undefined,
      tail: flags.text('tail'),
      since: momentOf(context, 'since'),
      until: momentOf(context, 'until'),
    };
    const response = await client.call('GET', `${containerPath(details.Id)}/logs`, { query });
    await copyLogs(context, response, details.Config.Tty);
    return 0;
  },
};

async function copyLogs(context: CommandContext, response: AsyncIterable<unknown>, isTerminal: boolean): Promise<void> {
  const demultiplexer = new Demultiplexer();
  for await (const chunk of response) {
    if (isTerminal) await context.out.writeAndDrain(chunk as Buffer);
    else {
      for (const { stream, payload } of demultiplexer.push(chunk as Buffer)) {
        await (stream === 'stderr' ? context.err : context.out).writeAndDrain(payload);
      }
    }
  }
}

function momentOf(context: CommandContext, name: string): string | undefined {
  const text = context.flags.text(name);
  if (text === '') return undefined;
  const moment = toTimestamp(text);
  if (moment === undefined)
    throw new CommandFailure(
      `invalid value for "${name}": failed to parse value as time or duration: ${JSON.stringify(text)}`,
    );
  return moment;
}
