// One sample of /containers/{id}/stats as the columns of `tsctl stats`.
import { formatBinarySize, formatSize } from './sizes.ts';

interface CpuStats {
  cpu_usage: { total_usage: number; percpu_usage?: number[] | null };
  system_cpu_usage?: number;
  online_cpus?: number;
}

/** Of the API's fields, those that are shown. */
export interface ContainerStats {
  id?: string;
  name?: string;
  cpu_stats: CpuStats;
  precpu_stats: CpuStats;
  memory_stats: { usage?: number; limit?: number; stats?: Record<string, number> };
  pids_stats?: { current?: number };
  networks?: Record<string, { rx_bytes: number; tx_bytes: number }>;
  blkio_stats?: { io_service_bytes_recursive?: { op: string; value: number }[] | null };
}

export function usageOf(stats: ContainerStats): Record<string, string> {
  const memory = memoryUsed(stats);
  const limit = stats.memory_stats.limit ?? 0;
  const networks = Object.values(stats.networks ?? {});
  const received = networks.reduce((total, each) => total + each.rx_bytes, 0);
  const sent = networks.reduce((total, each) => total + each.tx_bytes, 0);
  return {
    CPUPerc: `${cpuPercent(stats).toFixed(2)}%`,
    MemUsage: `${formatBinarySize(memory)} / ${formatBinarySize(limit)}`,
    MemPerc: `${(limit === 0 ? 0 : (memory / limit) * 100).toFixed(2)}%`,
    NetIO: `${formatSize(received)} / ${formatSize(sent)}`,
    BlockIO: `${formatSize(blockBytes(stats, 'read'))} / ${formatSize(blockBytes(stats, 'write'))}`,
    PIDs: String(stats.pids_stats?.current ?? 0),
  };
}

/** Share of one cpu: 200% is two cpus busy. */
function cpuPercent({ cpu_stats: now, precpu_stats: before }: ContainerStats): number {
  const used = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
  const system = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const cpus = now.online_cpus || now.cpu_usage.percpu_usage?.length || 1;
  return system > 0 && used > 0 ? (used / system) * cpus * 100 : 0;
}

/** Without the page cache that could be dropped: cgroup v1 and v2 name it differently. */
function memoryUsed({ memory_stats: { usage = 0, stats = {} } }: ContainerStats): number {
  const inactive = stats['total_inactive_file'] ?? stats['inactive_file'] ?? 0;
  return inactive < usage ? usage - inactive : usage;
}

function blockBytes(stats: ContainerStats, direction: 'read' | 'write'): number {
  const entries = stats.blkio_stats?.io_service_bytes_recursive ?? [];
  return entries
    .filter((entry) => entry.op.toLowerCase() === direction)
    .reduce((total, entry) => total + entry.value, 0);
}
