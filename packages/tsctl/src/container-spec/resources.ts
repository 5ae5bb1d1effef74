// The resource flags as HostConfig fields: memory, cpu, pids, block devices, ulimits, devices.
import { CommandFailure } from '../cli/failures.ts';
import { type FlagValues, invalidFlag } from '../cli/flags.ts';
import { parseSize } from '../format/sizes.ts';
import { cdiRequest, gpuRequest, isCdiName } from './device-requests.ts';

const nanoPerCpu = 1e9;

export function resourcesOf(flags: FlagValues): Record<string, unknown> {
  return present({
    ...memoryOf(flags),
    ...cpuOf(flags),
    PidsLimit: flags.int('pids-limit'),
    BlkioWeight: flags.int('blkio-weight'),
    BlkioWeightDevice: flags.list('blkio-weight-device').map((entry) => weightDevice(entry)),
    BlkioDeviceReadBps: rates(flags.list('device-read-bps'), true),
    BlkioDeviceWriteBps: rates(flags.list('device-write-bps'), true),
    BlkioDeviceReadIOps: rates(flags.list('device-read-iops'), false),
    BlkioDeviceWriteIOps: rates(flags.list('device-write-iops'), false),
    CgroupParent: flags.text('cgroup-parent') || undefined,
    Devices: flags
      .list('device')
      .filter((entry) => !isCdiName(entry))
      .map((entry) => device(entry)),
    DeviceRequests: orNull([...gpuRequest(flags.text('gpus')), ...cdiRequest(flags.list('device').filter(isCdiName))]),
    DeviceCgroupRules: orNull(flags.list('device-cgroup-rule')),
    Ulimits: orNull(flags.list('ulimit').map((entry) => ulimit(entry))),
  });
}

/** The limits that `update` may change too. */
export function memoryOf(flags: FlagValues): Record<string, unknown> {
  const swappiness = has(flags, 'memory-swappiness') ? flags.int('memory-swappiness') : undefined;
  if (swappiness !== undefined && (swappiness < -1 || swappiness > 100))
    throw new CommandFailure(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`, 125);
  return present({
    Memory: flags.bytes('memory'),
    MemoryReservation: flags.bytes('memory-reservation'),
    MemorySwap: flags.bytes('memory-swap'),
    MemorySwappiness: swappiness === -1 ? undefined : swappiness,
    KernelMemory: flags.bytes('kernel-memory'),
    OomKillDisable: has(flags, 'oom-kill-disable') ? flags.bool('oom-kill-disable') : undefined,
  });
}

export function cpuOf(flags: FlagValues): Record<string, unknown> {
  const cpus = flags.text('cpus');
  return present({
    NanoCpus: cpus === '' ? undefined : Math.round(Number(cpus) * nanoPerCpu),
    CpuShares: flags.int('cpu-shares'),
    CpuPeriod: flags.int('cpu-period'),
    CpuQuota: flags.int('cpu-quota'),
    CpuRealtimePeriod: flags.int('cpu-rt-period'),
    CpuRealtimeRuntime: flags.int('cpu-rt-runtime'),
    CpusetCpus: flags.text('cpuset-cpus') || undefined,
    CpusetMems: flags.text('cpuset-mems') || undefined,
  });
}

/** `nofile=1024:2048`, `nproc=64`. */
export function ulimit(entry: string): { Name: string; Soft: number; Hard: number } {
  const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(entry);
  if (match === null) throw invalidFlag('--ulimit', entry, `invalid ulimit argument: ${entry}`);
  const soft = Number(match[2]);
  const hard = match[3] === undefined ? soft : Number(match[3]);
  if (hard !== -1 && (soft === -1 || soft > hard))
    throw new CommandFailure(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`, 125);
  return { Name: match[1] ?? '', Soft: soft, Hard: hard };
}

/** `/dev/x[:/dev/y[:rwm]]`. */
function device(entry: string): Record<string, string> {
  const [host = '', second, third] = entry.split(':');
  const isMode = (text: string | undefined) => text !== undefined && /^[rwm]+$/.test(text);
  if (second !== undefined && third === undefined && isMode(second))
    return { PathOnHost: host, PathInContainer: host, CgroupPermissions: second };
  if (third !== undefined && !isMode(third)) throw new CommandFailure(`bad mode specified: ${third}`, 125);
  return { PathOnHost: host, PathInContainer: second || host, CgroupPermissions: third ?? 'rwm' };
}

function weightDevice(entry: string): { Path: string; Weight: number } {
  const match = /^(\/dev\/[^:]+):(\d+)$/.exec(entry);
  if (match?.[1] === undefined) throw new CommandFailure(`bad format: ${entry}`, 125);
  return { Path: match[1], Weight: Number(match[2]) };
}

function rateDevice(entry: string, isBytes: boolean): { Path: string; Rate: number } {
  const match = /^(\/dev\/[^:]+):(.+)$/.exec(entry);
  const rate =
    match?.[2] === undefined
      ? undefined
      : isBytes
        ? parseSize(match[2])
        : /^\d+$/.test(match[2])
          ? Number(match[2])
          : undefined;
  if (match?.[1] === undefined || rate === undefined)
    throw new CommandFailure(`invalid rate for device: ${entry}`, 125);
  return { Path: match[1], Rate: rate };
}

function rates(entries: readonly string[], isBytes: boolean): object[] | null {
  return entries.length === 0 ? null : entries.map((entry) => rateDevice(entry, isBytes));
}

function orNull<T>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list;
}

function has(flags: FlagValues, name: string): boolean {
  return flags.has(name);
}

function present(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
