// `tsctl diff`: what a container changed in its filesystem.
import { type Command, exactly } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { containerPath } from '../client/containers.ts';

const letters = ['C', 'A', 'D'];

export const diffCommand: Command = {
  name: 'diff',
  summary: "Inspect changes to files or directories on a container's filesystem",
  usage: 'CONTAINER',
  flags: [],
  args: exactly(1),
  completes: 'container',
  async run({ client, args: [name = ''], out }) {
    if (name === '') throw new CommandFailure('Container name cannot be empty');
    const changes = await client.json<{ Path: string; Kind: number }[] | null>('GET', `${containerPath(name)}/changes`);
    for (const { Path, Kind } of changes ?? []) out.line(`${letters[Kind] ?? '?'} ${Path}`);
    return 0;
  },
};
