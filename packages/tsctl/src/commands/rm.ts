// `tsctl rm`: removes containers.
import { atLeastOne, type Command } from '../cli/command.ts';
import { flag } from '../cli/flags.ts';
import { containerPath } from '../client/containers.ts';
import { isMissing, missingObject } from '../client/engine-error.ts';
import { forEachObject } from './each-object.ts';

export const rmCommand: Command = {
  name: 'rm',
  summary: 'Remove one or more containers',
  usage: 'CONTAINER [CONTAINER...]',
  flags: [
    flag('bool', 'force,f', 'Force the removal of a running container (uses SIGKILL)'),
    flag('bool', 'link,l', 'Remove the specified link'),
    flag('bool', 'volumes,v', 'Remove anonymous volumes associated with the container'),
  ],
  args: atLeastOne,
  completes: 'container',
  async run(context) {
    const { flags, client } = context;
    const query = {
      force: flags.bool('force') || undefined,
      link: flags.bool('link') || undefined,
      v: flags.bool('volumes') || undefined,
    };
    return await forEachObject(context, context.args, async (name) => {
      try {
        await client.status('DELETE', containerPath(name.replace(/^\//, '')), { query });
      } catch (error) {
        const failure = missingObject('container', name, error);
        if (query.force === undefined || !isMissing(error)) throw failure;
        // it is gone, as was asked
        context.err.line((failure as Error).message);
        return '';
      }
      return name;
    });
  },
};
