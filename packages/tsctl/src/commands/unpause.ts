// `tsctl unpause`: lets a frozen container go on.
import { atLeastOne, type Command } from '../cli/command.ts';
import { containerPath } from '../client/containers.ts';
import { forEachObject } from './each-object.ts';

export const unpauseCommand: Command = {
  name: 'unpause',
  summary: 'Unpause all processes within one or more containers',
  usage: 'CONTAINER [CONTAINER...]',
  flags: [],
  args: atLeastOne,
  completes: 'running',
  async run(context) {
    return await forEachObject(context, context.args, async (name) => {
      await context.client.status('POST', `${containerPath(name)}/unpause`);
      return name;
    });
  },
};
