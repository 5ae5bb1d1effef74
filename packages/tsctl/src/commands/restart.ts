// `tsctl restart`: stop, then start.
import { atLeastOne, type Command } from '../cli/command.ts';
import { flag } from '../cli/flags.ts';
import { containerPath } from '../client/containers.ts';
import { forEachObject } from './each-object.ts';

export const restartCommand: Command = {
  name: 'restart',
  summary: 'Restart one or more containers',
  usage: 'CONTAINER [CONTAINER...]',
  flags: [
    flag('string', 'signal,s', 'Signal to send to the container'),
    {
      ...flag('int', 'time,t', 'Seconds to wait for stop before killing the container', undefined),
      aliases: ['timeout'],
    },
  ],
  args: atLeastOne,
  completes: 'container',
  async run(context) {
    const query = { t: context.flags.int('time'), signal: context.flags.text('signal') || undefined };
    return await forEachObject(context, context.args, async (name) => {
      await context.client.status('POST', `${containerPath(name)}/restart`, { query });
      return name;
    });
  },
};
