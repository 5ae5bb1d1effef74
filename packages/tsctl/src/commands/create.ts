// `tsctl create`: a container that is not started.
import type { Command } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { containerFlags } from '../container-spec/container-flags.ts';
import { containerRequest } from '../container-spec/container-request.ts';
import { createContainer, withUsageHint } from './create-container.ts';

export const createCommand: Command = {
  name: 'create',
  summary: 'Create a new container',
  usage: 'IMAGE [COMMAND] [ARG...]',
  flags: containerFlags,
  args: { min: 1, max: Number.POSITIVE_INFINITY },
  stopsAtFirstArgument: true,
  completes: 'image',
  async run(context) {
    const request = withUsageHint(context, () => containerRequest(context.flags, context.args, false));
    try {
      context.out.line(await createContainer(context, request));
      return 0;
    } catch (error) {
      if (error instanceof CommandFailure) throw new CommandFailure(error.message, 1);
      throw error;
    }
  },
};
