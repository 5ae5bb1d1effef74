// `tsctl run`: create, attach, wait, start, in docker's order, so that nothing a container writes or returns is missed.
import type { Command, CommandContext } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { flag } from '../cli/flags.ts';
import { attachContainer, beginWait, containerPath } from '../client/containers.ts';
import { EngineError } from '../client/engine-error.ts';
import { containerFlags } from '../container-spec/container-flags.ts';
import { type ContainerRequest, containerRequest } from '../container-spec/container-request.ts';
import { parseDetachKeys } from '../terminal/detach-keys.ts';
import { forwardSignals } from '../terminal/signals.ts';
import { runStreamSession } from '../terminal/stream-session.ts';
import { followWindowSize } from '../terminal/window-size.ts';
import { createContainer, describedFailure, withUsageHint } from './create-container.ts';

const daemonExitCode = 125;
const notExecutableExitCode = 126;
const notFoundExitCode = 127;

export const runCommand: Command = {
  name: 'run',
  summary: 'Run a command in a new container',
  usage: 'IMAGE [COMMAND] [ARG...]',
  flags: [
    ...containerFlags,
    flag('bool', 'detach,d', 'Run container in background and print container ID'),
    flag('string', 'detach-keys', 'Override the key sequence for detaching a container'),
    flag('bool', 'sig-proxy', 'Proxy received signals to the process', 'true'),
  ],
  args: { min: 1, max: Number.POSITIVE_INFINITY },
  stopsAtFirstArgument: true,
  completes: 'image',
  run: runContainer,
};

async function runContainer(context: CommandContext): Promise<number> {
  const { flags } = context;
  const isDetached = flags.bool('detach');
  if (isDetached && flags.has('attach')) throw new CommandFailure('Conflicting options: -a and -d');
  const request = withUsageHint(context, () => checkedRequest(context, isDetached));
  checkTerminal(request);
  let id: string;
  try {
    id = await createContainer(context, request);
  } catch (error) {
    throw describedFailure(context, error, startExitCode(error), true);
  }
  if (isDetached && !request.AttachStdin && !request.AttachStdout && !request.AttachStderr)
    return await startDetached(context, id);
  return await startAttached(context, id, request);
}

function checkedRequest(context: CommandContext, isDetached: boolean): ContainerRequest {
  const { flags } = context;
  const keys = flags.text('detach-keys');
  if (keys !== '') parseDetachKeys(keys);
  return containerRequest(flags, context.args, isDetached);
}

/** A container with a terminal needs one of us, if we are to type into it. */
function checkTerminal(request: ContainerRequest): void {
  if (request.Tty && request.AttachStdin && !process.stdin.isTTY)
    throw new CommandFailure('the input device is not a TTY', 1);
}

async function startDetached(context: CommandContext, id: string): Promise<number> {
  // also when the start fails: the container is there
  context.out.line(id);
  await start(context, id);
  return 0;
}

async function startAttached(context: CommandContext, id: string, request: ContainerRequest): Promise<number> {
  const { client, config, flags, out, err } = context;
  const stopSignals = flags.bool('sig-proxy') ? forwardSignals(client, () => id) : () => undefined;
  const detachKeys = flags.text('detach-keys') || (config.content.detachKeys ?? '');
  try {
    const streams = {
      stdin: request.AttachStdin,
      stdout: request.AttachStdout,
      stderr: request.AttachStderr,
      detachKeys,
    };
    const hijacked = await attachContainer(client, id, streams);
    const waiting = await beginWait(client, id, flags.bool('rm') ? 'removed' : 'next-exit');
    const session = runStreamSession({
      hijacked,
      isTerminal: request.Tty,
      hasStdin: request.AttachStdin,
      detachKeys,
      out,
      err,
    });
    session.catch(() => undefined); // awaited below, after start
    try {
      await start(context, id);
    } catch (error) {
      hijacked.socket.destroy();
      // --rm: the daemon removes what did not start; it is gone when we return
      if (flags.bool('rm')) await waiting.exited;
      throw error;
    }
    if (flags.bool('detach')) out.line(id);
    const stopResizing = request.Tty && out.isTerminal ? followWindowSize(client, containerPath(id)) : () => undefined;
    const end = await session.finally(stopResizing);
    return end === 'detached' ? 0 : await waiting.exited;
  } finally {
    stopSignals();
  }
}

async function start(context: CommandContext, id: string): Promise<void> {
  try {
    await context.client.status('POST', `${containerPath(id)}/start`);
  } catch (error) {
    throw describedFailure(context, error, startExitCode(error), false);
  }
}

/** Docker's rule: what the daemon's words say about the program. */
function startExitCode(error: unknown): number {
  const text = error instanceof EngineError ? error.detail : '';
  if (/executable file not found|no such file or directory|system cannot find the file/.test(text))
    return notFoundExitCode;
  if (/permission denied|not executable|is a directory/i.test(text)) return notExecutableExitCode;
  return daemonExitCode;
}
