// `tsctl kill`: a signal at once.
import { atLeastOne, type Command } from '../cli/command.ts';
import { flag } from '../cli/flags.ts';
import { containerPath } from '../client/containers.ts';
import { forEachObject } from './each-object.ts';

export const killCommand: Command = {
  name: 'kill',
  summary: 'Kill one or more running containers',
  usage: 'CONTAINER [CONTAINER...]',
  flags: [flag('string', 'signal,s', 'Signal to send to the container', 'KILL')],
  args: atLeastOne,
  completes: 'running',
  async run(context) {
    const query = { signal: context.flags.text('signal') };
    return await forEachObject(context, context.args, async (name) => {
      await context.client.status('POST', `${containerPath(name)}/kill`, { query });
      return name;
    });
  },
};
