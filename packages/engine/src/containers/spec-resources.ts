// Limits, devices and rlimits of a container's specification, from HostConfig.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import type { DeviceRule, LinuxResources, LinuxSpec, Process } from '@tscontainer/core/oci-runtime';
import { isQualifiedName } from '../devices/cdi-registry.ts';
import { deviceNumbers } from '../devices/device-numbers.ts';
import { type BlockFields, blockLimitsOf } from './block-limits.ts';
import type { DeviceRequestPath, HostConfig } from './container-config.ts';

type SpecDevice = NonNullable<LinuxSpec['devices']>[number];

const cpuPeriodUs = 100_000;

/** Docker's rule: nothing but the devices that every program expects. */
const defaultDeviceRules: DeviceRule[] = [
  { allow: false, access: 'rwm' },
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  ...[
    [1, 3],
    [1, 5],
    [1, 7],
    [1, 8],
    [1, 9],
    [5, 0],
    [5, 1],
    [5, 2],
    [10, 200], // /dev/net/tun: the container still has to make the node
  ].map(
    ([major, minor]): DeviceRule => ({
      allow: true,
      type: 'c',
      major: major as number,
      minor: minor as number,
      access: 'rwm',
    }),
  ),
  { allow: true, type: 'c', major: 136, access: 'rwm' },
];

export function memorySwapOf(hostConfig: Pick<HostConfig, 'Memory' | 'MemorySwap'>): number {
  // docker's default: as much swap as memory
  return hostConfig.MemorySwap === 0 && hostConfig.Memory > 0 ? hostConfig.Memory * 2 : hostConfig.MemorySwap;
}

type Limits = Pick<
  HostConfig,
  | 'Memory'
  | 'MemorySwap'
  | 'MemoryReservation'
  | 'MemorySwappiness'
  | 'OomKillDisable'
  | 'NanoCpus'
  | 'CpuShares'
  | 'CpuQuota'
  | 'CpuPeriod'
  | 'CpusetCpus'
  | 'CpusetMems'
  | 'PidsLimit'
  | 'CpuRealtimePeriod'
  | 'CpuRealtimeRuntime'
> &
  BlockFields;

/** Everything but devices; a zero means no limit and is left out. */
export function limitsOf(host: Limits): LinuxResources {
  const swap = memorySwapOf(host);
  const memory: NonNullable<LinuxResources['memory']> = {
    ...(host.Memory > 0 ? { limit: host.Memory } : {}),
    ...(swap !== 0 ? { swap } : {}),
    ...(host.MemoryReservation > 0 ? { reservation: host.MemoryReservation } : {}),
    ...(host.MemorySwappiness !== null && host.MemorySwappiness >= 0 ? { swappiness: host.MemorySwappiness } : {}),
    ...(host.OomKillDisable ? { disableOOMKiller: true } : {}),
  };
  const quota = host.NanoCpus > 0 ? Math.round((host.NanoCpus * cpuPeriodUs) / 1e9) : host.CpuQuota;
  const period = host.NanoCpus > 0 ? cpuPeriodUs : host.CpuPeriod;
  const cpu: NonNullable<LinuxResources['cpu']> = {
    ...(host.CpuShares > 0 ? { shares: host.CpuShares } : {}),
    ...(quota !== 0 ? { quota } : {}),
    ...(period > 0 ? { period } : {}),
    ...(host.CpuRealtimePeriod > 0 ? { realtimePeriod: host.CpuRealtimePeriod } : {}),
    ...(host.CpuRealtimeRuntime !== 0 ? { realtimeRuntime: host.CpuRealtimeRuntime } : {}),
    ...(host.CpusetCpus !== '' ? { cpus: host.CpusetCpus } : {}),
    ...(host.CpusetMems !== '' ? { mems: host.CpusetMems } : {}),
  };
  return {
    ...(Object.keys(memory).length > 0 ? { memory } : {}),
    ...(Object.keys(cpu).length > 0 ? { cpu } : {}),
    ...(host.PidsLimit !== null && host.PidsLimit > 0 ? { pids: { limit: host.PidsLimit } } : {}),
    ...blockLimitsOf(host),
  };
}

function deviceAt(hostPath: string, containerPath: string): SpecDevice {
  const stat = statSync(hostPath);
  if (!stat.isCharacterDevice() && !stat.isBlockDevice())
    throw new ContainerError('invalid-argument', `device ${hostPath}: not a device node`);
  return {
    path: containerPath,
    type: stat.isBlockDevice() ? 'b' : 'c',
    ...deviceNumbers(stat.rdev),
    fileMode: stat.mode & 0o777,
    uid: stat.uid,
    gid: stat.gid,
  };
}

/** Directories of /dev whose nodes belong to mounts of their own. */
const skippedDirectories = new Set(['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev']);
const ownNodes = new Set(['console', 'ptmx', 'null', 'zero', 'full', 'random', 'urandom', 'tty']);

function hostDevices(directory: string, depth = 0): SpecDevice[] {
  const maxDepth = 4;
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry): SpecDevice[] => {
    const path = join(directory, entry.name);
    if (entry.isDirectory())
      return skippedDirectories.has(entry.name) || depth >= maxDepth ? [] : hostDevices(path, depth + 1);
    if (!entry.isCharacterDevice() && !entry.isBlockDevice()) return [];
    return depth === 0 && ownNodes.has(entry.name) ? [] : [deviceAt(path, path)];
  });
}

function requestedDevice(request: DeviceRequestPath): { device: SpecDevice; access: string } {
  const access = request.CgroupPermissions || 'rwm';
  if (!request.PathOnHost) throw new ContainerError('invalid-argument', 'device: PathOnHost must not be empty');
  if (!/^[rwm]{1,3}$/.test(access)) throw new ContainerError('invalid-argument', `invalid device mode: ${access}`);
  try {
    return { device: deviceAt(request.PathOnHost, request.PathInContainer || request.PathOnHost), access };
  } catch (error) {
    if (error instanceof ContainerError) throw error;
    throw new ContainerError(
      'invalid-argument',
      `error gathering device information while adding custom device "${request.PathOnHost}": ${errnoText(error)}`,
      { cause: error },
    );
  }
}

/** `no such file or directory`, as the C library has it. */
function errnoText(error: unknown): string {
  return /^E[A-Z0-9]+: ([^,]+)/.exec(errorMessageOf(error))?.[1] ?? errorMessageOf(error);
}

function cgroupRule(text: string): DeviceRule {
  const match = /^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/.exec(text);
  if (match === null) throw new ContainerError('invalid-argument', `invalid device cgroup rule format: '${text}'`);
  const [, type, major, minor, access] = match as unknown as [
    string,
    DeviceRule['type'] & string,
    string,
    string,
    string,
  ];
  return {
    allow: true,
    type,
    ...(major === '*' ? {} : { major: Number(major) }),
    ...(minor === '*' ? {} : { minor: Number(minor) }),
    access,
  };
}

/** Device nodes to make and the rules that allow them. */
export function devicesOf(host: HostConfig, hasUserNamespace: boolean): { devices: SpecDevice[]; rules: DeviceRule[] } {
  if (host.Privileged)
    return { devices: hasUserNamespace ? [] : hostDevices('/dev'), rules: [{ allow: true, access: 'rwm' }] };
  const requested = (host.Devices ?? [])
    .filter(({ PathOnHost = '' }) => !isQualifiedName(PathOnHost))
    .map(requestedDevice);
  return {
    devices: requested.map(({ device }) => device),
    rules: [
      ...defaultDeviceRules,
      ...requested.map(
        ({ device, access }): DeviceRule => ({
          allow: true,
          type: device.type as 'b' | 'c',
          major: device.major,
          minor: device.minor,
          access,
        }),
      ),
      ...(host.DeviceCgroupRules ?? []).map(cgroupRule),
    ],
  };
}

const rlimitNames = [
  'as',
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
];

export function rlimitsOf(host: HostConfig): NonNullable<Process['rlimits']> {
  return (host.Ulimits ?? []).map(({ Name, Soft, Hard }) => {
    if (!rlimitNames.includes(Name)) throw new ContainerError('invalid-argument', `invalid ulimit type: ${Name}`);
    const [soft = 0, hard = soft] = [Soft, Hard];
    if (hard >= 0 && soft > hard)
      throw new ContainerError(
        'invalid-argument',
        `ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`,
      );
    return { type: `RLIMIT_${Name.toUpperCase()}`, soft, hard };
  });
}
