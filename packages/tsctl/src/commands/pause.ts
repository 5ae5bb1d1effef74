// `tsctl pause`: freezes a container's processes.
import { atLeastOne, type Command } from '../cli/command.ts';
import { containerPath } from '../client/containers.ts';
import { forEachObject } from './each-object.ts';

export const pauseCommand: Command = {
  name: 'pause',
  summary: 'Pause all processes within one or more containers',
  usage: 'CONTAINER [CONTAINER...]',
  flags: [],
  args: atLeastOne,
  completes: 'running',
  async run(context) {
    return await forEachObject(context, context.args, async (name) => {
      await context.client.status('POST', `${containerPath(name)}/pause`);
      return name;
    });
  },
};
