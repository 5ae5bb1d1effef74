// `tsctl tag`: another name for an image.
import { familiarName, withDefaultTag } from '@tscontainer/core/reference';
import { type Command, exactly } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { imagePath, readReference } from '../client/images.ts';

export const tagCommand: Command = {
  name: 'tag',
  summary: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE',
  usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  flags: [],
  args: exactly(2),
  completes: 'image',
  async run(context) {
    const [source = '', target = ''] = context.args;
    const reference = withDefaultTag(parsed(target));
    if (reference.digest !== undefined) throw new CommandFailure('refusing to create a tag with a digest reference');
    const query = { repo: familiarName(reference), tag: reference.tag };
    await context.client.status('POST', `${imagePath(source)}/tag`, { query });
    return 0;
  },
};

function parsed(target: string) {
  try {
    return readReference(target);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(
      `Error parsing reference: ${JSON.stringify(target)} is not a valid repository/tag: ${why}`,
    );
  }
}
