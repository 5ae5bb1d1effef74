// The runtime's cgroup figures as containerd's Metrics message of the cgroup version in use.
import type { ContainerStats } from '@tscontainer/linux/runtime';
import { wireMessage } from '@tscontainer/platform/wire-codec';
import type { MemoryDetails } from './cgroup-figures.ts';

const v1 = wireMessage<object>('io.containerd.cgroups.v1.Metrics');
const v2 = wireMessage<object>('io.containerd.cgroups.v2.Metrics');

const nsPerUsec = 1000;

export function toMetrics(
  stats: ContainerStats,
  details: MemoryDetails | undefined,
): { typeUrl: string; value: Buffer } {
  const codec = stats.version === 1 ? v1 : v2;
  const message = stats.version === 1 ? toV1(stats, details) : toV2(stats, details);
  return { typeUrl: codec.typeName, value: codec.encode(message) };
}

/** `inactive_file` -> `inactiveFile`: the message's fields are named after memory.stat's words. */
function camelCased(stat: Record<string, number>): Record<string, number> {
  const entries = Object.entries(stat).map(([key, value]) => [
    key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  return Object.fromEntries(entries);
}

/** memory.stat of v1 runs some words together that the message parts. */
const v1Spelling: Record<string, string> = {
  pgpgin: 'pgPgIn',
  pgpgout: 'pgPgOut',
  pgfault: 'pgFault',
  pgmajfault: 'pgMajFault',
  total_pgpgin: 'totalPgPgIn',
  total_pgpgout: 'totalPgPgOut',
  total_pgfault: 'totalPgFault',
  total_pgmajfault: 'totalPgMajFault',
  hierarchical_memsw_limit: 'hierarchicalSwapLimit',
};

function toV1({ cpu, memory, pids, blkio }: ContainerStats, details: MemoryDetails | undefined): object {
  const stat: Record<string, number> = camelCased(memory.stat);
  for (const [word, field] of Object.entries(v1Spelling)) stat[field] = memory.stat[word] ?? 0;
  const usage = {
    limit: memory.limitBytes,
    usage: memory.usageBytes,
    max: memory.maxUsageBytes,
    failcnt: memory.failcnt,
  };
  const { oomControl, ...more } = details?.version === 1 ? withoutVersion(details) : { oomControl: undefined };
  const entries = (pick: 'bytes' | 'operations') =>
    blkio.map(({ op, major, minor, ...counts }) => ({ op, major, minor, value: counts[pick] }));
  return {
    pids,
    cpu: {
      usage: { total: cpu.usageNs, kernel: cpu.systemNs, user: cpu.userNs, perCpu: cpu.perCpuNs },
      throttling: { periods: cpu.periods, throttledPeriods: cpu.throttledPeriods, throttledTime: cpu.throttledNs },
    },
    memory: { ...stat, usage, swap: { usage: memory.swapUsageBytes }, ...more },
    ...(oomControl === undefined ? {} : { memoryOomControl: oomControl }),
    blkio: { ioServiceBytesRecursive: entries('bytes'), ioServicedRecursive: entries('operations') },
  };
}

function withoutVersion({ version: _, ...rest }: MemoryDetails & { version: 1 }) {
  return rest;
}

function toV2({ cpu, memory, pids, blkio }: ContainerStats, details: MemoryDetails | undefined): object {
  const micros = (ns: number) => Math.floor(ns / nsPerUsec);
  return {
    pids,
    cpu: {
      usageUsec: micros(cpu.usageNs),
      userUsec: micros(cpu.userNs),
      systemUsec: micros(cpu.systemNs),
      nrPeriods: cpu.periods,
      nrThrottled: cpu.throttledPeriods,
      throttledUsec: micros(cpu.throttledNs),
    },
    memory: {
      ...camelCased(memory.stat),
      usage: memory.usageBytes,
      usageLimit: memory.limitBytes,
      maxUsage: memory.maxUsageBytes,
      swapUsage: memory.swapUsageBytes,
      ...(details?.version === 2 ? { swapLimit: details.swapLimit, swapMaxUsage: details.swapMaxUsage } : {}),
    },
    ...(details?.version === 2 ? { memoryEvents: details.events } : {}),
    io: { usage: toV2Devices(blkio) },
  };
}

/** The v2 message has one entry per device, with reads and writes side by side. */
function toV2Devices(blkio: ContainerStats['blkio']): object[] {
  const devices = new Map<
    string,
    { major: number; minor: number; rbytes: number; wbytes: number; rios: number; wios: number }
  >();
  for (const { op, major, minor, bytes, operations } of blkio) {
    const device = devices.get(`${major}:${minor}`) ?? { major, minor, rbytes: 0, wbytes: 0, rios: 0, wios: 0 };
    devices.set(`${major}:${minor}`, device);
    const direction = op.toLowerCase();
    if (direction === 'read') {
      device.rbytes += bytes;
      device.rios += operations;
    } else if (direction === 'write') {
      device.wbytes += bytes;
      device.wios += operations;
    }
  }
  return [...devices.values()];
}
