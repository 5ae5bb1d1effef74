// The shim's command line in the form containerd gives it: single-dash flags, then at most one command.
import { ContainerError } from '@tscontainer/core/errors';

export type ShimCommand = 'start' | 'delete' | 'serve' | 'info' | 'version';

export interface ShimArguments {
  command: ShimCommand;
  namespace: string;
  /** The daemon's gRPC address; its events are taken at `<address>.ttrpc` unless TTRPC_ADDRESS says otherwise. */
  address: string;
  publishBinary: string;
  id: string;
  /** The bundle; the working directory when absent, as containerd runs `start` there. */
  bundle: string;
  logLevel: string;
  /** Where the listening socket is made; ours, containerd does not give it. */
  socketDirectory: string;
  /** The path of the inherited listening socket, removed at the end; set by our own start command. */
  socket: string;
  /** The serving process writes its log to the starter's stderr; ours. */
  logsToStderr: boolean;
  /** Where the serving process says that it serves; -1 when nobody waits for that. */
  readyFd: number;
  /** Milliseconds without container and connection after which a shim ends. */
  idleMs: number;
}

const switches = new Set(['debug', 'info', 'v', 'log-stderr']);
const valued = new Set([
  'namespace',
  'address',
  'publish-binary',
  'id',
  'bundle',
  'log-level',
  'socket-dir',
  'socket',
  'idle-ms',
  'ready-fd',
]);
const defaultIdleMs = 30_000;

export function parseArguments(args: string[], workingDirectory: string): ShimArguments {
  const flags = new Map<string, string>();
  const words: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const match = /^--?([a-z-]+)(?:=(.*))?$/s.exec(args[index] ?? '');
    if (match === null) words.push(args[index] ?? '');
    else if (switches.has(match[1] ?? '')) flags.set(match[1] ?? '', match[2] ?? 'true');
    else if (valued.has(match[1] ?? '')) flags.set(match[1] ?? '', match[2] ?? args[++index] ?? '');
    else throw new ContainerError('invalid-argument', `parse arguments: unknown flag ${args[index]}`);
  }
  const text = (name: string, otherwise = '') => flags.get(name) ?? otherwise;
  return {
    command: commandOf(flags, words),
    namespace: text('namespace'),
    address: text('address'),
    publishBinary: text('publish-binary'),
    id: text('id'),
    bundle: text('bundle', workingDirectory),
    logLevel: text('log-level', text('debug') === 'true' ? 'debug' : 'info'),
    socketDirectory: text('socket-dir', '/run/containerd/s'),
    socket: text('socket'),
    logsToStderr: text('log-stderr') === 'true',
    readyFd: Number(text('ready-fd', '-1')),
    idleMs: Number(text('idle-ms', String(defaultIdleMs))),
  };
}

function commandOf(flags: Map<string, string>, words: string[]): ShimCommand {
  if (flags.get('v') === 'true') return 'version';
  if (flags.get('info') === 'true') return 'info';
  const [word, ...rest] = words;
  if (word === undefined) return 'serve';
  if ((word === 'start' || word === 'delete') && rest.length === 0) return word;
  throw new ContainerError('invalid-argument', `parse arguments: no command "${words.join(' ')}"`);
}
