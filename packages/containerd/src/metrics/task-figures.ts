// The cgroup figures of every running task as prometheus families, under containerd's names; asked for at each scrape.
import { errorMessageOf, isNotFound } from '@tscontainer/core/errors';
import type { Logger } from '@tscontainer/platform/logger';
import { wireMessage } from '@tscontainer/platform/wire-codec';
import type { TaskManager } from '../tasks/task-manager.ts';
import type { Family, SampleLabels } from './exposition.ts';

type Plain = { [name: string]: unknown };

const v1 = wireMessage<Plain>('io.containerd.cgroups.v1.Metrics');
const v2 = wireMessage<Plain>('io.containerd.cgroups.v2.Metrics');
const statsTimeoutMs = 5000;

/** Names, units and types by the path of a field; the memory fields follow a rule of their own. */
const namesOfV1: [path: string, name: string][] = [
  ['cpu.usage.total', 'container_cpu_total_nanoseconds'],
  ['cpu.usage.kernel', 'container_cpu_kernel_nanoseconds'],
  ['cpu.usage.user', 'container_cpu_user_nanoseconds'],
  ['cpu.throttling.periods', 'container_cpu_throttle_periods_total'],
  ['cpu.throttling.throttledPeriods', 'container_cpu_throttled_periods_total'],
  ['cpu.throttling.throttledTime', 'container_cpu_throttled_time_nanoseconds'],
  ['pids.current', 'container_pids_current'],
  ['pids.limit', 'container_pids_limit'],
];

const namesOfV2: [path: string, name: string][] = [
  ['cpu.usageUsec', 'container_cpu_usage_usec_microseconds'],
  ['cpu.userUsec', 'container_cpu_user_usec_microseconds'],
  ['cpu.systemUsec', 'container_cpu_system_usec_microseconds'],
  ['cpu.nrPeriods', 'container_cpu_nr_periods_total'],
  ['cpu.nrThrottled', 'container_cpu_nr_throttled_total'],
  ['cpu.throttledUsec', 'container_cpu_throttled_usec_microseconds'],
  ['pids.current', 'container_pids_current'],
  ['pids.limit', 'container_pids_limit'],
];

/** One after the other: a scrape must not be a burst of calls. A task that goes meanwhile is left out. */
export async function taskFigures(tasks: TaskManager, namespaces: string[], log: Logger): Promise<Family[]> {
  const families = new Map<string, Family>();
  for (const namespace of namespaces)
    for (const id of tasks.list(namespace)) {
      try {
        const { stats } = await tasks.call(namespace, id, 'Stats', {}, { timeoutMs: statsTimeoutMs });
        if (stats !== null)
          addFigures(families, stats, { container_id: id, namespace, runtime: tasks.runtimeOf(namespace, id) });
      } catch (error) {
        if (!isNotFound(error)) log.debug({ namespace, id, err: errorMessageOf(error) }, 'task without figures');
      }
    }
  return [...families.values()];
}

function addFigures(
  families: Map<string, Family>,
  { typeUrl, value }: { typeUrl: string; value: Buffer },
  labels: SampleLabels,
): void {
  const add = (name: string, sample: number, more: SampleLabels = {}) => {
    const family = families.get(name) ?? { name, help: helpOf(name), type: typeOf(name), samples: [] };
    families.set(name, family);
    family.samples.push({ labels: { ...labels, ...more }, value: sample });
  };
  if (typeUrl.endsWith(v1.typeName)) addV1(v1.decode(value), add);
  else if (typeUrl.endsWith(v2.typeName)) addV2(v2.decode(value), add);
}

type Add = (name: string, value: number, labels?: SampleLabels) => void;

function addV1(metrics: Plain, add: Add): void {
  addNamed(metrics, namesOfV1, add);
  addMemory(metrics.memory, add);
  for (const [cpu, value] of (numbersAt(metrics, 'cpu.usage.perCpu') ?? []).entries())
    add('container_per_cpu_nanoseconds', value, { cpu });
  for (const [field, name] of [
    ['ioServiceBytesRecursive', 'container_blkio_io_service_bytes_recursive_bytes'],
    ['ioServicedRecursive', 'container_blkio_io_serviced_recursive_total'],
  ] as const)
    for (const entry of entriesAt(metrics, `blkio.${field}`)) {
      const { op, device, major, minor, value } = entry as Record<string, string | number>;
      add(name, Number(value), { op: op ?? '', device: device ?? '', major: major ?? 0, minor: minor ?? 0 });
    }
}

function addV2(metrics: Plain, add: Add): void {
  addNamed(metrics, namesOfV2, add);
  addMemory(metrics.memory, add);
  for (const entry of entriesAt(metrics, 'io.usage')) {
    const { major = 0, minor = 0, ...counts } = entry as Record<string, number>;
    for (const [field, unit] of [
      ['rbytes', 'bytes'],
      ['wbytes', 'bytes'],
      ['rios', 'total'],
      ['wios', 'total'],
    ] as const)
      add(`container_io_${field}_${unit}`, counts[field] ?? 0, { major, minor });
  }
}

function addNamed(metrics: Plain, names: [path: string, name: string][], add: Add): void {
  for (const [path, name] of names) {
    const value = at(metrics, path);
    if (typeof value === 'number') add(name, value);
  }
}

/** `totalRssHuge` -> container_memory_total_rss_huge_bytes; of a usage entry: usage, limit, max, failcnt. */
function addMemory(memory: unknown, add: Add): void {
  if (typeof memory !== 'object' || memory === null) return;
  for (const [field, value] of Object.entries(memory)) {
    const words = snakeCased(field);
    if (typeof value === 'number') add(`container_memory_${words}_bytes`, value);
    else if (typeof value === 'object' && value !== null)
      for (const [part, figure] of Object.entries(value))
        if (typeof figure === 'number')
          add(`container_memory_${words}_${part}_${part === 'failcnt' ? 'total' : 'bytes'}`, figure);
  }
}

/** `totalRssHuge` -> total_rss_huge; of paging the kernel's own words: pgpgin, pgmajfault. */
function snakeCased(field: string): string {
  const words = field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return words
    .replace(/pg_?(pg)?_?(maj)?_?(in|out|fault)$/, 'pg$1$2$3')
    .replace('kernel_tcp', 'kerneltcp')
    .replace('hierarchical_swap', 'hierarchical_memsw');
}

function at(from: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce((value, name) => (typeof value === 'object' && value !== null ? (value as Plain)[name] : undefined), from);
}

function numbersAt(from: unknown, path: string): number[] | undefined {
  const found = at(from, path);
  return Array.isArray(found) ? (found as number[]) : undefined;
}

function entriesAt(from: unknown, path: string): unknown[] {
  const found = at(from, path);
  return Array.isArray(found) ? found : [];
}

function typeOf(name: string): 'counter' | 'gauge' {
  return name.endsWith('_total') && name !== 'container_pids_total' ? 'counter' : 'gauge';
}

function helpOf(name: string): string {
  return `${name.replace(/^container_/, '').replaceAll('_', ' ')} of the container's cgroup`;
}
