// `tsctl rename`.
import { type Command, exactly } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { containerPath } from '../client/containers.ts';
import { EngineError } from '../client/engine-error.ts';

export const renameCommand: Command = {
  name: 'rename',
  summary: 'Rename a container',
  usage: 'CONTAINER NEW_NAME',
  flags: [],
  args: exactly(2),
  completes: 'container',
  async run(context) {
    const [before = '', after = ''] = context.args.map((name) => name.trim());
    if (before === '' || after === '') throw new CommandFailure('Error: Neither old nor new names may be empty');
    try {
      await context.client.status('POST', `${containerPath(before)}/rename`, { query: { name: after } });
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      context.err.line(error.message);
      throw new CommandFailure(`Error: failed to rename container named ${before}`);
    }
    return 0;
  },
};
