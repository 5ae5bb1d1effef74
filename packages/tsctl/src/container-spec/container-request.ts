// Builds the body of POST /containers/create from run's and create's flags.

import { CommandFailure } from '../cli/failures.ts';
import { type FlagValues, invalidFlag } from '../cli/flags.ts';
import { environmentOf, keyValues, labelsOf } from './environment.ts';
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
  if (!flags.bool('disable-content-trust'))
    throw new CommandFailure('--disable-content-trust=false: this client does not verify signatures of images', 125);
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
    ...filled('ExposedPorts', exposedPorts(flags.list('publish'), flags.list('expose'))),
    ...optional('StopSignal', flags.text('stop-signal')),
    ...optional('StopTimeout', flags.int('stop-timeout')),
    ...optional('MacAddress', macAddress(flags.text('mac-address'))),
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
    Binds: orNull(mounts.binds),
    ...(mounts.mounts.length === 0 ? {} : { Mounts: mounts.mounts }),
    ...filled('Tmpfs', mounts.tmpfs),
    VolumeDriver: flags.text('volume-driver'),
    VolumesFrom: orNull(flags.list('volumes-from')),
    ContainerIDFile: flags.text('cidfile'),
    LogConfig: { Type: flags.text('log-driver'), Config: keyValues(flags.list('log-opt')) },
    NetworkMode: networkMode,
    PortBindings: portBindings(flags.list('publish')),
    PublishAllPorts: flags.bool('publish-all'),
    RestartPolicy: restartPolicy(flags),
    AutoRemove: flags.bool('rm'),
    CapAdd: orNull(flags.list('cap-add')),
    CapDrop: orNull(flags.list('cap-drop')),
    CgroupnsMode: flags.text('cgroupns'),
    Dns: flags.list('dns'),
    DnsOptions: flags.list('dns-option'),
    DnsSearch: flags.list('dns-search'),
    ExtraHosts: orNull(flags.list('add-host').map((entry) => entry.replace(/^([^:=]+)=/, '$1:'))),
    GroupAdd: orNull(flags.list('group-add')),
    IpcMode: flags.text('ipc'),
    Links: orNull(flags.list('link')),
    OomScoreAdj: flags.int('oom-score-adj') ?? 0,
    PidMode: flags.text('pid'),
    Privileged: flags.bool('privileged'),
    ReadonlyRootfs: flags.bool('read-only'),
    SecurityOpt: orNull(securityOptions(flags.list('security-opt'))),
    UTSMode: flags.text('uts'),
    UsernsMode: flags.text('userns'),
    Isolation: flags.text('isolation'),
    ...filled('Sysctls', keyValues(flags.list('sysctl'))),
    ...filled('Annotations', keyValues(flags.list('annotation'))),
    ...filled('StorageOpt', storageOptions(flags.list('storage-opt'))),
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

function macAddress(text: string): string {
  if (text !== '' && !/^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(text))
    throw new CommandFailure(`${text} is not a valid mac address`, 125);
  return text;
}

function storageOptions(entries: readonly string[]): Record<string, string> {
  if (entries.some((entry) => !entry.includes('='))) throw new CommandFailure('invalid storage option', 125);
  return keyValues(entries);
}

/** What Go leaves nil goes as null. */
function orNull<T>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list;
}

function filled(name: string, value: object): Record<string, unknown> {
  return Object.keys(value).length === 0 ? {} : { [name]: value };
}

function optional(name: string, value: unknown): Record<string, unknown> {
  return value === undefined || value === '' ? {} : { [name]: value };
}
