// `tsctl start`: starts created or stopped containers, attached to one of them if asked.
import { atLeastOne, type Command, type CommandContext } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { flag } from '../cli/flags.ts';
import { attachContainer, beginWait, containerPath, inspectContainer } from '../client/containers.ts';
import { missingObject } from '../client/engine-error.ts';
import { forwardSignals } from '../terminal/signals.ts';
import { runStreamSession } from '../terminal/stream-session.ts';
import { followWindowSize } from '../terminal/window-size.ts';

export const startCommand: Command = {
  name: 'start',
  summary: 'Start one or more stopped containers',
  usage: 'CONTAINER [CONTAINER...]',
  flags: [
    flag('bool', 'attach,a', 'Attach STDOUT/STDERR and forward signals'),
    flag('string', 'detach-keys', 'Override the key sequence for detaching a container'),
    flag('bool', 'interactive,i', "Attach container's STDIN"),
    flag('bool', 'sig-proxy', 'Proxy received signals to the process', 'true'),
  ],
  args: atLeastOne,
  completes: 'stopped',
  async run(context) {
    const { flags, args } = context;
    const isAttached = flags.bool('attach') || flags.bool('interactive');
    if (!isAttached) return await startAll(context);
    if (args.length > 1) throw new CommandFailure('you cannot start and attach multiple containers at once');
    return await startAttached(context, args[0] ?? '');
  },
};

/** Docker's words: each failure at once, and their names at the end. */
async function startAll(context: CommandContext): Promise<number> {
  const failed: string[] = [];
  for (const name of context.args) {
    try {
      await context.client.status('POST', `${containerPath(name)}/start`);
      context.out.line(name);
    } catch (error) {
      context.err.line(
        (missingObject('container', name, error) as Error).message.replace(
          'Error: No such',
          'Error response from daemon: No such',
        ),
      );
      failed.push(name);
    }
  }
  if (failed.length > 0) throw new CommandFailure(`Error: failed to start containers: ${failed.join(', ')}`);
  return 0;
}

async function startAttached(context: CommandContext, name: string): Promise<number> {
  const { client, config, flags, out, err } = context;
  const { Id: id, Config, HostConfig } = await inspectContainer(client, name);
  const isTerminal = Config.Tty;
  const hasStdin = flags.bool('interactive') && Config.OpenStdin;
  if (isTerminal && hasStdin && !process.stdin.isTTY) throw new CommandFailure('the input device is not a TTY');
  const detachKeys = flags.text('detach-keys') || (config.content.detachKeys ?? '');
  const stopSignals = flags.bool('sig-proxy') && !isTerminal ? forwardSignals(client, () => id) : () => undefined;
  try {
    const hijacked = await attachContainer(client, id, { stdin: hasStdin, stdout: true, stderr: true, detachKeys });
    const { exited } = await beginWait(client, id, HostConfig.AutoRemove ? 'removed' : 'next-exit');
    const session = runStreamSession({ hijacked, isTerminal, hasStdin, detachKeys, out, err });
    session.catch(() => undefined); // awaited below, after start
    await client.status('POST', `${containerPath(id)}/start`).catch((error: unknown) => {
      hijacked.socket.destroy();
      throw error;
    });
    const stopResizing = isTerminal && out.isTerminal ? followWindowSize(client, containerPath(id)) : () => undefined;
    const end = await session.finally(stopResizing);
    return end === 'detached' ? 0 : await exited;
  } finally {
    stopSignals();
  }
}
