// The daemon's settings: containerd's flags over a TOML file over defaults. Read once by main.ts.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';

export interface ShimConfig {
  /** Shims kept started and listening, so that no container start waits for a process. */
  warmCount: number;
  /** Containers that one shim serves before the next is used. */
  containersPerShim: number;
}

export interface MetricsConfig {
  /** `host:port` of the prometheus endpoint; '' is none. */
  address: string;
  /** How long calls take, too. */
  hasHistogram: boolean;
}

/** The TOML table `registry`: for transfers whose request does not say it itself. */
export interface RegistryConfig {
  /** `config_path`, parts separated by colons: directories of `<host:port>/hosts.toml` or certificates. */
  hostDirectories: string[];
  /** `docker_config`: a docker config.json with credentials or credential helpers; '' is none. */
  dockerConfig: string;
}

export interface DaemonConfig {
  /** Durable state. */
  root: string;
  /** State that ends with the machine's uptime, on a tmpfs. */
  state: string;
  /** Path of the gRPC socket; events of shims arrive at the same path with `.ttrpc`. */
  address: string;
  logLevel: string;
  shim: ShimConfig;
  /** How often the restart labels are looked at. */
  restartIntervalMs: number;
  metrics: MetricsConfig;
  registry: RegistryConfig;
  /** `mount_options` of the overlayfs snapshotter's plugin table. */
  overlayMountOptions: string[];
}

/** What the command line asks for. */
export type CommandLine = { action: 'serve'; config: DaemonConfig } | { action: 'version' } | { action: 'help' };

export const usage = `Usage: tscontainerd [options]
       tscontainerd fsck [--repair] [--quick] [--root DIR]   check, and mend, what is on disk

  -c, --config FILE      configuration file (TOML; default /etc/tscontainerd/config.toml when it exists)
  -l, --log-level LEVEL  trace, debug, info, warn, error, fatal, panic
  -a, --address SOCKET   address of the gRPC socket
      --root DIR         directory of durable state
      --state DIR        directory of state that a reboot may clear
  -v, --version          print the version
  -h, --help             print this text
`;

const defaultFile = '/etc/tscontainerd/config.toml';
const defaultRestartIntervalMs = 10_000;
const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'panic'];

/** Throws invalid-argument for an unknown flag, file or value. */
export async function parseCommandLine(args: string[]): Promise<CommandLine> {
  const { config: file, version, help, ...flags } = parseFlags(args);
  if (help === true) return { action: 'help' };
  if (version === true) return { action: 'version' };
  const fromFile = await readConfigFile(file);
  const config: DaemonConfig = {
    root: flags.root ?? text(fromFile, 'root') ?? '/var/lib/tscontainerd',
    state: flags.state ?? text(fromFile, 'state') ?? '/run/tscontainerd',
    address: (flags.address ?? text(table(fromFile, 'grpc'), 'address') ?? '/run/tscontainerd/containerd.sock').replace(
      /^unix:\/\//,
      '',
    ),
    logLevel: flags['log-level'] ?? text(table(fromFile, 'debug'), 'level') ?? 'info',
    shim: shimConfig(table(fromFile, 'shim')),
    restartIntervalMs: durationMs(pluginOf(fromFile, 'restart'), 'interval', defaultRestartIntervalMs),
    metrics: metricsConfig(table(fromFile, 'metrics')),
    registry: registryConfig(table(fromFile, 'registry')),
    overlayMountOptions: texts(
      table(table(fromFile, 'plugins'), 'io.containerd.snapshotter.v1.overlayfs'),
      'mount_options',
    ),
  };
  checkConfig(config);
  return { action: 'serve', config };
}

function parseFlags(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        config: { type: 'string', short: 'c' },
        'log-level': { type: 'string', short: 'l' },
        address: { type: 'string', short: 'a' },
        root: { type: 'string' },
        state: { type: 'string' },
        version: { type: 'boolean', short: 'v' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new ContainerError('invalid-argument', `parse command line: ${errorMessageOf(error)}`);
  }
}

type Table = Record<string, unknown>;

async function readConfigFile(file: string | undefined): Promise<Table> {
  let source: string;
  try {
    source = readFileSync(file ?? defaultFile, 'utf8');
  } catch (error) {
    if (file === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new ContainerError('invalid-argument', `read configuration ${file ?? defaultFile}: ${errorMessageOf(error)}`);
  }
  try {
    const { parse } = await import('smol-toml'); // only loaded when there is a file
    return parse(source);
  } catch (error) {
    throw new ContainerError(
      'invalid-argument',
      `parse configuration ${file ?? defaultFile}: ${errorMessageOf(error)}`,
    );
  }
}

function table(from: Table, name: string): Table {
  const value = from[name] ?? {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw new ContainerError('invalid-argument', `configuration: ${name} must be a table`);
  return value as Table;
}

function text(from: Table, name: string): string | undefined {
  const value = from[name];
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string')
    throw new ContainerError('invalid-argument', `configuration: ${name} must be a string`);
  return value;
}

function texts(from: Table, name: string): string[] {
  const value = from[name] ?? [];
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string'))
    throw new ContainerError('invalid-argument', `configuration: ${name} must be a list of strings`);
  return value;
}

function whole(from: Table, name: string, fallback: number, least: number): number {
  const value = from[name] ?? fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least) {
    throw new ContainerError('invalid-argument', `configuration: shim.${name} must be a whole number from ${least}`);
  }
  return value;
}

function shimConfig(from: Table): ShimConfig {
  return { warmCount: whole(from, 'warm_count', 1, 0), containersPerShim: whole(from, 'containers_per_shim', 128, 1) };
}

function metricsConfig(from: Table): MetricsConfig {
  const address = text(from, 'address') ?? '';
  if (address !== '' && !/^.*:\d+$/.test(address))
    throw new ContainerError('invalid-argument', `configuration: metrics.address ${address}: want host:port`);
  return { address, hasHistogram: from.grpc_histogram === true };
}

/** `[plugins."io.containerd.internal.v1.NAME"]`, as containerd's own file has it. */
function pluginOf(from: Table, name: string): Table {
  return table(table(from, 'plugins'), `io.containerd.internal.v1.${name}`);
}

const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Go's form: `10s`, `1m30s`. */
function durationMs(from: Table, name: string, fallback: number): number {
  const value = text(from, name);
  if (value === undefined) return fallback;
  const parts = [...value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const total = parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (unitMs[unit] ?? 0), 0);
  if (parts.map(([part]) => part).join('') !== value || total < 1)
    throw new ContainerError('invalid-argument', `configuration: ${name} ${value}: no duration such as 10s`);
  return total;
}

function registryConfig(from: Table): RegistryConfig {
  const directories = text(from, 'config_path') ?? '/etc/docker/certs.d:/etc/containerd/certs.d';
  return {
    hostDirectories: directories.split(':').filter((path) => path !== ''),
    dockerConfig: text(from, 'docker_config') ?? '',
  };
}

function checkConfig(config: DaemonConfig): void {
  if (!levels.includes(config.logLevel))
    throw new ContainerError('invalid-argument', `log level ${config.logLevel}: want one of ${levels.join(', ')}`);
  for (const [name, path] of Object.entries({ root: config.root, state: config.state, address: config.address })) {
    if (!path.startsWith('/'))
      throw new ContainerError('invalid-argument', `${name} ${path}: must be an absolute path`);
  }
  if (config.root === config.state)
    throw new ContainerError('invalid-argument', 'root and state: must be different paths');
}
