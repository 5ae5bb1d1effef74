// `tsctl load`: images from a tar archive.

import { readJsonLines } from '@tsctl/client/json-lines';
import { type Command, noArguments } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { flag } from '../cli/flags.ts';
import { openInput } from '../cli/whole-file.ts';
import { showProgress } from '../format/progress.ts';
import type { ProgressMessage } from '../format/progress-message.ts';

export const loadCommand: Command = {
  name: 'load',
  summary: 'Load an image from a tar archive or STDIN',
  usage: '',
  flags: [
    flag('string', 'input,i', 'Read from tar archive file, instead of STDIN'),
    flag('bool', 'quiet,q', 'Suppress the load output'),
  ],
  args: noArguments,
  async run(context) {
    const { client, flags, out } = context;
    const bodyStream = await inputOf(flags.text('input'));
    const isQuiet = flags.bool('quiet') || !out.isTerminal;
    const response = await client.call('POST', '/images/load', {
      query: { quiet: isQuiet },
      bodyStream,
      contentType: 'application/x-tar',
    });
    await showProgress(readJsonLines<ProgressMessage>(response), out);
    return 0;
  },
};

async function inputOf(path: string): Promise<NodeJS.ReadableStream> {
  if (path === '') {
    if (process.stdin.isTTY) throw new CommandFailure('requested load from stdin, but stdin is empty');
    return process.stdin;
  }
  return openInput(path);
}
