// The figures of a container's resource use: one sample.
import { listOf, mapOf, named, nullable, optional } from './shape.ts';

const cpu = named('CpuStats', {
  cpu_usage: named('CpuUsage', {
    total_usage: 'int',
    percpu_usage: optional(listOf('int')),
    usage_in_kernelmode: 'int',
    usage_in_usermode: 'int',
  }),
  system_cpu_usage: optional('int'),
  online_cpus: optional('int'),
  throttling_data: named('ThrottlingData', { periods: 'int', throttled_periods: 'int', throttled_time: 'int' }),
});

const blockFigures = nullable(
  listOf(named('BlockIoFigure', { major: 'int', minor: 'int', op: 'string', value: 'int' })),
);

const block = named('BlockIoStats', {
  io_service_bytes_recursive: optional(blockFigures),
  io_serviced_recursive: optional(blockFigures),
  io_queue_recursive: optional(blockFigures),
  io_service_time_recursive: optional(blockFigures),
  io_wait_time_recursive: optional(blockFigures),
  io_merged_recursive: optional(blockFigures),
  io_time_recursive: optional(blockFigures),
  sectors_recursive: optional(blockFigures),
});

const memory = named('MemoryStats', {
  usage: optional('int'),
  max_usage: optional('int'),
  stats: optional(mapOf('int')),
  failcnt: optional('int'),
  limit: optional('int'),
});

const network = named('NetworkStats', {
  rx_bytes: 'int',
  rx_packets: 'int',
  rx_errors: 'int',
  rx_dropped: 'int',
  tx_bytes: 'int',
  tx_packets: 'int',
  tx_errors: 'int',
  tx_dropped: 'int',
});

export const containerStats = named('ContainerStats', {
  read: 'time',
  preread: 'time',
  pids_stats: named('PidsStats', { current: optional('int'), limit: optional('int') }),
  blkio_stats: block,
  num_procs: 'int',
  storage_stats: named('StorageStats', {}),
  cpu_stats: cpu,
  precpu_stats: cpu,
  memory_stats: memory,
  name: 'string',
  id: 'string',
  networks: optional(mapOf(network)),
});
