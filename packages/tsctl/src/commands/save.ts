// `tsctl save`: images as a tar archive, to a file (whole or not at all) or to stdout.
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { atLeastOne, type Command } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { flag } from '../cli/flags.ts';
import { writeWhole } from '../cli/whole-file.ts';

export const saveCommand: Command = {
  name: 'save',
  summary: 'Save one or more images to a tar archive (streamed to STDOUT by default)',
  usage: 'IMAGE [IMAGE...]',
  flags: [
    flag('string', 'output,o', 'Write to a file, instead of STDOUT'),
    flag('string', 'platform', 'Save only the given platform variant'),
  ],
  args: atLeastOne,
  completes: 'image',
  async run(context) {
    const { client, flags, args, out } = context;
    const path = flags.text('output');
    if (path === '' && out.isTerminal)
      throw new CommandFailure('cowardly refusing to save to a terminal. Use the -o flag or redirect');
    if (path !== '' && !existsSync(dirname(path))) {
      throw new CommandFailure(
        `failed to save image: invalid output path: directory ${JSON.stringify(dirname(path))} does not exist`,
      );
    }
    const response = await client.call('GET', '/images/get', { query: { names: args } });
    if (path === '') for await (const chunk of response) await out.writeAndDrain(chunk as Buffer);
    else await writeWhole(response, path);
    return 0;
  },
};
