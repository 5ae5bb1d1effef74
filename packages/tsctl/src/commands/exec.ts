// `tsctl exec`: another process in a running container.
import type { Command, CommandContext } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { flag } from '../cli/flags.ts';
import { containerPath, inspectContainer } from '../client/containers.ts';
import { missingObject } from '../client/engine-error.ts';
import { environmentOf } from '../container-spec/environment.ts';
import { endOnSignals } from '../terminal/signals.ts';
import { runStreamSession } from '../terminal/stream-session.ts';
import { followWindowSize } from '../terminal/window-size.ts';

export const execCommand: Command = {
  name: 'exec',
  summary: 'Run a command in a running container',
  usage: 'CONTAINER COMMAND [ARG...]',
  flags: [
    flag('bool', 'detach,d', 'Detached mode: run command in the background'),
    flag('string', 'detach-keys', 'Override the key sequence for detaching a container'),
    flag('env', 'env,e', 'Set environment variables'),
    flag('list', 'env-file', 'Read in a file of environment variables'),
    flag('bool', 'interactive,i', 'Keep STDIN open even if not attached'),
    flag('bool', 'privileged', 'Give extended privileges to the command'),
    flag('bool', 'tty,t', 'Allocate a pseudo-TTY'),
    flag('string', 'user,u', 'Username or UID (format: <name|uid>[:<group|gid>])'),
    flag('string', 'workdir,w', 'Working directory inside the container'),
  ],
  args: { min: 2, max: Number.POSITIVE_INFINITY },
  stopsAtFirstArgument: true,
  completes: 'running',
  async run(context) {
    const { flags, client } = context;
    const [name = ''] = context.args;
    // first, so that a missing container is told before anything else
    await inspectContainer(client, name);
    const isTerminal = flags.bool('tty');
    const isDetached = flags.bool('detach');
    if (isTerminal && flags.bool('interactive') && !isDetached && !process.stdin.isTTY)
      throw new CommandFailure('the input device is not a TTY');
    const id = await createExec(context, name);
    if (!isDetached) return await runAttached(context, id, isTerminal);
    await client.status('POST', `/exec/${id}/start`, { body: { Detach: true, Tty: isTerminal } });
    return 0;
  },
};

async function createExec(context: CommandContext, name: string): Promise<string> {
  const { flags, client, args, config } = context;
  const isAttached = !flags.bool('detach');
  const body = {
    User: flags.text('user'),
    Privileged: flags.bool('privileged'),
    Tty: flags.bool('tty'),
    AttachStdin: isAttached && flags.bool('interactive'),
    AttachStdout: isAttached,
    AttachStderr: isAttached,
    Detach: !isAttached,
    DetachKeys: flags.text('detach-keys') || (config.content.detachKeys ?? ''),
    Env: environmentOf(flags),
    WorkingDir: flags.text('workdir'),
    Cmd: args.slice(1),
  };
  try {
    const { Id } = await client.json<{ Id: string }>('POST', `${containerPath(name)}/exec`, { body });
    if (Id === '') throw new CommandFailure('exec ID empty');
    return Id;
  } catch (error) {
    throw missingObject('container', name, error);
  }
}

async function runAttached(context: CommandContext, id: string, isTerminal: boolean): Promise<number> {
  const { flags, client, config, out, err } = context;
  const hasStdin = flags.bool('interactive');
  const detachKeys = flags.text('detach-keys') || (config.content.detachKeys ?? '');
  const stopSignals = endOnSignals();
  try {
    const hijacked = await client.hijack(`/exec/${id}/start`, { body: { Detach: false, Tty: isTerminal } });
    const stopResizing = isTerminal && out.isTerminal ? followWindowSize(client, `/exec/${id}`) : () => undefined;
    const end = await runStreamSession({ hijacked, isTerminal, hasStdin, detachKeys, out, err }).finally(stopResizing);
    if (end === 'detached') throw new CommandFailure('read escape sequence');
    const { ExitCode } = await client.json<{ ExitCode: number | null }>('GET', `/exec/${id}/json`);
    return ExitCode ?? 0;
  } finally {
    stopSignals();
  }
}
