// `tsctl pull`: an image from a registry.
import { familiarName, formatReference, withDefaultTag } from '@tscontainer/core/reference';
import { type Command, exactly } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { flag } from '../cli/flags.ts';
import { pullImage, readReference } from '../client/images.ts';

export const pullCommand: Command = {
  name: 'pull',
  summary: 'Pull an image or a repository from a registry',
  usage: 'NAME[:TAG|@DIGEST]',
  flags: [
    flag('bool', 'all-tags,a', 'Download all tagged images in the repository'),
    flag('string', 'platform', 'Set platform if server is multi-platform capable'),
    flag('bool', 'quiet,q', 'Suppress verbose output'),
  ],
  args: exactly(1),
  completes: 'image',
  async run(context) {
    const { client, config, flags, out, err } = context;
    const named = readReference(context.args[0] ?? '');
    const isAll = flags.bool('all-tags');
    if (isAll && (named.tag !== undefined || named.digest !== undefined))
      throw new CommandFailure("tag can't be used with --all-tags/-a");
    const whole = withDefaultTag(named);
    if (!isAll && named.tag === undefined && named.digest === undefined && !flags.bool('quiet'))
      out.line('Using default tag: latest');
    const tag = isAll ? '' : (whole.digest ?? whole.tag ?? '');
    await pullImage(client, familiarName(named), tag, {
      platform: flags.text('platform'),
      isQuiet: flags.bool('quiet'),
      config,
      out,
      err,
    });
    // docker ends a pull with the full name
    out.line(formatReference(isAll ? named : whole));
    return 0;
  },
};
