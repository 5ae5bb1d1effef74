// The daemon's configuration: dockerd's flags over daemon.json over defaults. main.ts is its only reader.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import { decodeObject, type Schema } from './http/json-body.ts';
import {
  networkFileSchema,
  networkOptions,
  networkUsage,
  toCount,
  toNetworkSettings,
} from './networks/network-flags.ts';
import type { NetworkSettings } from './networks/network-settings.ts';
import { type RuntimeDefinition, readRuntimeDefinitions } from './runtimes/runtime-definitions.ts';

export interface EngineConfig {
  hosts: string[];
  dataRoot: string;
  execRoot: string;
  /** Socket of a containerd that somebody else runs; undefined: the engine starts tscontainerd. */
  containerd: string | undefined;
  pidFile: string;
  logLevel: string;
  /** Runtime of a container that names none, e.g. `io.containerd.ts.v2`. */
  defaultRuntime: string;
  /** Further ones, by the names that containers ask for them by. */
  runtimes: ReadonlyMap<string, RuntimeDefinition>;
  snapshotter: string;
  /** Group that owns the socket, by name or id. */
  group: string | undefined;
  /** First host id of the range for user namespaces; undefined: containers run in the host's user namespace. */
  usernsRemap: { hostUid: number; hostGid: number; size: number } | undefined;
  /** Cgroup below which each container gets its own. */
  cgroupParent: string;
  labels: string[];
  shutdownTimeoutSeconds: number;
  isInitDefault: boolean;
  /** At its end everything that it made goes: containers, networks, and its directories. */
  isEphemeral: boolean;
  /** A descriptor that it was started with: when its other end closes, the engine ends as after SIGTERM. */
  lifelineFd: number | undefined;
  /** For containers that name none; `name` is builtin, unconfined, or a file that holds `text`. */
  seccompProfile: { name: string; text: string };
  registryMirrors: string[];
  insecureRegistries: string[];
  /** Where CDI specifications lie; a later one outranks those before it. */
  cdiSpecDirectories: string[];
  network: NetworkSettings;
}

const options = {
  host: { type: 'string', short: 'H', multiple: true },
  'data-root': { type: 'string' },
  'exec-root': { type: 'string' },
  containerd: { type: 'string' },
  pidfile: { type: 'string', short: 'p' },
  debug: { type: 'boolean', short: 'D' },
  'log-level': { type: 'string', short: 'l' },
  'config-file': { type: 'string' },
  'userns-remap': { type: 'string' },
  'default-runtime': { type: 'string' },
  'add-runtime': { type: 'string', multiple: true },
  'storage-driver': { type: 'string', short: 's' },
  group: { type: 'string', short: 'G' },
  'cgroup-parent': { type: 'string' },
  label: { type: 'string', multiple: true },
  'shutdown-timeout': { type: 'string' },
  init: { type: 'boolean' },
  ephemeral: { type: 'boolean' },
  lifeline: { type: 'string' },
  'seccomp-profile': { type: 'string' },
  'registry-mirror': { type: 'string', multiple: true },
  'insecure-registry': { type: 'string', multiple: true },
  'cdi-spec-dir': { type: 'string', multiple: true },
  ...networkOptions,
  version: { type: 'boolean', short: 'v' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** First host id and size of the range that `--userns-remap default` takes. */
export const defaultRemap = { hostUid: 100_000, hostGid: 100_000, size: 65_536 };
const defaultCdiDirectories = ['/etc/cdi', '/var/run/cdi'];
export const defaultCgroupParent = '/tscontainer';
const defaultConfigFile = '/etc/tscontainer/daemon.json';
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

export const engineUsage = `Usage: tsengined [OPTIONS]

A self-sufficient runtime for containers

Options:
  -H, --host LIST             Daemon socket(s) to listen on: unix:///path, tcp://127.0.0.1:port
      --data-root DIR         Root directory of persistent state (default "/var/lib/tscontainer")
      --exec-root DIR         Root directory of execution state (default "/run/tscontainer")
      --containerd SOCK       Socket of a running containerd; without it tscontainerd is started
  -p, --pidfile FILE          Pid file (default "<exec-root>/tsengined.pid")
  -D, --debug                 Log level debug
  -l, --log-level LEVEL       ${logLevels.join(', ')} (default "info")
      --config-file FILE      Configuration file (default "${defaultConfigFile}")
      --userns-remap VALUE    User namespace for containers: default, or FIRSTID[:SIZE]
      --default-runtime NAME  Runtime of containers (default "io.containerd.ts.v2")
      --add-runtime NAME=PATH  A further runtime: an OCI runtime's program
  -s, --storage-driver NAME   Snapshotter (default "overlayfs")
  -G, --group GROUP           Group that owns the unix socket
      --cgroup-parent PATH    Parent cgroup of containers (default "/tscontainer")
      --label LIST            Labels of this daemon
      --shutdown-timeout N    Seconds for an orderly end (default 15)
      --init                  Run an init in each container
      --ephemeral             At its end remove containers, networks and both root directories, which must be new
      --lifeline FD           End when the other end of this descriptor, a pipe or a socket, closes
      --seccomp-profile PATH  Default seccomp profile: a file, builtin or unconfined (default "builtin")
      --registry-mirror LIST  Mirrors of Docker Hub
      --insecure-registry LIST  Registries reached without TLS
      --cdi-spec-dir LIST     Directories of CDI specifications (default "/etc/cdi", "/var/run/cdi")
${networkUsage}  -v, --version               Print the version
  -h, --help                  Print this text
`;

export type EngineCommand = { kind: 'run'; config: EngineConfig } | { kind: 'version' } | { kind: 'help' };

/** Throws invalid-argument for an unknown flag or key, or a value that makes no sense. */
export function parseEngineCommand(args: string[]): EngineCommand {
  let flags: ReturnType<typeof parse>;
  try {
    flags = parse(args);
  } catch (error) {
    throw new ContainerError('invalid-argument', errorMessageOf(error), { cause: error });
  }
  if (flags.help) return { kind: 'help' };
  if (flags.version) return { kind: 'version' };
  return { kind: 'run', config: toConfig(flags, readConfigFile(flags['config-file'])) };
}

function parse(args: string[]) {
  return parseArgs({ args, options, strict: true, allowPositionals: false }).values;
}

type FileValues = Record<string, unknown>;

function readConfigFile(path: string | undefined): FileValues {
  const file = path ?? defaultConfigFile;
  if (path === undefined && !existsSync(file)) return {};
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const known = decodeObject(fileSchema, value, 'configuration');
    const unknown = Object.keys(value as object).filter((key) => !(key in fileSchema));
    if (unknown.length === 0) return known;
    const text = `the following directives don't match any configuration option: ${unknown.join(', ')}`;
    throw new ContainerError('invalid-argument', text);
  } catch (error) {
    throw new ContainerError('invalid-argument', `read configuration ${file}: ${errorMessageOf(error)}`, {
      cause: error,
    });
  }
}

const fileSchema: Schema = {
  hosts: 'strings',
  'data-root': 'string',
  'exec-root': 'string',
  containerd: 'string',
  pidfile: 'string',
  debug: 'bool',
  'log-level': 'string',
  'userns-remap': 'string',
  'default-runtime': 'string',
  runtimes: 'any',
  'storage-driver': 'string',
  group: 'string',
  'cgroup-parent': 'string',
  labels: 'strings',
  'shutdown-timeout': 'int',
  init: 'bool',
  'seccomp-profile': 'string',
  'registry-mirrors': 'strings',
  'insecure-registries': 'strings',
  'cdi-spec-dirs': 'strings',
  ...networkFileSchema,
};

function toConfig(flags: ReturnType<typeof parse>, file: FileValues): EngineConfig {
  const text = (key: string, fallback: string) => String(flags[key as keyof typeof flags] ?? file[key] ?? fallback);
  const list = (flag: string[] | undefined, key: string) => flag ?? (file[key] as string[] | undefined) ?? [];
  const execRoot = text('exec-root', '/run/tscontainer');
  const dataRoot = text('data-root', '/var/lib/tscontainer');
  const isEphemeral = flags.ephemeral ?? false;
  if (isEphemeral && (flags.containerd ?? file['containerd']) !== undefined)
    throw new ContainerError('invalid-argument', '--ephemeral: images would stay in the containerd of --containerd');
  const hosts = list(flags.host, 'hosts');
  const logLevel = (flags.debug ?? file['debug']) ? 'debug' : text('log-level', 'info');
  if (!logLevels.includes(logLevel))
    throw new ContainerError('invalid-argument', `log level ${logLevel}: must be one of ${logLevels.join(', ')}`);
  const containerd = flags.containerd ?? (file['containerd'] as string | undefined);
  const group = flags.group ?? (file['group'] as string | undefined);
  return {
    hosts: hosts.length === 0 ? [`unix://${execRoot}/engine.sock`] : hosts,
    dataRoot,
    execRoot,
    containerd: containerd?.replace(/^unix:\/\//, ''),
    pidFile: text('pidfile', `${execRoot}/tsengined.pid`),
    logLevel,
    defaultRuntime: text('default-runtime', 'io.containerd.ts.v2'),
    runtimes: readRuntimeDefinitions(flags['add-runtime'] ?? [], file['runtimes']),
    snapshotter: text('storage-driver', 'overlayfs'),
    group,
    usernsRemap: toRemap(text('userns-remap', '')),
    cgroupParent: text('cgroup-parent', isEphemeral ? ephemeralCgroup(dataRoot) : defaultCgroupParent),
    labels: list(flags.label, 'labels'),
    shutdownTimeoutSeconds: toCount('--shutdown-timeout', text('shutdown-timeout', '15')),
    isInitDefault: Boolean(flags.init ?? file['init'] ?? false),
    isEphemeral,
    lifelineFd: flags.lifeline === undefined ? undefined : toCount('--lifeline', flags.lifeline),
    seccompProfile: toSeccompProfile(text('seccomp-profile', 'builtin')),
    registryMirrors: list(flags['registry-mirror'], 'registry-mirrors'),
    insecureRegistries: list(flags['insecure-registry'], 'insecure-registries'),
    cdiSpecDirectories:
      flags['cdi-spec-dir'] ?? (file['cdi-spec-dirs'] as string[] | undefined) ?? defaultCdiDirectories,
    network: toNetworkSettings(flags, file),
  };
}

/** One of its own, so that nothing else is in it at the end; the same for the same directory. */
function ephemeralCgroup(dataRoot: string): string {
  return `${defaultCgroupParent}-${createHash('sha256').update(dataRoot).digest('hex').slice(0, 12)}`;
}

function toSeccompProfile(name: string): EngineConfig['seccompProfile'] {
  if (name === 'builtin' || name === 'unconfined') return { name, text: name };
  try {
    return { name, text: readFileSync(name, 'utf8') };
  } catch (error) {
    throw new ContainerError('invalid-argument', `--seccomp-profile: ${errorMessageOf(error)}`, { cause: error });
  }
}

function toRemap(value: string): EngineConfig['usernsRemap'] {
  if (value === '') return undefined;
  if (value === 'default') return defaultRemap;
  const match = /^(\d+)(?::(\d+))?$/.exec(value);
  if (match === null)
    throw new ContainerError('invalid-argument', `--userns-remap ${value}: must be default or FIRSTID[:SIZE]`);
  const first = Number(match[1]);
  return { hostUid: first, hostGid: first, size: Number(match[2] ?? defaultRemap.size) };
}
