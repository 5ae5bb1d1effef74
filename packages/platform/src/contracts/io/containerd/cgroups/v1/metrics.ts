// Types of protos/io/containerd/cgroups/v1/metrics.proto, written by scripts/generate-contracts.ts.

/** Every reading of one cgroup. */
export interface Metrics {
  hugetlb: HugetlbStat[];
  pids: PidsStat | null;
  cpu: CPUStat | null;
  memory: MemoryStat | null;
  blkio: BlkIOStat | null;
  rdma: RdmaStat | null;
  network: NetworkStat[];
  cgroupStats: CgroupStats | null;
  memoryOomControl: MemoryOomControl | null;
}

/** Huge pages of one size, in bytes. */
export interface HugetlbStat {
  usage: number;
  max: number;
  failcnt: number;
  pagesize: string;
}

/** Processes and threads; limit 0 means none. */
export interface PidsStat {
  current: number;
  limit: number;
}

/** Processor time and how often it was held back. */
export interface CPUStat {
  usage: CPUUsage | null;
  throttling: Throttle | null;
}

/** Processor time in nanoseconds. */
export interface CPUUsage {
  total: number;
  kernel: number;
  user: number;
  perCpu: number[];
}

/** Periods in which the quota ran out, and the nanoseconds lost to it. */
export interface Throttle {
  periods: number;
  throttledPeriods: number;
  throttledTime: number;
}

/** memory.stat, and the counters of each kind of memory, in bytes. */
export interface MemoryStat {
  cache: number;
  rss: number;
  rssHuge: number;
  mappedFile: number;
  dirty: number;
  writeback: number;
  pgPgIn: number;
  pgPgOut: number;
  pgFault: number;
  pgMajFault: number;
  inactiveAnon: number;
  activeAnon: number;
  inactiveFile: number;
  activeFile: number;
  unevictable: number;
  hierarchicalMemoryLimit: number;
  hierarchicalSwapLimit: number;
  totalCache: number;
  totalRss: number;
  totalRssHuge: number;
  totalMappedFile: number;
  totalDirty: number;
  totalWriteback: number;
  totalPgPgIn: number;
  totalPgPgOut: number;
  totalPgFault: number;
  totalPgMajFault: number;
  totalInactiveAnon: number;
  totalActiveAnon: number;
  totalInactiveFile: number;
  totalActiveFile: number;
  totalUnevictable: number;
  usage: MemoryEntry | null;
  swap: MemoryEntry | null;
  kernel: MemoryEntry | null;
  kernelTcp: MemoryEntry | null;
}

/** One memory counter: its limit, its value, its peak, and how often the limit was hit. */
export interface MemoryEntry {
  limit: number;
  usage: number;
  max: number;
  failcnt: number;
}

/** memory.oom_control. */
export interface MemoryOomControl {
  oomKillDisable: number;
  underOom: number;
  oomKill: number;
}

/** Block devices' counters, each with those of the cgroups below. */
export interface BlkIOStat {
  ioServiceBytesRecursive: BlkIOEntry[];
  ioServicedRecursive: BlkIOEntry[];
  ioQueuedRecursive: BlkIOEntry[];
  ioServiceTimeRecursive: BlkIOEntry[];
  ioWaitTimeRecursive: BlkIOEntry[];
  ioMergedRecursive: BlkIOEntry[];
  ioTimeRecursive: BlkIOEntry[];
  sectorsRecursive: BlkIOEntry[];
}

/** One counter of one device: op is Read, Write, Sync, Async, Discard or Total. */
export interface BlkIOEntry {
  op: string;
  device: string;
  major: number;
  minor: number;
  value: number;
}

/** What is used and allowed of each RDMA device. */
export interface RdmaStat {
  current: RdmaEntry[];
  limit: RdmaEntry[];
}

/** The handles and objects of one RDMA device. */
export interface RdmaEntry {
  device: string;
  hcaHandles: number;
  hcaObjects: number;
}

/** The counters of one network interface. */
export interface NetworkStat {
  name: string;
  rxBytes: number;
  rxPackets: number;
  rxErrors: number;
  rxDropped: number;
  txBytes: number;
  txPackets: number;
  txErrors: number;
  txDropped: number;
}

/** How many tasks are in which scheduler state. */
export interface CgroupStats {
  nrSleeping: number;
  nrRunning: number;
  nrStopped: number;
  nrUninterruptible: number;
  nrIoWait: number;
}
