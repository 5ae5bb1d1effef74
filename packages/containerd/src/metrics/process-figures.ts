// Figures of the daemon itself, under prometheus' usual names: memory, processor time, descriptors, and what it is.
import { readdirSync, readFileSync } from 'node:fs';
import { daemonRevision, daemonVersion } from '../services/version-service.ts';
import type { Family } from './exposition.ts';

const single = (name: string, help: string, type: Family['type'], value: number): Family => ({
  name,
  help,
  type,
  samples: [{ labels: {}, value }],
});

export function processFigures(): Family[] {
  const { user, system } = process.cpuUsage();
  const startedS = Date.now() / 1000 - process.uptime();
  return [
    {
      name: 'containerd_build_info_total',
      help: 'containerd build information',
      type: 'counter',
      samples: [{ labels: { revision: daemonRevision, version: daemonVersion }, value: 1 }],
    },
    single('process_cpu_seconds_total', 'User and system CPU time spent.', 'counter', (user + system) / 1e6),
    single('process_resident_memory_bytes', 'Resident memory size.', 'gauge', process.memoryUsage.rss()),
    single('process_virtual_memory_bytes', 'Virtual memory size.', 'gauge', virtualBytes()),
    single('process_open_fds', 'Open file descriptors.', 'gauge', readdirSync('/proc/self/fd').length),
    single('process_max_fds', 'Most file descriptors.', 'gauge', maxDescriptors()),
    single('process_start_time_seconds', 'Start time since the epoch.', 'gauge', startedS),
  ];
}

function virtualBytes(): number {
  return Number(/^VmSize:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) * 1024;
}

function maxDescriptors(): number {
  return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 0);
}
