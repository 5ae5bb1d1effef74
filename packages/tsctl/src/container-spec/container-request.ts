// Builds the body of POST /containers/create from run's and create's flags.

import { CommandFailure } from '../cli/failures.ts';
import { type FlagValues, invalidFlag } from '../cli/flags.ts';
import { environmentOf, keyValues, labelsOf, pairsOf } from './environment.ts';
import { healthcheckOf } from './healthcheck.ts';
import { mountsOf } from './mounts.ts';
import { networkingOf } from './networking.ts';
import { exposedPorts, portBindings } from './ports.ts';
import { resourcesOf } from './resources.ts';
import { securityOptions } from './security-options.ts';

export interface ContainerRequest {
  AttachStdin: boolean;
  AttachStdout: boolean;
  AttachStderr: boolean;
  Tty: boolean;
  Image: string;
  HostConfig: Record<string, unknown>;
  [field: string]: unknown;
}

/** `isDetached`: nothing is attached. Throws CommandFailure (125) for values that contradict each other or do not parse. */
export function containerRequest(flags: FlagValues, args: readonly string[], isDetached: boolean): ContainerRequest {
  const [image = '', ...command] = args;
  checkModes(flags);
  const attached = attachedStreams(flags, isDetached);
  const mounts = mountsOf(flags);
  const networking = networkingOf(flags);
  return {
    ...optional('Hostname', flags.text('hostname')),
    ...optional('Domainname', flags.text('domainname')),
    ...optional('User', flags.text('user')),
    ...attached,
    Tty: flags.bool('tty'),
    OpenStdin: flags.bool('interactive'),
    StdinOnce: flags.bool('interactive') && attached.AttachStdin,
    Env: environmentOf(flags),
    ...(command.length === 0 ? {} : { Cmd: command }),
    ...(flags.has('entrypoint') ? { Entrypoint: [flags.text('entrypoint')] } : {}),
    Image: image,
    ...optional('WorkingDir', flags.text('workdir')),
    Volumes: mounts.volumes,
    Labels: labelsOf(flags),
    ExposedPorts: exposedPorts(flags.list('publish'), flags.list('expose')),
    ...optional('StopSignal', flags.text('stop-signal')),
    ...optional('StopTimeout', flags.int('stop-timeout')),
    ...optional('MacAddress', flags.text('mac-address')),
    ...optional('Healthcheck', healthcheckOf(flags)),
    HostConfig: hostConfig(flags, mounts, networking.mode),
    NetworkingConfig: { EndpointsConfig: networking.endpoints },
  };
}

function hostConfig(
  flags: FlagValues,
  mounts: ReturnType<typeof mountsOf>,
  networkMode: string,
): Record<string, unknown> {
  return {
    Binds: mounts.binds,
    Mounts: mounts.mounts,
    Tmpfs: mounts.tmpfs,
    VolumeDriver: flags.text('volume-driver'),
    VolumesFrom: flags.list('volumes-from'),
    ContainerIDFile: flags.text('cidfile'),
    LogConfig: { Type: flags.text('log-driver'), Config: pairsOf(flags.list('log-opt'), 'log-opt') },
    NetworkMode: networkMode,
    PortBindings: portBindings(flags.list('publish')),
    PublishAllPorts: flags.bool('publish-all'),
    RestartPolicy: restartPolicy(flags),
    AutoRemove: flags.bool('rm'),
    CapAdd: flags.list('cap-add'),
    CapDrop: flags.list('cap-drop'),
    CgroupnsMode: flags.text('cgroupns'),
    Dns: flags.list('dns'),
    DnsOptions: flags.list('dns-option'),
    DnsSearch: flags.list('dns-search'),
    ExtraHosts: flags.list('add-host').map((entry) => entry.replace(/^([^:=]+)=/, '$1:')),
    GroupAdd: flags.list('group-add'),
    IpcMode: flags.text('ipc'),
    Links: flags.list('link'),
    OomScoreAdj: flags.int('oom-score-adj') ?? 0,
    PidMode: flags.text('pid'),
    Privileged: flags.bool('privileged'),
    ReadonlyRootfs: flags.bool('read-only'),
    SecurityOpt: securityOptions(flags.list('security-opt')),
    UTSMode: flags.text('uts'),
    UsernsMode: flags.text('userns'),
    Isolation: flags.text('isolation'),
    Sysctls: keyValues(flags.list('sysctl')),
    Annotations: keyValues(flags.list('annotation')),
    StorageOpt: pairsOf(flags.list('storage-opt'), 'storage-opt'),
    ...optional('Runtime', flags.text('runtime')),
    ...optional('ShmSize', flags.bytes('shm-size')),
    ...(flags.has('init') ? { Init: flags.bool('init') } : {}),
    ...resourcesOf(flags),
  };
}

function attachedStreams(
  flags: FlagValues,
  isDetached: boolean,
): Pick<ContainerRequest, 'AttachStdin' | 'AttachStdout' | 'AttachStderr'> {
  const named = flags.list('attach').map((name) => name.toLowerCase());
  const wrong = flags.list('attach').find((name) => !['stdin', 'stdout', 'stderr'].includes(name.toLowerCase()));
  if (wrong !== undefined) throw invalidFlag('-a, --attach', wrong, 'valid streams are STDIN, STDOUT and STDERR');
  const isDefault = named.length === 0 && !isDetached;
  return {
    AttachStdin: named.includes('stdin') || (isDefault && flags.bool('interactive')),
    AttachStdout: named.includes('stdout') || isDefault,
    AttachStderr: named.includes('stderr') || isDefault,
  };
}

function restartPolicy(flags: FlagValues): { Name: string; MaximumRetryCount: number } {
  const [name = '', count = '0', ...more] = flags.text('restart').split(':');
  if (more.length > 0 || !/^\d+$/.test(count)) throw new CommandFailure('invalid restart policy format', 125);
  if (flags.bool('rm') && name !== 'no' && name !== '')
    throw new CommandFailure('Conflicting options: --restart and --rm', 125);
  return { Name: name, MaximumRetryCount: Number(count) };
}

/** What docker's client refuses itself. */
function checkModes(flags: FlagValues): void {
  const rules: [string, RegExp, string][] = [
    ['pid', /^(|host|container:.+)$/, 'PID'],
    ['uts', /^(|host)$/, 'UTS'],
    ['userns', /^(|host|private|auto(:.*)?)$/, 'USER'],
    ['cgroupns', /^(|host|private)$/, 'CGROUP'],
  ];
  for (const [name, pattern, word] of rules) {
    if (!pattern.test(flags.text(name))) throw new CommandFailure(`--${name}: invalid ${word} mode`, 125);
  }
}

function optional(name: string, value: unknown): Record<string, unknown> {
  return value === undefined || value === '' ? {} : { [name]: value };
}
