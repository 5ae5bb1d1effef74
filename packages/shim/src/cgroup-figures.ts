// A container's cgroup read directly: what the runtime's own figures leave out, and all of them for a runtime without any.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerStats } from '@tscontainer/linux/runtime';

type Words = Record<string, number>;

const cgroupRoot = '/sys/fs/cgroup';
const nsPerUsec = 1000;
/** USER_HZ of every Linux that Node runs on. */
const nsPerTick = 10_000_000;
/** What v1 says for "no limit" is the largest multiple of a page; v2 says the word "max". */
const unlimited = Number.MAX_SAFE_INTEGER;

/** Directory by controller name; '' is the v2 hierarchy. */
export type CgroupPaths = ReadonlyMap<string, string>;

/** Where a process stands. To be read while it lives: the directories outlive it until the container's delete. */
export function cgroupsOf(pid: number): CgroupPaths {
  const paths = new Map<string, string>();
  for (const line of (textOf(`/proc/${pid}/cgroup`) ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    if (controllers === '') paths.set('', join(unifiedRoot(), path));
    else for (const name of controllers.split(',')) paths.set(name, join(cgroupRoot, controllers, path));
  }
  return paths;
}

/** On a hybrid machine the v2 hierarchy stands beside the v1 ones. */
function unifiedRoot(): string {
  const hybrid = join(cgroupRoot, 'unified');
  return existsSync(hybrid) ? hybrid : cgroupRoot;
}

export function readFigures(paths: CgroupPaths): ContainerStats {
  return paths.has('memory') ? readV1(paths) : readV2(paths.get('') ?? '');
}

/** One memory counter of v1. */
export interface MemoryCounter {
  limit: number;
  usage: number;
  max: number;
  failcnt: number;
}

/** Memory figures in the words of containerd's Metrics messages. */
export type MemoryDetails =
  | { version: 1; swap: MemoryCounter; kernel: MemoryCounter; kernelTcp: MemoryCounter; oomControl: Words }
  | { version: 2; swapLimit: number; swapMaxUsage: number; events: Words };

/** undefined when no memory controller is there. */
export function readMemoryDetails(paths: CgroupPaths): MemoryDetails | undefined {
  const memory = paths.get('memory');
  if (memory !== undefined) {
    const { oom_kill_disable = 0, under_oom = 0, oom_kill = 0 } = wordsOf(join(memory, 'memory.oom_control'));
    return {
      version: 1,
      swap: counterOf(join(memory, 'memory.memsw')),
      kernel: counterOf(join(memory, 'memory.kmem')),
      kernelTcp: counterOf(join(memory, 'memory.kmem.tcp')),
      oomControl: { oomKillDisable: oom_kill_disable, underOom: under_oom, oomKill: oom_kill },
    };
  }
  const unified = paths.get('');
  if (unified === undefined || textOf(join(unified, 'memory.current')) === undefined) return undefined;
  const { low = 0, high = 0, max = 0, oom = 0, oom_kill = 0 } = wordsOf(join(unified, 'memory.events'));
  return {
    version: 2,
    swapLimit: limitIn(join(unified, 'memory.swap.max'), unlimited),
    swapMaxUsage: numberIn(join(unified, 'memory.swap.peak')),
    events: { low, high, max, oom, oomKill: oom_kill },
  };
}

function counterOf(prefix: string): MemoryCounter {
  return {
    limit: numberIn(`${prefix}.limit_in_bytes`),
    usage: numberIn(`${prefix}.usage_in_bytes`),
    max: numberIn(`${prefix}.max_usage_in_bytes`),
    failcnt: numberIn(`${prefix}.failcnt`),
  };
}

/** How many processes the kernel has killed in it for memory. */
export function oomKills(paths: CgroupPaths): number {
  const memory = paths.get('memory');
  if (memory !== undefined) return wordsOf(join(memory, 'memory.oom_control')).oom_kill ?? 0;
  return wordsOf(join(paths.get('') ?? '', 'memory.events')).oom_kill ?? 0;
}

function readV1(paths: CgroupPaths): ContainerStats {
  const file = (controller: string, name: string) => join(paths.get(controller) ?? '', name);
  const ticks = wordsOf(file('cpuacct', 'cpuacct.stat'));
  const throttling = wordsOf(file('cpu', 'cpu.stat'));
  return {
    version: 1,
    cpu: {
      usageNs: numberIn(file('cpuacct', 'cpuacct.usage')),
      userNs: (ticks.user ?? 0) * nsPerTick,
      systemNs: (ticks.system ?? 0) * nsPerTick,
      periods: throttling.nr_periods ?? 0,
      throttledPeriods: throttling.nr_throttled ?? 0,
      throttledNs: throttling.throttled_time ?? 0,
      perCpuNs: (textOf(file('cpuacct', 'cpuacct.usage_percpu')) ?? '').trim().split(/\s+/).map(Number),
    },
    memory: {
      usageBytes: numberIn(file('memory', 'memory.usage_in_bytes')),
      maxUsageBytes: numberIn(file('memory', 'memory.max_usage_in_bytes')),
      limitBytes: numberIn(file('memory', 'memory.limit_in_bytes')),
      failcnt: numberIn(file('memory', 'memory.failcnt')),
      swapUsageBytes: numberIn(file('memory', 'memory.memsw.usage_in_bytes')),
      stat: wordsOf(file('memory', 'memory.stat')),
    },
    pids: { current: numberIn(file('pids', 'pids.current')), limit: limitIn(file('pids', 'pids.max'), 0) },
    blkio: mergedBlkio(
      file('blkio', 'blkio.throttle.io_service_bytes_recursive'),
      file('blkio', 'blkio.throttle.io_serviced_recursive'),
    ),
  };
}

function readV2(path: string): ContainerStats {
  const cpu = wordsOf(join(path, 'cpu.stat'));
  return {
    version: 2,
    cpu: {
      usageNs: (cpu.usage_usec ?? 0) * nsPerUsec,
      userNs: (cpu.user_usec ?? 0) * nsPerUsec,
      systemNs: (cpu.system_usec ?? 0) * nsPerUsec,
      periods: cpu.nr_periods ?? 0,
      throttledPeriods: cpu.nr_throttled ?? 0,
      throttledNs: (cpu.throttled_usec ?? 0) * nsPerUsec,
      perCpuNs: [],
    },
    memory: {
      usageBytes: numberIn(join(path, 'memory.current')),
      maxUsageBytes: numberIn(join(path, 'memory.peak')),
      limitBytes: limitIn(join(path, 'memory.max'), unlimited),
      failcnt: wordsOf(join(path, 'memory.events')).max ?? 0,
      swapUsageBytes: numberIn(join(path, 'memory.swap.current')),
      stat: wordsOf(join(path, 'memory.stat')),
    },
    pids: { current: numberIn(join(path, 'pids.current')), limit: limitIn(join(path, 'pids.max'), 0) },
    blkio: v2Devices(join(path, 'io.stat')),
  };
}

/** Lines of `8:0 Read 4096`. */
function mergedBlkio(bytesFile: string, operationsFile: string): ContainerStats['blkio'] {
  const counts = new Map(blkioLines(operationsFile).map(({ key, value }) => [key, value]));
  return blkioLines(bytesFile).map(({ key, op, major, minor, value }) => ({
    op,
    major,
    minor,
    bytes: value,
    operations: counts.get(key) ?? 0,
  }));
}

function blkioLines(file: string) {
  return [...(textOf(file) ?? '').matchAll(/^(\d+):(\d+) (\w+) (\d+)$/gm)].map(([, major, minor, op = '', value]) => ({
    key: `${major}:${minor} ${op}`,
    op,
    major: Number(major),
    minor: Number(minor),
    value: Number(value),
  }));
}

/** Lines of `8:0 rbytes=1 wbytes=2 rios=3 wios=4 ...`. */
function v2Devices(file: string): ContainerStats['blkio'] {
  return (textOf(file) ?? '').split('\n').flatMap((line) => {
    const [, major, minor, rest = ''] = /^(\d+):(\d+) (.*)$/.exec(line) ?? [];
    if (major === undefined) return [];
    const figures: Words = Object.fromEntries(
      rest.split(' ').map((pair) => [pair.split('=')[0], Number(pair.split('=')[1])]),
    );
    const device = { major: Number(major), minor: Number(minor) };
    return [
      { ...device, op: 'Read', bytes: figures.rbytes ?? 0, operations: figures.rios ?? 0 },
      { ...device, op: 'Write', bytes: figures.wbytes ?? 0, operations: figures.wios ?? 0 },
    ];
  });
}

function wordsOf(file: string): Words {
  const lines = (textOf(file) ?? '').trim().split('\n');
  return Object.fromEntries(lines.map((line) => [line.split(' ')[0], Number(line.split(' ')[1] ?? 0)]));
}

function numberIn(file: string): number {
  return Number(textOf(file)?.trim() ?? 0) || 0;
}

/** `none` where there is no limit, which the kernel calls `max`; 0 is one: no swap at all. */
function limitIn(file: string, none: number): number {
  const text = textOf(file)?.trim() ?? 'max';
  return text === 'max' ? none : Number(text);
}

/** undefined for a file that this kernel or controller does not have. */
function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
