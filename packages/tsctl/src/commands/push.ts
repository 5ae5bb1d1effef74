// `tsctl push`: an image to its registry, with progress.
import { familiarName } from '@tscontainer/core/reference';
import { type Command, exactly } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { flag } from '../cli/flags.ts';
import { imagePath, readReference, registryAuthHeaders } from '../client/images.ts';
import { showProgress } from '../format/progress.ts';
import type { ProgressMessage } from '../format/progress-message.ts';

/** Older engines refuse a push without the header: it holds nothing then. */
const noCredentials = Buffer.from('{}').toString('base64url');

export const pushCommand: Command = {
  name: 'push',
  summary: 'Upload an image to a registry',
  usage: 'NAME[:TAG]',
  flags: [
    flag('bool', 'all-tags,a', 'Push all tags of an image to the repository'),
    flag('bool', 'quiet,q', 'Suppress verbose output'),
    flag('string', 'platform', 'Push a platform-specific manifest as a single-platform image to the registry'),
  ],
  args: exactly(1),
  completes: 'image',
  async run({ client, flags, config, args: [name = ''], out, err }) {
    const reference = readReference(name);
    const isAll = flags.bool('all-tags');
    if (isAll && reference.tag !== undefined) throw new CommandFailure("tag can't be used with --all-tags/-a");
    if (!isAll && reference.tag === undefined && reference.digest === undefined && !flags.bool('quiet'))
      out.line('Using default tag: latest');
    const tag = isAll ? undefined : (reference.tag ?? 'latest');
    const auth = await registryAuthHeaders(config, reference.domain, (text) => err.line(text));
    const headers = { 'X-Registry-Auth': noCredentials, ...auth };
    const messages = client.lines<ProgressMessage>('POST', `${imagePath(familiarName(reference))}/push`, {
      query: { tag },
      headers,
    });
    await showProgress(messages, flags.bool('quiet') ? undefined : out);
    if (flags.bool('quiet')) out.line(`${reference.domain}/${reference.path}${tag === undefined ? '' : `:${tag}`}`);
    return 0;
  },
};
