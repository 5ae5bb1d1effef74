// `tsctl __complete WORDS...`: the candidates for the last word, one per line, a tab before what they are about.
import { anyNumber, type Command } from '../cli/command.ts';
import { candidatesFor } from '../completion/candidates.ts';

export const completeCommand: Command = {
  name: '__complete',
  summary: 'Print the candidates for the last of these words',
  usage: '[WORD...]',
  flags: [],
  args: anyNumber,
  stopsAtFirstArgument: true,
  async run(context) {
    const candidates = await candidatesFor(context, context.args.length === 0 ? [''] : context.args);
    for (const { text, about } of candidates) context.out.line(about === '' ? text : `${text}\t${about}`);
    return 0;
  },
};
