// containerd-shim-ts-v2: the command's entry; parses its arguments and runs one of its commands.
import { errorMessageOf } from '@tscontainer/core/errors';
import { wireMessage } from '@tscontainer/platform/wire-codec';
import { parseArguments, type ShimArguments } from './arguments.ts';
import { deleteLeftovers } from './delete-command.ts';
import { serve, tellStarter } from './serve-command.ts';
import { ShimLog } from './shim-log.ts';
import { startShim } from './start-command.ts';
import { shimVersion } from './version.ts';

const runtimeName = 'io.containerd.ts.v2';

async function main(): Promise<void> {
  const args = parseArguments(process.argv.slice(2), process.cwd());
  if (args.command === 'serve') return serveOrTell(args);
  process.stdout.write(await outputOf(args), () => process.exit(0));
}

async function serveOrTell(args: ShimArguments): Promise<void> {
  try {
    await serve(args, new ShimLog(args.logLevel));
  } catch (error) {
    tellStarter(args.readyFd, errorMessageOf(error));
    throw error;
  }
}

async function outputOf(args: ShimArguments): Promise<string | Buffer> {
  if (args.command === 'start') return startShim(args);
  if (args.command === 'delete') return deleteLeftovers(args, new ShimLog(args.logLevel));
  if (args.command === 'info') return runtimeInfo();
  return `containerd-shim-ts-v2:\n  Version:  ${shimVersion}\n`;
}

/** containerd.types.RuntimeInfo, as daemons since 2.0 read it. */
function runtimeInfo(): Buffer {
  return wireMessage<object>('containerd.types.RuntimeInfo').encode({
    name: runtimeName,
    version: { version: shimVersion },
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`containerd-shim-ts-v2: ${errorMessageOf(error)}\n`);
  process.exit(1);
});
