// `tsctl rename`.
import { type Command, exactly } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { containerPath } from '../client/containers.ts';

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
    await context.client.status('POST', `${containerPath(before)}/rename`, { query: { name: after } });
    return 0;
  },
};
