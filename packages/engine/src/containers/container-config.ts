// Docker's Config and HostConfig: their types, the schema that bodies are read by, and the zero values of Go.

import type { DeviceRequest } from '../devices/device-requests.ts';
import type { Schema } from '../http/json-body.ts';
import type { PortBindings } from '../networks/port-bindings.ts';
import type { Healthcheck } from './health-check.ts';
import { defaultMaskedPaths, defaultReadonlyPaths } from './spec-mounts.ts';

export interface ContainerConfig {
  Hostname: string;
  Domainname: string;
  User: string;
  AttachStdin: boolean;
  AttachStdout: boolean;
  AttachStderr: boolean;
  ExposedPorts?: Record<string, object>;
  Tty: boolean;
  OpenStdin: boolean;
  StdinOnce: boolean;
  Env: string[] | null;
  Cmd: string[] | null;
  Healthcheck?: Healthcheck;
  Image: string;
  Volumes: Record<string, object> | null;
  WorkingDir: string;
  Entrypoint: string[] | null;
  NetworkDisabled?: boolean;
  MacAddress?: string;
  OnBuild: string[] | null;
  Labels: Record<string, string>;
  StopSignal?: string;
  /** Seconds. */
  StopTimeout?: number;
  Shell?: string[];
}

export interface RestartPolicy {
  Name: string;
  MaximumRetryCount: number;
}

export interface MountRequest {
  Type: string;
  Source: string;
  Target: string;
  ReadOnly: boolean;
  Consistency?: string;
  BindOptions?: {
    Propagation?: string;
    NonRecursive?: boolean;
    CreateMountpoint?: boolean;
    /** Of a read-only bind: what is mounted below its source stays as it is. */
    ReadOnlyNonRecursive?: boolean;
    /** Or fails where it cannot be read-only. */
    ReadOnlyForceRecursive?: boolean;
  };
  VolumeOptions?: {
    NoCopy?: boolean;
    /** Of the volume, relative: what is mounted instead of all of it. */
    Subpath?: string;
    Labels?: Record<string, string>;
    DriverConfig?: { Name?: string; Options?: Record<string, string> };
  };
  ImageOptions?: { Subpath?: string };
  /** Options: names, and names with values. */
  TmpfsOptions?: { SizeBytes?: number; Mode?: number; Options?: string[][] };
}

export interface DeviceRequestPath {
  PathOnHost: string;
  PathInContainer: string;
  CgroupPermissions: string;
}

export interface Ulimit {
  Name: string;
  Hard: number;
  Soft: number;
}

/** A limit on one block device: bytes or operations a second. */
export interface ThrottledDevice {
  Path: string;
  Rate: number;
}

/** The share of one block device that is its own. */
export interface WeightedDevice {
  Path: string;
  Weight: number;
}

export interface HostConfig {
  Binds: string[] | null;
  ContainerIDFile: string;
  LogConfig: { Type: string; Config: Record<string, string> };
  NetworkMode: string;
  PortBindings: PortBindings;
  RestartPolicy: RestartPolicy;
  AutoRemove: boolean;
  VolumeDriver: string;
  VolumesFrom: string[] | null;
  ConsoleSize: [number, number];
  Annotations?: Record<string, string>;
  CapAdd: string[] | null;
  CapDrop: string[] | null;
  CgroupnsMode: string;
  Dns: string[];
  DnsOptions: string[];
  DnsSearch: string[];
  ExtraHosts: string[] | null;
  GroupAdd: string[] | null;
  IpcMode: string;
  Cgroup: string;
  Links: string[] | null;
  OomScoreAdj: number;
  PidMode: string;
  Privileged: boolean;
  PublishAllPorts: boolean;
  ReadonlyRootfs: boolean;
  SecurityOpt: string[] | null;
  StorageOpt?: Record<string, string>;
  Tmpfs?: Record<string, string>;
  UTSMode: string;
  UsernsMode: string;
  ShmSize: number;
  Sysctls?: Record<string, string>;
  Runtime: string;
  Isolation: string;
  CpuShares: number;
  Memory: number;
  NanoCpus: number;
  CgroupParent: string;
  BlkioWeight: number;
  BlkioWeightDevice: WeightedDevice[];
  BlkioDeviceReadBps: ThrottledDevice[] | null;
  BlkioDeviceWriteBps: ThrottledDevice[] | null;
  BlkioDeviceReadIOps: ThrottledDevice[] | null;
  BlkioDeviceWriteIOps: ThrottledDevice[] | null;
  CpuPeriod: number;
  CpuQuota: number;
  CpuRealtimePeriod: number;
  CpuRealtimeRuntime: number;
  CpusetCpus: string;
  CpusetMems: string;
  Devices: DeviceRequestPath[] | null;
  DeviceCgroupRules: string[] | null;
  DeviceRequests: DeviceRequest[] | null;
  MemoryReservation: number;
  MemorySwap: number;
  MemorySwappiness: number | null;
  OomKillDisable: boolean | null;
  PidsLimit: number | null;
  Ulimits: Ulimit[] | null;
  CpuCount: number;
  CpuPercent: number;
  IOMaximumIOps: number;
  IOMaximumBandwidth: number;
  Mounts?: MountRequest[];
  MaskedPaths: string[] | null;
  ReadonlyPaths: string[] | null;
  Init?: boolean;
}

export const healthcheckSchema: Schema = {
  Test: 'strings',
  Interval: 'int',
  Timeout: 'int',
  StartPeriod: 'int',
  StartInterval: 'int',
  Retries: 'int',
};

export const configSchema: Schema = {
  Hostname: 'string',
  Domainname: 'string',
  User: 'string',
  AttachStdin: 'bool',
  AttachStdout: 'bool',
  AttachStderr: 'bool',
  ExposedPorts: { map: 'any' },
  Tty: 'bool',
  OpenStdin: 'bool',
  StdinOnce: 'bool',
  Env: 'strings',
  Cmd: 'words',
  Healthcheck: { object: healthcheckSchema },
  ArgsEscaped: 'bool',
  Image: 'string',
  Volumes: { map: 'any' },
  WorkingDir: 'string',
  Entrypoint: 'words',
  NetworkDisabled: 'bool',
  MacAddress: 'string',
  OnBuild: 'strings',
  Labels: 'stringMap',
  StopSignal: 'string',
  StopTimeout: 'int',
  Shell: 'words',
};

export const ulimitSchema: Schema = { Name: 'string', Hard: 'int', Soft: 'int' };
export const deviceSchema: Schema = { PathOnHost: 'string', PathInContainer: 'string', CgroupPermissions: 'string' };
export const throttledDeviceSchema: Schema = { Path: 'string', Rate: 'int' };
export const weightedDeviceSchema: Schema = { Path: 'string', Weight: 'int' };
export const deviceRequestSchema: Schema = {
  Driver: 'string',
  Count: 'int',
  DeviceIDs: 'strings',
  Capabilities: 'any',
  Options: 'stringMap',
};
const driverConfigSchema: Schema = { Name: 'string', Options: 'stringMap' };

export const mountSchema: Schema = {
  Type: 'string',
  Source: 'string',
  Target: 'string',
  ReadOnly: 'bool',
  Consistency: 'string',
  BindOptions: {
    object: {
      Propagation: 'string',
      NonRecursive: 'bool',
      CreateMountpoint: 'bool',
      ReadOnlyNonRecursive: 'bool',
      ReadOnlyForceRecursive: 'bool',
    },
  },
  VolumeOptions: {
    object: { NoCopy: 'bool', Subpath: 'string', Labels: 'stringMap', DriverConfig: { object: driverConfigSchema } },
  },
  ImageOptions: { object: { Subpath: 'string' } },
  TmpfsOptions: { object: { SizeBytes: 'int', Mode: 'int', Options: 'any' } },
};

/** The limits, which `update` takes too. */
export const resourcesSchema: Schema = {
  CpuShares: 'int',
  Memory: 'int',
  NanoCpus: 'int',
  CgroupParent: 'string',
  BlkioWeight: 'int',
  BlkioWeightDevice: { list: weightedDeviceSchema },
  BlkioDeviceReadBps: { list: throttledDeviceSchema },
  BlkioDeviceWriteBps: { list: throttledDeviceSchema },
  BlkioDeviceReadIOps: { list: throttledDeviceSchema },
  BlkioDeviceWriteIOps: { list: throttledDeviceSchema },
  CpuPeriod: 'int',
  CpuQuota: 'int',
  CpuRealtimePeriod: 'int',
  CpuRealtimeRuntime: 'int',
  CpusetCpus: 'string',
  CpusetMems: 'string',
  Devices: { list: deviceSchema },
  DeviceCgroupRules: 'strings',
  DeviceRequests: { list: deviceRequestSchema },
  KernelMemory: 'int',
  KernelMemoryTCP: 'int',
  MemoryReservation: 'int',
  MemorySwap: 'int',
  MemorySwappiness: 'int',
  OomKillDisable: 'bool',
  PidsLimit: 'int',
  Ulimits: { list: ulimitSchema },
  CpuCount: 'int',
  CpuPercent: 'int',
  IOMaximumIOps: 'int',
  IOMaximumBandwidth: 'int',
  RestartPolicy: { object: { Name: 'string', MaximumRetryCount: 'int' } },
};

export const hostConfigSchema: Schema = {
  ...resourcesSchema,
  Binds: 'strings',
  ContainerIDFile: 'string',
  LogConfig: { object: { Type: 'string', Config: 'stringMap' } },
  NetworkMode: 'string',
  PortBindings: { map: 'any' },
  AutoRemove: 'bool',
  VolumeDriver: 'string',
  VolumesFrom: 'strings',
  ConsoleSize: 'size',
  Annotations: 'stringMap',
  CapAdd: 'words',
  CapDrop: 'words',
  Capabilities: 'strings',
  CgroupnsMode: 'string',
  Dns: 'strings',
  DnsOptions: 'strings',
  DnsSearch: 'strings',
  ExtraHosts: 'strings',
  GroupAdd: 'strings',
  IpcMode: 'string',
  Cgroup: 'string',
  Links: 'strings',
  OomScoreAdj: 'int',
  PidMode: 'string',
  Privileged: 'bool',
  PublishAllPorts: 'bool',
  ReadonlyRootfs: 'bool',
  SecurityOpt: 'strings',
  StorageOpt: 'stringMap',
  Tmpfs: 'stringMap',
  UTSMode: 'string',
  UsernsMode: 'string',
  ShmSize: 'int',
  Sysctls: 'stringMap',
  Runtime: 'string',
  Isolation: 'string',
  Mounts: { list: mountSchema },
  MaskedPaths: 'strings',
  ReadonlyPaths: 'strings',
  Init: 'bool',
};

/** In the order of Go's struct; also what a build's images begin with. */
export const emptyConfig: ContainerConfig = {
  Hostname: '',
  Domainname: '',
  User: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: '',
  Volumes: null,
  WorkingDir: '',
  Entrypoint: null,
  OnBuild: null,
  Labels: {},
};

const defaultShmBytes = 64 * 1024 * 1024;

/** In the order of Go's struct, which is the order that inspect shows. */
const defaultHostConfig: HostConfig = {
  Binds: null,
  ContainerIDFile: '',
  LogConfig: { Type: 'json-file', Config: {} },
  NetworkMode: 'bridge',
  PortBindings: {},
  RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
  AutoRemove: false,
  VolumeDriver: '',
  VolumesFrom: null,
  ConsoleSize: [0, 0],
  CapAdd: null,
  CapDrop: null,
  CgroupnsMode: 'host',
  Dns: [],
  DnsOptions: [],
  DnsSearch: [],
  ExtraHosts: null,
  GroupAdd: null,
  IpcMode: 'private',
  Cgroup: '',
  Links: null,
  OomScoreAdj: 0,
  PidMode: '',
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  UTSMode: '',
  UsernsMode: '',
  ShmSize: defaultShmBytes,
  Runtime: '',
  Isolation: '',
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: '',
  BlkioWeight: 0,
  BlkioWeightDevice: [],
  BlkioDeviceReadBps: null,
  BlkioDeviceWriteBps: null,
  BlkioDeviceReadIOps: null,
  BlkioDeviceWriteIOps: null,
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: '',
  CpusetMems: '',
  Devices: null,
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  OomKillDisable: false,
  PidsLimit: null,
  Ulimits: null,
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
  MaskedPaths: null,
  ReadonlyPaths: null,
};

/** A decoded body over the zero values of Go. */
export function toConfig(decoded: Record<string, unknown>): ContainerConfig {
  const config = { ...emptyConfig, Labels: {}, ...decoded } as ContainerConfig;
  if (config.Volumes !== null && Object.keys(config.Volumes).length === 0) config.Volumes = null;
  return config;
}

/** A decoded HostConfig over Docker's defaults. */
export function toHostConfig(decoded: Record<string, unknown>): HostConfig {
  const merged = { ...structuredClone(defaultHostConfig), ...decoded } as HostConfig;
  // named by its name, as docker does since 26
  if (['', 'default'].includes(merged.NetworkMode)) merged.NetworkMode = 'bridge';
  if (merged.ShmSize === 0) merged.ShmSize = defaultShmBytes;
  if (merged.IpcMode === '') merged.IpcMode = 'private';
  if (merged.CgroupnsMode === '') merged.CgroupnsMode = 'host';
  merged.LogConfig = { Type: merged.LogConfig.Type || 'json-file', Config: merged.LogConfig.Config ?? {} };
  merged.RestartPolicy = {
    Name: merged.RestartPolicy.Name || 'no',
    MaximumRetryCount: merged.RestartPolicy.MaximumRetryCount ?? 0,
  };
  // what means no limit is shown as no limit
  if (merged.MemorySwappiness === -1) merged.MemorySwappiness = null;
  if (merged.PidsLimit !== null && merged.PidsLimit <= 0) merged.PidsLimit = null;
  merged.MaskedPaths ??= merged.Privileged ? null : defaultMaskedPaths;
  merged.ReadonlyPaths ??= merged.Privileged ? null : defaultReadonlyPaths;
  const mounts = (merged.Mounts ?? []).map((mount) => ({
    ...mount,
    Source: mount.Source ?? '',
    Target: mount.Target ?? '',
    ReadOnly: mount.ReadOnly ?? false,
  }));
  if (mounts.length > 0) merged.Mounts = mounts;
  else delete merged.Mounts;
  return merged;
}
