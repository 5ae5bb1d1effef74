// `tsctl rmi`: removes names of images, and with the last name the image.
import { atLeastOne, type Command } from '../cli/command.ts';
import { flag } from '../cli/flags.ts';
import { isMissing, missingObject } from '../client/engine-error.ts';
import { imagePath } from '../client/images.ts';
import { forEachObject } from './each-object.ts';

interface Removed {
  Untagged?: string;
  Deleted?: string;
}

export const rmiCommand: Command = {
  name: 'rmi',
  summary: 'Remove one or more images',
  usage: 'IMAGE [IMAGE...]',
  flags: [
    flag('bool', 'force,f', 'Force removal of the image'),
    flag('bool', 'no-prune', 'Do not delete untagged parents'),
  ],
  args: atLeastOne,
  completes: 'image',
  async run(context) {
    const { flags, client } = context;
    const query = { force: flags.bool('force') || undefined, noprune: flags.bool('no-prune') || undefined };
    return await forEachObject(context, context.args, async (name) => {
      const removed = await client.json<Removed[]>('DELETE', imagePath(name), { query }).catch((error: unknown) => {
        const failure = missingObject('image', name, error);
        if (query.force === undefined || !isMissing(error)) throw failure;
        // it is gone, as was asked
        context.err.line((failure as Error).message);
        return [];
      });
      return removed
        .map(({ Untagged, Deleted }) => (Deleted === undefined ? `Untagged: ${Untagged}` : `Deleted: ${Deleted}`))
        .join('\n');
    });
  },
};
