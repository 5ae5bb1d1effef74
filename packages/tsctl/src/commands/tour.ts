// `tsctl tour`: the experiments of "How Docker runs", live against the running engine; fails if one does not come out.
import { createInterface } from 'node:readline/promises';
import { anyNumber, type Command, type CommandContext } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { flag } from '../cli/flags.ts';
import { experiments } from '../tour/experiments.ts';
import { Stage } from '../tour/stage.ts';

export const tourCommand: Command = {
  name: 'tour',
  summary: 'Show live how containers work: six experiments with the running engine',
  usage: '[EXPERIMENT...]',
  flags: [
    flag('string', 'image', 'Image to use: it needs sh, id, ps, watch, sleep and touch', 'tscontainer/whoami:latest'),
    flag('bool', 'yes,y', 'Do not wait for Enter between the experiments'),
  ],
  args: anyNumber,
  async run(context) {
    const { args, flags, out, globals } = context;
    const wrong = args.find((letter) => !experiments.some((each) => each.letter === letter));
    if (wrong !== undefined)
      throw new CommandFailure(
        `tour: no experiment ${wrong}: there are ${experiments.map((each) => each.letter).join(', ')}`,
      );
    const chosen = experiments.filter((each) => args.length === 0 || args.includes(each.letter));
    const stage = new Stage({ out, host: globals.host, image: flags.text('image'), next: () => waitForEnter(context) });
    for (const [at, experiment] of chosen.entries()) {
      stage.title(`(${experiment.letter}) ${experiment.title}`);
      try {
        await experiment.perform(stage);
      } finally {
        stage.clear();
      }
      if (at < chosen.length - 1) await stage.next();
    }
    if (stage.failures.length > 0) throw new CommandFailure(`\ntour: not as expected: ${stage.failures.join('; ')}`);
    out.line(`\nAll ${chosen.length} experiments came out as expected.`);
    return 0;
  },
};

async function waitForEnter({ flags, out }: CommandContext): Promise<void> {
  if (flags.bool('yes') || !out.isTerminal || !process.stdin.isTTY) return;
  const reader = createInterface({ input: process.stdin, output: out.stream });
  try {
    await reader.question('\n[Enter] ');
  } finally {
    reader.close();
  }
}
