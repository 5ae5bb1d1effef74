// `tsctl commit`: a new image from what a container changed.
import { familiarName } from '@tscontainer/core/reference';
import type { Command } from '../cli/command.ts';
import { flag } from '../cli/flags.ts';
import { readReference } from '../client/images.ts';

export const commitCommand: Command = {
  name: 'commit',
  summary: "Create a new image from a container's changes",
  usage: 'CONTAINER [REPOSITORY[:TAG]]',
  flags: [
    flag('string', 'author,a', 'Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")'),
    flag('list', 'change,c', 'Apply Dockerfile instruction to the created image'),
    flag('string', 'message,m', 'Commit message'),
    flag('bool', 'pause,p', 'Pause container during commit', 'true'),
  ],
  args: { min: 1, max: 2 },
  completes: 'container',
  async run({ client, flags, args: [container = '', name = ''], out }) {
    const reference = name === '' ? undefined : readReference(name);
    const query = {
      container,
      repo: reference === undefined ? undefined : familiarName(reference),
      tag: reference?.tag,
      comment: flags.text('message') || undefined,
      author: flags.text('author') || undefined,
      changes: flags.list('change'),
      pause: flags.bool('pause') ? undefined : false,
    };
    const { Id } = await client.json<{ Id: string }>('POST', '/commit', { query, body: null });
    out.line(Id);
    return 0;
  },
};
