// `tsctl import`: an image of a root filesystem's tar.
import { familiarName, parseReference } from '@tscontainer/core/reference';
import { readJsonLines } from '@tsctl/client/json-lines';
import type { Command } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { flag } from '../cli/flags.ts';
import { openInput } from '../cli/whole-file.ts';
import { readReference } from '../client/images.ts';
import { showProgress } from '../format/progress.ts';
import type { ProgressMessage } from '../format/progress-message.ts';

export const importCommand: Command = {
  name: 'import',
  summary: 'Import the contents from a tarball to create a filesystem image',
  usage: 'file|URL|- [REPOSITORY[:TAG]]',
  flags: [
    flag('list', 'change,c', 'Apply Dockerfile instruction to the created image'),
    flag('string', 'message,m', 'Set commit message for imported image'),
    flag('string', 'platform', 'Set platform if server is multi-platform capable'),
  ],
  args: { min: 1, max: 2 },
  async run({ client, flags, args: [source = '', name = ''], out }) {
    const isUrl = /^https?:\/\//.test(source);
    const bodyStream = isUrl ? undefined : source === '-' ? process.stdin : await openInput(source);
    const reference = name === '' ? undefined : readReference(name);
    if (reference?.digest !== undefined) throw new CommandFailure('refusing to create a tag with a digest reference');
    const response = await client.call('POST', '/images/create', {
      query: {
        fromSrc: isUrl ? source : '-',
        repo: reference === undefined ? undefined : familiarName(parseReference(name)),
        tag: reference?.tag,
        message: flags.text('message') || undefined,
        changes: flags.list('change'),
        platform: flags.text('platform') || undefined,
      },
      ...(bodyStream === undefined ? {} : { bodyStream, contentType: 'application/x-tar' }),
    });
    await showProgress(readJsonLines<ProgressMessage>(response), out);
    return 0;
  },
};
