// Types of protos/io/containerd/cgroups/v2/metrics.proto, written by scripts/generate-contracts.ts.

/** Every reading of one cgroup. */
export interface Metrics {
  pids: PidsStat | null;
  cpu: CPUStat | null;
  memory: MemoryStat | null;
  rdma: RdmaStat | null;
  io: IOStat | null;
  hugetlb: HugeTlbStat[];
  memoryEvents: MemoryEvents | null;
  network: NetworkStat[];
}

/** Pressure over 10, 60 and 300 seconds in percent, and in all, in microseconds. */
export interface PSIData {
  avg10: number;
  avg60: number;
  avg300: number;
  total: number;
}

/** Time in which some or all tasks waited. */
export interface PSIStats {
  some: PSIData | null;
  full: PSIData | null;
}

/** Processes and threads. */
export interface PidsStat {
  current: number;
  limit: number;
}

/** cpu.stat and cpu.pressure. */
export interface CPUStat {
  usageUsec: number;
  userUsec: number;
  systemUsec: number;
  nrPeriods: number;
  nrThrottled: number;
  throttledUsec: number;
  psi: PSIStats | null;
  nrBursts: number;
  burstUsec: number;
}

/** memory.stat, and the counters of memory and swap, in bytes. */
export interface MemoryStat {
  anon: number;
  file: number;
  kernelStack: number;
  slab: number;
  sock: number;
  shmem: number;
  fileMapped: number;
  fileDirty: number;
  fileWriteback: number;
  anonThp: number;
  inactiveAnon: number;
  activeAnon: number;
  inactiveFile: number;
  activeFile: number;
  unevictable: number;
  slabReclaimable: number;
  slabUnreclaimable: number;
  pgfault: number;
  pgmajfault: number;
  workingsetRefault: number;
  workingsetActivate: number;
  workingsetNodereclaim: number;
  pgrefill: number;
  pgscan: number;
  pgsteal: number;
  pgactivate: number;
  pgdeactivate: number;
  pglazyfree: number;
  pglazyfreed: number;
  thpFaultAlloc: number;
  thpCollapseAlloc: number;
  usage: number;
  usageLimit: number;
  swapUsage: number;
  swapLimit: number;
  maxUsage: number;
  swapMaxUsage: number;
  psi: PSIStats | null;
}

/** memory.events. */
export interface MemoryEvents {
  low: number;
  high: number;
  max: number;
  oom: number;
  oomKill: number;
  oomGroupKill: number;
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

/** io.stat and io.pressure. */
export interface IOStat {
  usage: IOEntry[];
  psi: PSIStats | null;
}

/** The bytes and operations of one block device. */
export interface IOEntry {
  major: number;
  minor: number;
  rbytes: number;
  wbytes: number;
  rios: number;
  wios: number;
}

/** Huge pages of one size, in bytes. */
export interface HugeTlbStat {
  current: number;
  max: number;
  pagesize: string;
  failcnt: number;
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
