// `tsctl export`: a container's root filesystem as a tar, to a file (whole or not at all) or to stdout.
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Command, exactly } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { flag } from '../cli/flags.ts';
import { writeWhole } from '../cli/whole-file.ts';
import { containerPath } from '../client/containers.ts';

export const exportCommand: Command = {
  name: 'export',
  summary: "Export a container's filesystem as a tar archive",
  usage: 'CONTAINER',
  flags: [flag('string', 'output,o', 'Write to a file, instead of STDOUT')],
  args: exactly(1),
  completes: 'container',
  async run({ client, flags, args: [name = ''], out }) {
    const path = flags.text('output');
    if (path === '' && out.isTerminal)
      throw new CommandFailure('cowardly refusing to save to a terminal. Use the -o flag or redirect');
    if (path !== '' && !existsSync(dirname(path)))
      throw new CommandFailure(
        `failed to export container: invalid output path: directory ${JSON.stringify(dirname(path))} does not exist`,
      );
    const response = await client.call('GET', `${containerPath(name)}/export`);
    if (path === '') for await (const chunk of response) await out.writeAndDrain(chunk as Buffer);
    else await writeWhole(response, path);
    return 0;
  },
};
