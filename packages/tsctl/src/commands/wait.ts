// `tsctl wait`: blocks until containers stop, prints their exit codes.
import { atLeastOne, type Command } from '../cli/command.ts';
import { beginWait } from '../client/containers.ts';
import { forEachObject } from './each-object.ts';

export const waitCommand: Command = {
  name: 'wait',
  summary: 'Block until one or more containers stop, then print their exit codes',
  usage: 'CONTAINER [CONTAINER...]',
  flags: [],
  args: atLeastOne,
  completes: 'running',
  async run(context) {
    return await forEachObject(context, context.args, async (name) => {
      const { exited } = await beginWait(context.client, name, 'not-running');
      return String(await exited);
    });
  },
};
