// `tsctl unshare`: a program in namespaces of its own, with util-linux's flags; made by our addon, without a daemon.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { UnshareOptions } from '@tscontainer/linux/unshare';
import { anyNumber, type Command } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { type FlagValues, flag } from '../cli/flags.ts';

type Namespace = UnshareOptions['namespaces'][number];

const namespaceFlags: readonly [Namespace, string, string][] = [
  ['mount', 'mount,m', 'Unshare the mount namespace'],
  ['uts', 'uts,u', 'Unshare the UTS namespace (hostname)'],
  ['ipc', 'ipc,i', 'Unshare the IPC namespace'],
  ['network', 'net,n', 'Unshare the network namespace'],
  ['pid', 'pid,p', 'Unshare the pid namespace'],
  ['user', 'user,U', 'Unshare the user namespace'],
  ['cgroup', 'cgroup,C', 'Unshare the cgroup namespace'],
  ['time', 'time,T', 'Unshare the time namespace'],
];

export const unshareCommand: Command = {
  name: 'unshare',
  summary: 'Run a program in namespaces of its own',
  usage: '[PROGRAM [ARG...]]',
  flags: [
    ...namespaceFlags.map(([, names, summary]) => flag('bool', names, summary)),
    flag('bool', 'fork,f', 'Fork before running the program: with --pid it is then pid 1'),
    flag('bool', 'mount-proc', 'Mount a fresh /proc (implies --mount)'),
    flag('bool', 'map-root-user,r', 'Map the current user to root (implies --user)'),
  ],
  args: anyNumber,
  stopsAtFirstArgument: true,
  async run(context) {
    const { execUnshare } = await import('@tscontainer/linux/unshare');
    const argv = context.args.length > 0 ? [...context.args] : [process.env['SHELL'] || '/bin/sh'];
    const mapRootUser = context.flags.bool('map-root-user');
    const mountProc = context.flags.bool('mount-proc');
    const namespaces = namespacesOf(context.flags, mountProc, mapRootUser);
    const options: UnshareOptions = { namespaces, fork: context.flags.bool('fork'), mountProc, mapRootUser, argv };
    await Promise.all([context.out.flush(), context.err.flush()]);
    return execUnshare(options, runtimePath());
  },
};

function namespacesOf(flags: FlagValues, mountProc: boolean, mapRootUser: boolean): Namespace[] {
  const implied = new Set<Namespace>([
    ...(mountProc ? ['mount' as const] : []),
    ...(mapRootUser ? ['user' as const] : []),
  ]);
  return namespaceFlags
    .filter(([kind, names]) => implied.has(kind) || flags.bool(names.split(',')[0] ?? ''))
    .map(([kind]) => kind);
}

/** tsrunc stands beside tsctl in dist/bin, whether this is the bundle (dist/lib) or the source. */
function runtimePath(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const candidates = [
    process.env['TSCONTAINER_TSRUNC'] ?? '',
    join(here, '../bin/tsrunc'),
    join(here, '../../../../dist/bin/tsrunc'),
  ];
  const found = candidates.find((path) => path !== '' && existsSync(path));
  if (found === undefined)
    throw new CommandFailure(
      `unshare: find tsrunc: none of ${candidates.filter((path) => path !== '').join(', ')} exists`,
    );
  return found;
}
