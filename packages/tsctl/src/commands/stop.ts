// `tsctl stop`: the stop signal, then SIGKILL after a while.
import { atLeastOne, type Command } from '../cli/command.ts';
import { flag } from '../cli/flags.ts';
import { containerPath } from '../client/containers.ts';
import { forEachObject } from './each-object.ts';

export const stopCommand: Command = {
  name: 'stop',
  summary: 'Stop one or more running containers',
  usage: 'CONTAINER [CONTAINER...]',
  flags: [
    flag('string', 'signal,s', 'Signal to send to the container'),
    { ...flag('int', 'time,t', 'Seconds to wait for stop before killing it', undefined), aliases: ['timeout'] },
  ],
  args: atLeastOne,
  completes: 'running',
  async run(context) {
    const query = { t: context.flags.int('time'), signal: context.flags.text('signal') || undefined };
    return await forEachObject(context, context.args, async (name) => {
      await context.client.status('POST', `${containerPath(name)}/stop`, { query });
      return name;
    });
  },
};
