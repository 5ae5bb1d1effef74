// `tsctl completion bash|zsh|fish`: prints the script that a shell loads.
import { type Command, exactly } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { completionScripts } from '../completion/scripts.ts';

export const completionCommand: Command = {
  name: 'completion',
  summary: 'Output shell completion code for bash, zsh or fish',
  usage: 'SHELL',
  flags: [],
  args: exactly(1),
  async run(context) {
    const script = completionScripts[context.args[0] ?? ''];
    if (script === undefined)
      throw new CommandFailure(
        `unsupported shell: ${context.args[0]} (one of ${Object.keys(completionScripts).join(', ')})`,
      );
    context.out.write(script);
    return 0;
  },
};
