// `tsctl attach`: joins our terminal or streams to a running container.
import { type Command, exactly } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { flag } from '../cli/flags.ts';
import { attachContainer, beginWait, containerPath, inspectContainer } from '../client/containers.ts';
import { endOnSignals, forwardSignals } from '../terminal/signals.ts';
import { runStreamSession } from '../terminal/stream-session.ts';
import { followWindowSize } from '../terminal/window-size.ts';

export const attachCommand: Command = {
  name: 'attach',
  summary: 'Attach local standard input, output, and error streams to a running container',
  usage: 'CONTAINER',
  flags: [
    flag('string', 'detach-keys', 'Override the key sequence for detaching a container'),
    flag('bool', 'no-stdin', 'Do not attach STDIN'),
    flag('bool', 'sig-proxy', 'Proxy all received signals to the process', 'true'),
  ],
  args: exactly(1),
  completes: 'running',
  async run(context) {
    const { client, flags, config, out, err } = context;
    const details = await inspectContainer(client, context.args[0] ?? '');
    if (!details.State.Running) throw new CommandFailure('You cannot attach to a stopped container, start it first');
    if (details.State.Paused) throw new CommandFailure('You cannot attach to a paused container, unpause it first');
    if (details.State.Restarting)
      throw new CommandFailure('You cannot attach to a restarting container, wait until it is running');
    const isTerminal = details.Config.Tty;
    const hasStdin = !flags.bool('no-stdin') && details.Config.OpenStdin;
    if (isTerminal && hasStdin && !process.stdin.isTTY) throw new CommandFailure('the input device is not a TTY');
    const detachKeys = flags.text('detach-keys') || (config.content.detachKeys ?? '');
    const stopSignals =
      flags.bool('sig-proxy') && !isTerminal ? forwardSignals(client, () => details.Id) : endOnSignals();
    try {
      const { exited } = await beginWait(client, details.Id, 'not-running');
      const hijacked = await attachContainer(client, details.Id, {
        stdin: hasStdin,
        stdout: true,
        stderr: true,
        detachKeys,
      });
      const stopResizing =
        isTerminal && out.isTerminal ? followWindowSize(client, containerPath(details.Id)) : () => undefined;
      const end = await runStreamSession({ hijacked, isTerminal, hasStdin, detachKeys, out, err }).finally(
        stopResizing,
      );
      if (end === 'detached') throw new CommandFailure('read escape sequence');
      return await exited;
    } finally {
      stopSignals();
    }
  },
};
