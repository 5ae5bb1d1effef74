// tsctl: docker's command line. This file parses the line, runs the command and turns how it ended into words and a code.
import { formatTraceparent, newTraceContext } from '@tscontainer/core/trace-context';
import { findCommand, groups } from './cli/catalog.ts';
import type { Command, CommandContext } from './cli/command.ts';
import { ConfigFile } from './cli/config-file.ts';
import { ArgumentError, CommandFailure, FlagError } from './cli/failures.ts';
import { parseFlags } from './cli/flag-parser.ts';
import { type GlobalOptions, globalFlags, toGlobalOptions } from './cli/global-options.ts';
import { closedPipeExitCode, Output } from './cli/output.ts';
import { EngineClient } from './client/engine-client.ts';
import { currentEndpoint } from './contexts/context-choice.ts';
import { restoreTerminal } from './terminal/raw-mode.ts';
import { clientVersion } from './version.ts';

const flagErrorExitCode = 125;
const failureExitCode = 1;
const logLevels = new Set(['panic', 'fatal', 'error', 'warn', 'warning', 'info', 'debug', 'trace']);

const endOnClosedPipe = () => {
  restoreTerminal();
  process.exit(closedPipeExitCode);
};
const out = new Output(process.stdout, endOnClosedPipe);
const err = new Output(process.stderr, () => undefined);

async function main(words: readonly string[]): Promise<number> {
  const line = parseGlobal(words);
  if (typeof line === 'number') return line;
  const { globals, rest } = line;
  if (rest.length === 0 || rest[0] === 'help') return await printHelp(rest.slice(1));
  const found = findCommand(rest);
  if (found === undefined) return await unknownCommand(rest);
  const command = await found.load();
  return await runCommand(command, found.path, rest.slice(found.used), globals);
}

function parseGlobal(words: readonly string[]): { globals: GlobalOptions; rest: string[] } | number {
  try {
    const { flags, args, wantsHelp } = parseFlags(words, globalFlags, true);
    if (flags.bool('version')) {
      out.line(`tsctl version ${clientVersion}`);
      return 0;
    }
    const level = flags.text('log-level');
    if (!logLevels.has(level)) {
      err.line(`Unable to parse logging level: ${level}`);
      return failureExitCode;
    }
    return { globals: toGlobalOptions(flags), rest: wantsHelp ? ['help', ...args] : args };
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    err.line(`${error.message}\nSee 'tsctl --help'.`);
    return flagErrorExitCode;
  }
}

async function printHelp(words: readonly string[]): Promise<number> {
  const { commandHelp, groupHelp, programHelp } = await import('./cli/help.ts');
  const [first = ''] = words;
  const found = findCommand(words);
  if (first === '') out.write(await programHelp());
  else if (found !== undefined) out.write(commandHelp(await found.load(), found.path));
  else if (groups[first] !== undefined) out.write(await groupHelp(first));
  else return await unknownCommand(words);
  return 0;
}

async function unknownCommand(words: readonly string[]): Promise<number> {
  const [first = '', second = ''] = words;
  if (groups[first] === undefined) {
    err.line(`tsctl: '${first}' is not a tsctl command.\nSee 'tsctl --help'`);
    return failureExitCode;
  }
  const { groupHelp } = await import('./cli/help.ts');
  const isAsked = second === '--help' || second === '-h';
  (isAsked ? out : err).write(await groupHelp(first));
  return isAsked || second === '' ? 0 : failureExitCode;
}

async function runCommand(
  command: Command,
  path: string,
  words: readonly string[],
  globals: GlobalOptions,
): Promise<number> {
  try {
    const { flags, args, wantsHelp } = parseFlags(words, command.flags, command.stopsAtFirstArgument === true);
    if (wantsHelp) return await printHelp(path.split(' '));
    checkArguments(command, args);
    const context = newContext(globals, path, flags, args);
    try {
      return await command.run(context);
    } finally {
      context.close();
    }
  } catch (error) {
    return await report(error, command, path, globals);
  }
}

/** The client is made at first use: version and completion work without a daemon. */
function newContext(
  globals: GlobalOptions,
  path: string,
  flags: CommandContext['flags'],
  args: readonly string[],
): CommandContext & { close(): void } {
  const config = new ConfigFile(globals.configDirectory);
  const trace = newTraceContext();
  if (globals.isTraced) err.line(`trace ${trace.traceId}`);
  let client: EngineClient | undefined;
  const connect = () => {
    const endpoint = currentEndpoint(globals, config);
    return new EngineClient({
      endpoint,
      traceparent: formatTraceparent(trace),
      apiVersion: globals.apiVersion,
      headers: config.content.HttpHeaders ?? {},
    });
  };
  return {
    flags,
    args,
    config,
    globals,
    out,
    err,
    path,
    get client() {
      client ??= connect();
      return client;
    },
    close: () => client?.close(),
  };
}

function checkArguments(command: Command, args: readonly string[]): void {
  const { min, max } = command.args;
  if (args.length >= min && args.length <= max) return;
  const plural = (count: number) => (count === 1 ? 'argument' : 'arguments');
  if (max === 0) throw new ArgumentError('accepts no arguments');
  if (min === max) throw new ArgumentError(`requires exactly ${min} ${plural(min)}`);
  if (min > 0 && Number.isFinite(max))
    throw new ArgumentError(`requires at least ${min} and at most ${max} ${plural(max)}`);
  if (args.length < min) throw new ArgumentError(`requires at least ${min} ${plural(min)}`);
  throw new ArgumentError(`requires at most ${max} ${plural(max)}`);
}

/** Prints how the command failed and returns its exit code. */
async function report(error: unknown, command: Command, path: string, globals: GlobalOptions): Promise<number> {
  restoreTerminal();
  if (error instanceof FlagError) {
    err.line(`${error.message}\nSee 'tsctl ${path} --help'.`);
    return flagErrorExitCode;
  }
  if (error instanceof ArgumentError) {
    const { usageLine } = await import('./cli/help.ts');
    err.line(
      `"tsctl ${path}" ${error.message}.\nSee 'tsctl ${path} --help'.\n\n${usageLine(command, path)}\n\n${command.summary}`,
    );
    return failureExitCode;
  }
  const message = error instanceof Error ? error.message : String(error);
  if (message !== '') err.line(message);
  if (globals.isDebug && error instanceof Error) err.line(error.stack ?? '');
  return error instanceof CommandFailure ? error.exitCode : failureExitCode;
}

process.exitCode = await main(process.argv.slice(2));
await Promise.all([out.flush(), err.flush()]);
restoreTerminal();
process.exit();
