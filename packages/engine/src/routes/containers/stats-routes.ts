// Resource use of a container: once, after a second with two readings, or as a stream.
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessageOf } from '@tscontainer/core/errors';
import { loadMessage } from '@tscontainer/platform/contract-loader';
import type { Metrics as MetricsV1 } from '@tscontainer/platform/contracts/io/containerd/cgroups/v1/metrics';
import type { Metrics as MetricsV2 } from '@tscontainer/platform/contracts/io/containerd/cgroups/v2/metrics';
import type { FastifyInstance } from 'fastify';
import type { Container } from '../../containers/container.ts';
import { zeroTime } from '../../containers/container-record.ts';
import type { EngineContext } from '../../containers/engine-context.ts';
import { nowText } from '../../go-time.ts';
import { openJsonLines } from '../../http/ndjson.ts';
import { type Query, queryBool } from '../../http/query.ts';

const metricsV1 = loadMessage<MetricsV1>('io/containerd/cgroups/v1/metrics.proto', 'io.containerd.cgroups.v1.Metrics');
const metricsV2 = loadMessage<MetricsV2>('io/containerd/cgroups/v2/metrics.proto', 'io.containerd.cgroups.v2.Metrics');

const intervalMs = 1000;
/** USER_HZ, which /proc/stat counts in. */
const nsPerTick = 10_000_000;

interface Reading {
  read: string;
  cpu: object;
  memory: object;
  pids: object;
  blkio: object;
  networks: object | undefined;
}

const emptyCpu = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

export function registerStatsRoutes(app: FastifyInstance, context: EngineContext): void {
  app.get<{ Params: { id: string }; Querystring: Query }>('/containers/:id/stats', async (request, reply) => {
    const container = context.index.find(request.params.id);
    const isStream = queryBool(request.query, 'stream', true);
    const isOneShot = queryBool(request.query, 'one-shot');
    if (!isStream) {
      const first = isOneShot ? undefined : await read(context, container);
      if (first !== undefined && container.isRunning) await sleep(intervalMs);
      return view(container, await read(context, container), first);
    }
    const lines = openJsonLines(request, reply);
    let previous: Reading | undefined;
    try {
      while (!lines.signal.aborted && !container.isDestroyed) {
        const reading = await read(context, container);
        await lines.write(view(container, reading, previous));
        previous = reading;
        await sleep(intervalMs, undefined, { signal: lines.signal }).catch(() => undefined);
      }
    } catch (error) {
      context.log.debug({ id: container.id, err: errorMessageOf(error) }, 'stats ended');
    }
    lines.end();
  });
}

/** A container that does not run has no figures, which docker answers with empty ones. */
async function read(context: EngineContext, container: Container): Promise<Reading | undefined> {
  if (!container.isRunning) return undefined;
  const { metrics } = await context.client.tasks.Metrics({ filters: [`id==${container.id}`] });
  const data = metrics[0]?.data;
  if (data === undefined || data === null) return undefined;
  const networks = networksOf(container.state.pid);
  const isV1 = data.typeUrl.includes('v1');
  return {
    read: nowText(),
    networks,
    ...(isV1 ? fromV1(metricsV1.decode(data.value)) : fromV2(metricsV2.decode(data.value))),
  };
}

function fromV1(metrics: MetricsV1): Pick<Reading, 'cpu' | 'memory' | 'pids' | 'blkio'> {
  const { cpu, memory, pids, blkio } = metrics;
  const blkioList = (entries: { op: string; major: number; minor: number; value: number }[] | undefined) =>
    entries?.map(({ major, minor, op, value }) => ({ major, minor, op, value })) ?? null;
  return {
    cpu: {
      cpu_usage: {
        total_usage: cpu?.usage?.total ?? 0,
        percpu_usage: cpu?.usage?.perCpu ?? [],
        usage_in_kernelmode: cpu?.usage?.kernel ?? 0,
        usage_in_usermode: cpu?.usage?.user ?? 0,
      },
      ...systemCpu(),
      throttling_data: {
        periods: cpu?.throttling?.periods ?? 0,
        throttled_periods: cpu?.throttling?.throttledPeriods ?? 0,
        throttled_time: cpu?.throttling?.throttledTime ?? 0,
      },
    },
    memory: {
      usage: memory?.usage?.usage ?? 0,
      max_usage: memory?.usage?.max ?? 0,
      stats:
        memory === null
          ? {}
          : {
              cache: memory.cache,
              rss: memory.rss,
              mapped_file: memory.mappedFile,
              inactive_file: memory.inactiveFile,
              active_file: memory.activeFile,
              total_inactive_file: memory.totalInactiveFile,
              total_cache: memory.totalCache,
              total_rss: memory.totalRss,
              pgfault: memory.pgFault,
              pgmajfault: memory.pgMajFault,
            },
      failcnt: memory?.usage?.failcnt ?? 0,
      limit: Math.min(memory?.usage?.limit || os.totalmem(), os.totalmem()),
    },
    pids: { current: pids?.current ?? 0, ...(pids?.limit ? { limit: pids.limit } : {}) },
    blkio: {
      io_service_bytes_recursive: blkioList(blkio?.ioServiceBytesRecursive),
      io_serviced_recursive: blkioList(blkio?.ioServicedRecursive),
      io_queue_recursive: blkioList(blkio?.ioQueuedRecursive),
      io_service_time_recursive: blkioList(blkio?.ioServiceTimeRecursive),
      io_wait_time_recursive: blkioList(blkio?.ioWaitTimeRecursive),
      io_merged_recursive: blkioList(blkio?.ioMergedRecursive),
      io_time_recursive: blkioList(blkio?.ioTimeRecursive),
      sectors_recursive: blkioList(blkio?.sectorsRecursive),
    },
  };
}

function fromV2(metrics: MetricsV2): Pick<Reading, 'cpu' | 'memory' | 'pids' | 'blkio'> {
  const { cpu, memory, pids, io } = metrics;
  const bytes = (io?.usage ?? []).flatMap(({ major, minor, rbytes, wbytes }) => [
    { major, minor, op: 'read', value: rbytes },
    { major, minor, op: 'write', value: wbytes },
  ]);
  const usToNs = 1000;
  return {
    cpu: {
      cpu_usage: {
        total_usage: (cpu?.usageUsec ?? 0) * usToNs,
        usage_in_kernelmode: (cpu?.systemUsec ?? 0) * usToNs,
        usage_in_usermode: (cpu?.userUsec ?? 0) * usToNs,
      },
      ...systemCpu(),
      throttling_data: {
        periods: cpu?.nrPeriods ?? 0,
        throttled_periods: cpu?.nrThrottled ?? 0,
        throttled_time: (cpu?.throttledUsec ?? 0) * usToNs,
      },
    },
    memory: {
      usage: memory?.usage ?? 0,
      stats:
        memory === null
          ? {}
          : {
              anon: memory.anon,
              file: memory.file,
              inactive_file: memory.inactiveFile,
              active_file: memory.activeFile,
              pgfault: memory.pgfault,
              pgmajfault: memory.pgmajfault,
            },
      limit: Math.min(memory?.usageLimit || os.totalmem(), os.totalmem()),
    },
    pids: { current: pids?.current ?? 0, ...(pids?.limit ? { limit: pids.limit } : {}) },
    blkio: {
      io_service_bytes_recursive: bytes,
      io_serviced_recursive: null,
      io_queue_recursive: null,
      io_service_time_recursive: null,
      io_wait_time_recursive: null,
      io_merged_recursive: null,
      io_time_recursive: null,
      sectors_recursive: null,
    },
  };
}

function systemCpu(): { system_cpu_usage: number; online_cpus: number } {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '';
  const ticks = line.split(/\s+/).slice(1, 9).map(Number);
  return { system_cpu_usage: ticks.reduce((sum, value) => sum + value, 0) * nsPerTick, online_cpus: os.cpus().length };
}

/** Counters of the interfaces of the process's network namespace, loopback left out. */
function networksOf(pid: number): Record<string, object> | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/net/dev`, 'utf8');
  } catch {
    return undefined; // it has ended
  }
  const rows = text
    .split('\n')
    .slice(2)
    .filter((line) => line.includes(':'));
  const entries = rows.map((line) => {
    const [name = '', rest = ''] = line.split(':');
    const [
      rx_bytes = 0,
      rx_packets = 0,
      rx_errors = 0,
      rx_dropped = 0,
      ,
      ,
      ,
      ,
      tx_bytes = 0,
      tx_packets = 0,
      tx_errors = 0,
      tx_dropped = 0,
    ] = rest.trim().split(/\s+/).map(Number);
    return [
      name.trim(),
      { rx_bytes, rx_packets, rx_errors, rx_dropped, tx_bytes, tx_packets, tx_errors, tx_dropped },
    ] as const;
  });
  const shown = entries.filter(([name]) => name !== 'lo');
  return shown.length === 0 ? undefined : Object.fromEntries(shown);
}

function view(container: Container, reading: Reading | undefined, previous: Reading | undefined): object {
  return {
    read: reading?.read ?? zeroTime,
    preread: previous?.read ?? zeroTime,
    pids_stats: reading?.pids ?? {},
    blkio_stats: reading?.blkio ?? {},
    num_procs: 0,
    storage_stats: {},
    cpu_stats: reading?.cpu ?? emptyCpu,
    precpu_stats: previous?.cpu ?? emptyCpu,
    memory_stats: reading?.memory ?? {},
    name: `/${container.name}`,
    id: container.id,
    ...(reading?.networks === undefined ? {} : { networks: reading.networks }),
  };
}
