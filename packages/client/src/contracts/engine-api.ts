// The types of the Engine API and where each operation leads: made by scripts/generate-client-types.ts, not by hand.

/** By the name of a filter the values of which one has to match. */
export type Filters<Name extends string> = { readonly [name in Name]?: readonly string[] | undefined };
export interface AuthAnswer {
  Status: string;
  IdentityToken: string;
}

/** Credentials for a registry. */
export interface AuthConfig {
  username?: string | null | undefined;
  password?: string | null | undefined;
  /** Base64 of user:password. */
  auth?: string | null | undefined;
  email?: string | null | undefined;
  /** The registry. */
  serveraddress?: string | null | undefined;
  /** In place of a password. */
  identitytoken?: string | null | undefined;
  /** Sent as it is. */
  registrytoken?: string | null | undefined;
}

export interface BlockIoFigure {
  major: number;
  minor: number;
  op: string;
  value: number;
}

export interface BlockIoStats {
  io_service_bytes_recursive?: BlockIoFigure[] | null;
  io_serviced_recursive?: BlockIoFigure[] | null;
  io_queue_recursive?: BlockIoFigure[] | null;
  io_service_time_recursive?: BlockIoFigure[] | null;
  io_wait_time_recursive?: BlockIoFigure[] | null;
  io_merged_recursive?: BlockIoFigure[] | null;
  io_time_recursive?: BlockIoFigure[] | null;
  sectors_recursive?: BlockIoFigure[] | null;
}

export interface BuildCachePruned {
  CachesDeleted: string[] | null;
  SpaceReclaimed: number;
}

/** What a container was asked to run, image and request taken together. */
export interface ContainerConfig {
  /** Host name inside; by default the first twelve characters of the id. */
  Hostname?: string;
  /** Domain name inside. */
  Domainname?: string;
  /** Who runs the process: user[:group], by name or number. */
  User?: string;
  /** Whoever creates it means to attach to its input. */
  AttachStdin?: boolean | null;
  /** The same of its output. */
  AttachStdout?: boolean | null;
  /** The same of its error output. */
  AttachStderr?: boolean | null;
  /** Ports that it listens on, as `80/tcp`: {}. */
  ExposedPorts?: Record<string, Record<string, unknown>> | null;
  /** It has a terminal: output is then one stream, and not framed. */
  Tty?: boolean | null;
  /** Its input stays open while nobody is attached. */
  OpenStdin?: boolean | null;
  /** Its input is closed when the first client that was attached goes. */
  StdinOnce?: boolean | null;
  /** NAME=value; NAME alone takes it away. */
  Env?: string[] | null;
  /** The command, or arguments of the entry point. */
  Cmd?: string | string[] | null;
  /** How to tell whether it is well. */
  Healthcheck?: HealthcheckBody | null;
  ArgsEscaped?: boolean | null;
  /** The image, by name or id. */
  Image?: string;
  /** Paths that get an anonymous volume: {}. */
  Volumes?: Record<string, Record<string, unknown>> | null;
  /** Where the process starts: an absolute path. */
  WorkingDir?: string;
  /** What is executed; [""] takes the image’s away. */
  Entrypoint?: string | string[] | null;
  /** No network but loopback. */
  NetworkDisabled?: boolean | null;
  /** Hardware address on its first network. */
  MacAddress?: string;
  /** Instructions for images built on the image made of it. */
  OnBuild?: string[] | null;
  /** Free-form. */
  Labels?: Record<string, string> | null;
  /** What stop sends; SIGTERM by default. */
  StopSignal?: string;
  /** Seconds that stop waits before SIGKILL. */
  StopTimeout?: number | null;
  /** Shell for commands written as text. */
  Shell?: string | string[] | null;
}

/** What to run: it stands in the image that is made. */
export interface ContainerConfigBody {
  /** Host name inside; by default the first twelve characters of the id. */
  Hostname?: string | null | undefined;
  /** Domain name inside. */
  Domainname?: string | null | undefined;
  /** Who runs the process: user[:group], by name or number. */
  User?: string | null | undefined;
  /** Whoever creates it means to attach to its input. */
  AttachStdin?: boolean | null | undefined;
  /** The same of its output. */
  AttachStdout?: boolean | null | undefined;
  /** The same of its error output. */
  AttachStderr?: boolean | null | undefined;
  /** Ports that it listens on, as `80/tcp`: {}. */
  ExposedPorts?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | null | undefined;
  /** It has a terminal: output is then one stream, and not framed. */
  Tty?: boolean | null | undefined;
  /** Its input stays open while nobody is attached. */
  OpenStdin?: boolean | null | undefined;
  /** Its input is closed when the first client that was attached goes. */
  StdinOnce?: boolean | null | undefined;
  /** NAME=value; NAME alone takes it away. */
  Env?: readonly string[] | null | undefined;
  /** The command, or arguments of the entry point. */
  Cmd?: string | readonly string[] | null | undefined;
  /** How to tell whether it is well. */
  Healthcheck?: HealthcheckBody | null | undefined;
  ArgsEscaped?: boolean | null | undefined;
  /** The image, by name or id. */
  Image?: string | null | undefined;
  /** Paths that get an anonymous volume: {}. */
  Volumes?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | null | undefined;
  /** Where the process starts: an absolute path. */
  WorkingDir?: string | null | undefined;
  /** What is executed; [""] takes the image’s away. */
  Entrypoint?: string | readonly string[] | null | undefined;
  /** No network but loopback. */
  NetworkDisabled?: boolean | null | undefined;
  /** Hardware address on its first network. */
  MacAddress?: string | null | undefined;
  /** Instructions for images built on the image made of it. */
  OnBuild?: readonly string[] | null | undefined;
  /** Free-form. */
  Labels?: Readonly<Record<string, string>> | null | undefined;
  /** What stop sends; SIGTERM by default. */
  StopSignal?: string | null | undefined;
  /** Seconds that stop waits before SIGKILL. */
  StopTimeout?: number | null | undefined;
  /** Shell for commands written as text. */
  Shell?: string | readonly string[] | null | undefined;
}

/** A container to make. */
export interface ContainerCreateBody {
  /** Host name inside; by default the first twelve characters of the id. */
  Hostname?: string | null | undefined;
  /** Domain name inside. */
  Domainname?: string | null | undefined;
  /** Who runs the process: user[:group], by name or number. */
  User?: string | null | undefined;
  /** Whoever creates it means to attach to its input. */
  AttachStdin?: boolean | null | undefined;
  /** The same of its output. */
  AttachStdout?: boolean | null | undefined;
  /** The same of its error output. */
  AttachStderr?: boolean | null | undefined;
  /** Ports that it listens on, as `80/tcp`: {}. */
  ExposedPorts?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | null | undefined;
  /** It has a terminal: output is then one stream, and not framed. */
  Tty?: boolean | null | undefined;
  /** Its input stays open while nobody is attached. */
  OpenStdin?: boolean | null | undefined;
  /** Its input is closed when the first client that was attached goes. */
  StdinOnce?: boolean | null | undefined;
  /** NAME=value; NAME alone takes it away. */
  Env?: readonly string[] | null | undefined;
  /** The command, or arguments of the entry point. */
  Cmd?: string | readonly string[] | null | undefined;
  /** How to tell whether it is well. */
  Healthcheck?: HealthcheckBody | null | undefined;
  ArgsEscaped?: boolean | null | undefined;
  /** The image, by name or id. */
  Image?: string | null | undefined;
  /** Paths that get an anonymous volume: {}. */
  Volumes?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | null | undefined;
  /** Where the process starts: an absolute path. */
  WorkingDir?: string | null | undefined;
  /** What is executed; [""] takes the image’s away. */
  Entrypoint?: string | readonly string[] | null | undefined;
  /** No network but loopback. */
  NetworkDisabled?: boolean | null | undefined;
  /** Hardware address on its first network. */
  MacAddress?: string | null | undefined;
  /** Instructions for images built on the image made of it. */
  OnBuild?: readonly string[] | null | undefined;
  /** Free-form. */
  Labels?: Readonly<Record<string, string>> | null | undefined;
  /** What stop sends; SIGTERM by default. */
  StopSignal?: string | null | undefined;
  /** Seconds that stop waits before SIGKILL. */
  StopTimeout?: number | null | undefined;
  /** Shell for commands written as text. */
  Shell?: string | readonly string[] | null | undefined;
  /** What of the machine it gets. */
  HostConfig?: HostConfigBody | null | undefined;
  /** Its networks, by name. */
  NetworkingConfig?: NetworkingConfigBody | null | undefined;
}

export interface ContainerCreated {
  Id: string;
  Warnings: string[] | null;
}

/** A container. */
export interface ContainerInspect {
  Id: string;
  Created: string;
  /** What is executed. */
  Path: string;
  /** Its arguments. */
  Args: string[];
  State: ContainerState;
  /** Id of the image. */
  Image: string;
  ResolvConfPath: string;
  HostnamePath: string;
  HostsPath: string;
  /** Of the json-file driver’s log. */
  LogPath: string;
  /** With a slash in front. */
  Name: string;
  RestartCount: number;
  /** The snapshotter. */
  Driver: string;
  Platform: string;
  MountLabel: string;
  ProcessLabel: string;
  AppArmorProfile: string;
  ExecIDs: string[] | null;
  HostConfig: HostConfig;
  GraphDriver: GraphDriver;
  /** Bytes that it has written. */
  SizeRw?: number;
  /** Bytes with its image. */
  SizeRootFs?: number;
  Mounts: MountPoint[];
  Config: ContainerConfig;
  NetworkSettings: NetworkSettings;
}

/** How a container is. */
export interface ContainerState {
  Status: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
  /** True while it is paused, too. */
  Running: boolean;
  Paused: boolean;
  Restarting: boolean;
  OOMKilled: boolean;
  Dead: boolean;
  /** On the host; 0 when it does not run. */
  Pid: number;
  ExitCode: number;
  /** Why it could not be started. */
  Error: string;
  StartedAt: string;
  FinishedAt: string;
  /** Where there is a health check. */
  Health?: Health;
}

/** What a container uses, at one moment. */
export interface ContainerStats {
  read: string;
  preread: string;
  pids_stats: PidsStats;
  blkio_stats: BlockIoStats;
  num_procs: number;
  storage_stats: StorageStats;
  cpu_stats: CpuStats;
  /** Those of the sample before; zero in the first. */
  precpu_stats: CpuStats;
  memory_stats: MemoryStats;
  name: string;
  id: string;
  networks?: Record<string, NetworkStats>;
}

/** A row of the list of containers. */
export interface ContainerSummary {
  Id: string;
  Names: string[];
  Image: string;
  ImageID: string;
  Command: string;
  /** Seconds since the epoch. */
  Created: number;
  Ports: Port[];
  /** Bytes that it has written. */
  SizeRw?: number;
  /** Bytes with its image. */
  SizeRootFs?: number;
  Labels: Record<string, string>;
  State: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
  /** For people: `Up 5 minutes`. */
  Status: string;
  HostConfig: ContainerSummaryHostConfig;
  NetworkSettings: ContainerSummaryNetworks;
  Mounts: MountPoint[];
}

export interface ContainerSummaryHostConfig {
  NetworkMode: string;
}

export interface ContainerSummaryNetworks {
  Networks: Record<string, EndpointSettings>;
}

/** What shall change. */
export interface ContainerUpdateBody {
  /** Weight among others; 1024 is the usual. */
  CpuShares?: number | null | undefined;
  /** Most memory, in bytes. */
  Memory?: number | null | undefined;
  /** Processors, in billionths. */
  NanoCpus?: number | null | undefined;
  /** The cgroup above the container’s. */
  CgroupParent?: string | null | undefined;
  /** Weight of block I/O, 10 to 1000. */
  BlkioWeight?: number | null | undefined;
  /** The same for single devices. */
  BlkioWeightDevice?: readonly WeightedDeviceBody[] | null | undefined;
  /** Most bytes a second read from a device. */
  BlkioDeviceReadBps?: readonly ThrottledDeviceBody[] | null | undefined;
  /** Most bytes a second written to a device. */
  BlkioDeviceWriteBps?: readonly ThrottledDeviceBody[] | null | undefined;
  /** Most reads a second from a device. */
  BlkioDeviceReadIOps?: readonly ThrottledDeviceBody[] | null | undefined;
  /** Most writes a second to a device. */
  BlkioDeviceWriteIOps?: readonly ThrottledDeviceBody[] | null | undefined;
  /** Microseconds of a scheduling period. */
  CpuPeriod?: number | null | undefined;
  /** Microseconds of processor time in a period. */
  CpuQuota?: number | null | undefined;
  /** Microseconds of a period of real-time scheduling. */
  CpuRealtimePeriod?: number | null | undefined;
  /** Microseconds of real-time scheduling in a period. */
  CpuRealtimeRuntime?: number | null | undefined;
  /** Processors it may run on, as 0-3,5. */
  CpusetCpus?: string | null | undefined;
  /** Memory nodes it may use. */
  CpusetMems?: string | null | undefined;
  /** Devices of the host. */
  Devices?: readonly DeviceBody[] | null | undefined;
  /** Rules as `c 13:* rwm`. */
  DeviceCgroupRules?: readonly string[] | null | undefined;
  /** Devices by driver or capability. */
  DeviceRequests?: readonly DeviceRequestBody[] | null | undefined;
  KernelMemory?: number | null | undefined;
  KernelMemoryTCP?: number | null | undefined;
  /** Memory that it is left when memory is short, in bytes. */
  MemoryReservation?: number | null | undefined;
  /** Memory and swap together, in bytes; -1 for no bound. */
  MemorySwap?: number | null | undefined;
  /** 0 to 100. */
  MemorySwappiness?: number | null | undefined;
  /** It is not killed when its memory is used up. */
  OomKillDisable?: boolean | null | undefined;
  /** Most processes and threads; 0 or -1 for no bound. */
  PidsLimit?: number | null | undefined;
  /** Resource limits of its processes. */
  Ulimits?: readonly UlimitBody[] | null | undefined;
  CpuCount?: number | null | undefined;
  CpuPercent?: number | null | undefined;
  IOMaximumIOps?: number | null | undefined;
  IOMaximumBandwidth?: number | null | undefined;
  /** no, always, on-failure or unless-stopped; MaximumRetryCount with on-failure. */
  RestartPolicy?:
    | { Name?: string | null | undefined; MaximumRetryCount?: number | null | undefined }
    | null
    | undefined;
  /** Ports to publish from now on. */
  PublishAdd?: Readonly<Record<string, readonly PortBinding[] | null>> | null | undefined;
  /** Ports to publish no more, as `80/tcp`. */
  PublishRemove?: readonly string[] | null | undefined;
}

export interface ContainerUpdated {
  Warnings: string[] | null;
}

export interface ContainerWait {
  /** The exit code; 128 and more for a signal. */
  StatusCode: number;
  Error?: ContainerWaitError;
}

export interface ContainerWaitError {
  Message: string;
}

export interface ContainersPruned {
  ContainersDeleted: string[] | null;
  SpaceReclaimed: number;
}

export interface CpuStats {
  cpu_usage: CpuUsage;
  system_cpu_usage?: number;
  online_cpus?: number;
  throttling_data: ThrottlingData;
}

export interface CpuUsage {
  total_usage: number;
  percpu_usage?: number[];
  usage_in_kernelmode: number;
  usage_in_usermode: number;
}

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

export interface DeviceBody {
  /** The device. */
  PathOnHost?: string | null | undefined;
  /** Its name inside. */
  PathInContainer?: string | null | undefined;
  /** r, w and m: read, write, make nodes. */
  CgroupPermissions?: string | null | undefined;
}

/** Devices that the engine finds: by CDI. */
export interface DeviceRequestBody {
  /** cdi, or nothing for a capability. */
  Driver?: string | null | undefined;
  /** So many; -1 for all. */
  Count?: number | null | undefined;
  /** With the driver cdi: vendor.com/class=name. */
  DeviceIDs?: readonly string[] | null | undefined;
  /** What they can do, as [["gpu"]]. */
  Capabilities?: unknown;
  /** Of the driver. */
  Options?: Readonly<Record<string, string>> | null | undefined;
}

/** What takes disk. */
export interface DiskUsage {
  LayersSize: number;
  Images: ImageSummary[] | null;
  Containers: ContainerSummary[] | null;
  Volumes: Volume[] | null;
  BuildCache: unknown[] | null;
  BuilderSize: number;
}

export interface DistributionInspect {
  Descriptor: Descriptor;
  Platforms: Platform[];
}

export interface EndpointIpamConfig {
  IPv4Address?: string;
  IPv6Address?: string;
  LinkLocalIPs?: string[];
}

export interface EndpointSettings {
  IPAMConfig: EndpointIpamConfig | null;
  Links: string[] | null;
  Aliases: string[] | null;
  MacAddress: string;
  DriverOpts: Record<string, string> | null;
  GwPriority: number;
  NetworkID: string;
  EndpointID: string;
  Gateway: string;
  IPAddress: string;
  IPPrefixLen: number;
  IPv6Gateway: string;
  GlobalIPv6Address: string;
  GlobalIPv6PrefixLen: number;
  DNSNames: string[] | null;
}

/** A container’s place in a network. */
export interface EndpointSettingsBody {
  /** Fixed addresses. */
  IPAMConfig?:
    | {
        IPv4Address?: string | null | undefined;
        IPv6Address?: string | null | undefined;
        LinkLocalIPs?: readonly string[] | null | undefined;
      }
    | null
    | undefined;
  /** container:alias, for this network. */
  Links?: readonly string[] | null | undefined;
  /** Further names there. */
  Aliases?: readonly string[] | null | undefined;
  /** Hardware address there. */
  MacAddress?: string | null | undefined;
  /** For the driver. */
  DriverOpts?: Readonly<Record<string, string>> | null | undefined;
  /** The highest leads out. */
  GwPriority?: number | null | undefined;
}

/** Something that happened. */
export interface EngineEvent {
  /** As Action, for old clients. */
  status?: string;
  id?: string;
  from?: string;
  Type: string;
  Action: string;
  Actor: EventActor;
  scope: string;
  /** Seconds since the epoch. */
  time: number;
  /** Nanoseconds since the epoch: more digits than a number of JavaScript keeps. */
  timeNano: number;
}

/** Why not. */
export interface ErrorAnswer {
  message: string;
}

export interface ErrorDetail {
  message: string;
  code?: number;
}

export interface EventActor {
  ID: string;
  Attributes: Record<string, string>;
}

/** A process to start in a running container. */
export interface ExecCreateBody {
  /** It has an input. */
  AttachStdin?: boolean | null | undefined;
  /** Its output is wanted. */
  AttachStdout?: boolean | null | undefined;
  /** Its error output is wanted. */
  AttachStderr?: boolean | null | undefined;
  /** The keys that end the session and leave it be. */
  DetachKeys?: string | null | undefined;
  /** It has a terminal. */
  Tty?: boolean | null | undefined;
  /** NAME=value, beside the container’s. */
  Env?: readonly string[] | null | undefined;
  /** The command and its arguments. */
  Cmd?: readonly string[] | null | undefined;
  /** All capabilities. */
  Privileged?: boolean | null | undefined;
  /** user[:group]; the container’s by default. */
  User?: string | null | undefined;
  /** The container’s by default. */
  WorkingDir?: string | null | undefined;
  /** Rows and columns that its terminal begins with. */
  ConsoleSize?: readonly [number, number] | null | undefined;
}

export interface ExecCreated {
  Id: string;
}

export interface ExecInspect {
  ID: string;
  Running: boolean;
  ExitCode: number | null;
  ProcessConfig: ExecProcessConfig;
  OpenStdin: boolean;
  OpenStderr: boolean;
  OpenStdout: boolean;
  CanRemove: boolean;
  ContainerID: string;
  DetachKeys: string;
  Pid: number;
}

export interface ExecProcessConfig {
  tty: boolean;
  entrypoint: string;
  arguments: string[];
  privileged: boolean;
  user?: string;
}

export interface ExecStartBody {
  /** Answer when it runs, and attach to nothing. */
  Detach?: boolean | null | undefined;
  /** As at its creation. */
  Tty?: boolean | null | undefined;
  ConsoleSize?: readonly [number, number] | null | undefined;
}

export interface FilesystemChange {
  Path: string;
  /** 0 modified, 1 added, 2 deleted. */
  Kind: number;
}

export interface GraphDriver {
  Name: string;
  Data: Record<string, string> | null;
}

export interface Health {
  Status: 'starting' | 'healthy' | 'unhealthy';
  FailingStreak: number;
  Log: HealthResult[];
}

export interface HealthResult {
  Start: string;
  End: string;
  ExitCode: number;
  Output: string;
}

/** A command that says whether a container is well. Times are nanoseconds; zero takes the default. */
export interface HealthcheckBody {
  /** ["CMD", …], ["CMD-SHELL", "…"], or ["NONE"]. */
  Test?: readonly string[] | null | undefined;
  /** Between two tests. */
  Interval?: number | null | undefined;
  /** For one test. */
  Timeout?: number | null | undefined;
  /** In which failures do not count. */
  StartPeriod?: number | null | undefined;
  /** Between two tests in that period. */
  StartInterval?: number | null | undefined;
  /** Failures in a row that make it unhealthy. */
  Retries?: number | null | undefined;
}

/** What of the machine a container gets. */
export interface HostConfig {
  /** Weight among others; 1024 is the usual. */
  CpuShares?: number | null;
  /** Most memory, in bytes. */
  Memory?: number | null;
  /** Processors, in billionths. */
  NanoCpus?: number | null;
  /** The cgroup above the container’s. */
  CgroupParent?: string;
  /** Weight of block I/O, 10 to 1000. */
  BlkioWeight?: number | null;
  /** The same for single devices. */
  BlkioWeightDevice?: WeightedDeviceBody[] | null;
  /** Most bytes a second read from a device. */
  BlkioDeviceReadBps?: ThrottledDeviceBody[] | null;
  /** Most bytes a second written to a device. */
  BlkioDeviceWriteBps?: ThrottledDeviceBody[] | null;
  /** Most reads a second from a device. */
  BlkioDeviceReadIOps?: ThrottledDeviceBody[] | null;
  /** Most writes a second to a device. */
  BlkioDeviceWriteIOps?: ThrottledDeviceBody[] | null;
  /** Microseconds of a scheduling period. */
  CpuPeriod?: number | null;
  /** Microseconds of processor time in a period. */
  CpuQuota?: number | null;
  /** Microseconds of a period of real-time scheduling. */
  CpuRealtimePeriod?: number | null;
  /** Microseconds of real-time scheduling in a period. */
  CpuRealtimeRuntime?: number | null;
  /** Processors it may run on, as 0-3,5. */
  CpusetCpus?: string;
  /** Memory nodes it may use. */
  CpusetMems?: string;
  /** Devices of the host. */
  Devices?: DeviceBody[] | null;
  /** Rules as `c 13:* rwm`. */
  DeviceCgroupRules?: string[] | null;
  /** Devices by driver or capability. */
  DeviceRequests?: DeviceRequestBody[] | null;
  KernelMemory?: number | null;
  KernelMemoryTCP?: number | null;
  /** Memory that it is left when memory is short, in bytes. */
  MemoryReservation?: number | null;
  /** Memory and swap together, in bytes; -1 for no bound. */
  MemorySwap?: number | null;
  /** 0 to 100. */
  MemorySwappiness?: number | null;
  /** It is not killed when its memory is used up. */
  OomKillDisable?: boolean | null;
  /** Most processes and threads; 0 or -1 for no bound. */
  PidsLimit?: number | null;
  /** Resource limits of its processes. */
  Ulimits?: UlimitBody[] | null;
  CpuCount?: number | null;
  CpuPercent?: number | null;
  IOMaximumIOps?: number | null;
  IOMaximumBandwidth?: number | null;
  /** no, always, on-failure or unless-stopped; MaximumRetryCount with on-failure. */
  RestartPolicy?: { Name?: string | null; MaximumRetryCount?: number | null } | null;
  /** source:target[:options], source being a path or a volume. */
  Binds?: string[] | null;
  /** Where the client wrote the id. */
  ContainerIDFile?: string;
  /** Log driver and its options. */
  LogConfig?: { Type?: string | null; Config?: Record<string, string> | null } | null;
  /** default, bridge, host, none, container:ID or a network’s name. */
  NetworkMode?: string;
  /** By port and protocol, as `80/tcp`: [{ HostPort: "8080" }]. */
  PortBindings?: Record<string, PortBinding[] | null> | null;
  /** Removed when it ends. */
  AutoRemove?: boolean | null;
  /** Driver of volumes that are made for it. */
  VolumeDriver?: string;
  /** Containers whose volumes it gets, as name[:ro]. */
  VolumesFrom?: string[] | null;
  /** Rows and columns that its terminal begins with. */
  ConsoleSize?: [number, number] | null;
  /** For the runtime. */
  Annotations?: Record<string, string> | null;
  /** Capabilities beside the usual ones, or ALL. */
  CapAdd?: string | string[] | null;
  /** Capabilities less. */
  CapDrop?: string | string[] | null;
  Capabilities?: string[] | null;
  /** host or private. */
  CgroupnsMode?: string;
  /** Its name servers. */
  Dns?: string[] | null;
  /** Options of resolv.conf. */
  DnsOptions?: string[] | null;
  /** Domains to search. */
  DnsSearch?: string[] | null;
  /** name:address, for /etc/hosts. */
  ExtraHosts?: string[] | null;
  /** Further groups of the process. */
  GroupAdd?: string[] | null;
  /** none, private, shareable, host or container:ID. */
  IpcMode?: string;
  Cgroup?: string;
  /** container[:alias]: other containers by name. */
  Links?: string[] | null;
  /** -1000 to 1000: who goes first when memory is short. */
  OomScoreAdj?: number | null;
  /** host or container:ID. */
  PidMode?: string;
  /** All capabilities and devices, no seccomp. */
  Privileged?: boolean | null;
  /** Each exposed port gets a port of the host. */
  PublishAllPorts?: boolean | null;
  /** Nothing can be written but to mounts. */
  ReadonlyRootfs?: boolean | null;
  /** no-new-privileges, seccomp=…, apparmor=…, label=…. */
  SecurityOpt?: string[] | null;
  /** Options of the snapshotter. */
  StorageOpt?: Record<string, string> | null;
  /** Options by path. */
  Tmpfs?: Record<string, string> | null;
  /** host, or private by default. */
  UTSMode?: string;
  /** host: no user namespace where others have one. */
  UsernsMode?: string;
  /** Bytes of /dev/shm; 64 MiB by default. */
  ShmSize?: number | null;
  /** Kernel settings of its namespaces. */
  Sysctls?: Record<string, string> | null;
  /** Which runtime runs it. */
  Runtime?: string;
  /** default alone. */
  Isolation?: string;
  /** Mounts, each in full. */
  Mounts?: MountBody[] | null;
  /** Paths that are hidden. */
  MaskedPaths?: string[] | null;
  /** Paths that cannot be written. */
  ReadonlyPaths?: string[] | null;
  /** An init is process 1 and reaps. */
  Init?: boolean | null;
}

/** What of the machine a container gets. A field that cannot be in force is refused. */
export interface HostConfigBody {
  /** Weight among others; 1024 is the usual. */
  CpuShares?: number | null | undefined;
  /** Most memory, in bytes. */
  Memory?: number | null | undefined;
  /** Processors, in billionths. */
  NanoCpus?: number | null | undefined;
  /** The cgroup above the container’s. */
  CgroupParent?: string | null | undefined;
  /** Weight of block I/O, 10 to 1000. */
  BlkioWeight?: number | null | undefined;
  /** The same for single devices. */
  BlkioWeightDevice?: readonly WeightedDeviceBody[] | null | undefined;
  /** Most bytes a second read from a device. */
  BlkioDeviceReadBps?: readonly ThrottledDeviceBody[] | null | undefined;
  /** Most bytes a second written to a device. */
  BlkioDeviceWriteBps?: readonly ThrottledDeviceBody[] | null | undefined;
  /** Most reads a second from a device. */
  BlkioDeviceReadIOps?: readonly ThrottledDeviceBody[] | null | undefined;
  /** Most writes a second to a device. */
  BlkioDeviceWriteIOps?: readonly ThrottledDeviceBody[] | null | undefined;
  /** Microseconds of a scheduling period. */
  CpuPeriod?: number | null | undefined;
  /** Microseconds of processor time in a period. */
  CpuQuota?: number | null | undefined;
  /** Microseconds of a period of real-time scheduling. */
  CpuRealtimePeriod?: number | null | undefined;
  /** Microseconds of real-time scheduling in a period. */
  CpuRealtimeRuntime?: number | null | undefined;
  /** Processors it may run on, as 0-3,5. */
  CpusetCpus?: string | null | undefined;
  /** Memory nodes it may use. */
  CpusetMems?: string | null | undefined;
  /** Devices of the host. */
  Devices?: readonly DeviceBody[] | null | undefined;
  /** Rules as `c 13:* rwm`. */
  DeviceCgroupRules?: readonly string[] | null | undefined;
  /** Devices by driver or capability. */
  DeviceRequests?: readonly DeviceRequestBody[] | null | undefined;
  KernelMemory?: number | null | undefined;
  KernelMemoryTCP?: number | null | undefined;
  /** Memory that it is left when memory is short, in bytes. */
  MemoryReservation?: number | null | undefined;
  /** Memory and swap together, in bytes; -1 for no bound. */
  MemorySwap?: number | null | undefined;
  /** 0 to 100. */
  MemorySwappiness?: number | null | undefined;
  /** It is not killed when its memory is used up. */
  OomKillDisable?: boolean | null | undefined;
  /** Most processes and threads; 0 or -1 for no bound. */
  PidsLimit?: number | null | undefined;
  /** Resource limits of its processes. */
  Ulimits?: readonly UlimitBody[] | null | undefined;
  CpuCount?: number | null | undefined;
  CpuPercent?: number | null | undefined;
  IOMaximumIOps?: number | null | undefined;
  IOMaximumBandwidth?: number | null | undefined;
  /** no, always, on-failure or unless-stopped; MaximumRetryCount with on-failure. */
  RestartPolicy?:
    | { Name?: string | null | undefined; MaximumRetryCount?: number | null | undefined }
    | null
    | undefined;
  /** source:target[:options], source being a path or a volume. */
  Binds?: readonly string[] | null | undefined;
  /** Where the client wrote the id. */
  ContainerIDFile?: string | null | undefined;
  /** Log driver and its options. */
  LogConfig?:
    | { Type?: string | null | undefined; Config?: Readonly<Record<string, string>> | null | undefined }
    | null
    | undefined;
  /** default, bridge, host, none, container:ID or a network’s name. */
  NetworkMode?: string | null | undefined;
  /** By port and protocol, as `80/tcp`: [{ HostPort: "8080" }]. */
  PortBindings?: Readonly<Record<string, readonly PortBinding[] | null>> | null | undefined;
  /** Removed when it ends. */
  AutoRemove?: boolean | null | undefined;
  /** Driver of volumes that are made for it. */
  VolumeDriver?: string | null | undefined;
  /** Containers whose volumes it gets, as name[:ro]. */
  VolumesFrom?: readonly string[] | null | undefined;
  /** Rows and columns that its terminal begins with. */
  ConsoleSize?: readonly [number, number] | null | undefined;
  /** For the runtime. */
  Annotations?: Readonly<Record<string, string>> | null | undefined;
  /** Capabilities beside the usual ones, or ALL. */
  CapAdd?: string | readonly string[] | null | undefined;
  /** Capabilities less. */
  CapDrop?: string | readonly string[] | null | undefined;
  Capabilities?: readonly string[] | null | undefined;
  /** host or private. */
  CgroupnsMode?: string | null | undefined;
  /** Its name servers. */
  Dns?: readonly string[] | null | undefined;
  /** Options of resolv.conf. */
  DnsOptions?: readonly string[] | null | undefined;
  /** Domains to search. */
  DnsSearch?: readonly string[] | null | undefined;
  /** name:address, for /etc/hosts. */
  ExtraHosts?: readonly string[] | null | undefined;
  /** Further groups of the process. */
  GroupAdd?: readonly string[] | null | undefined;
  /** none, private, shareable, host or container:ID. */
  IpcMode?: string | null | undefined;
  Cgroup?: string | null | undefined;
  /** container[:alias]: other containers by name. */
  Links?: readonly string[] | null | undefined;
  /** -1000 to 1000: who goes first when memory is short. */
  OomScoreAdj?: number | null | undefined;
  /** host or container:ID. */
  PidMode?: string | null | undefined;
  /** All capabilities and devices, no seccomp. */
  Privileged?: boolean | null | undefined;
  /** Each exposed port gets a port of the host. */
  PublishAllPorts?: boolean | null | undefined;
  /** Nothing can be written but to mounts. */
  ReadonlyRootfs?: boolean | null | undefined;
  /** no-new-privileges, seccomp=…, apparmor=…, label=…. */
  SecurityOpt?: readonly string[] | null | undefined;
  /** Options of the snapshotter. */
  StorageOpt?: Readonly<Record<string, string>> | null | undefined;
  /** Options by path. */
  Tmpfs?: Readonly<Record<string, string>> | null | undefined;
  /** host, or private by default. */
  UTSMode?: string | null | undefined;
  /** host: no user namespace where others have one. */
  UsernsMode?: string | null | undefined;
  /** Bytes of /dev/shm; 64 MiB by default. */
  ShmSize?: number | null | undefined;
  /** Kernel settings of its namespaces. */
  Sysctls?: Readonly<Record<string, string>> | null | undefined;
  /** Which runtime runs it. */
  Runtime?: string | null | undefined;
  /** default alone. */
  Isolation?: string | null | undefined;
  /** Mounts, each in full. */
  Mounts?: readonly MountBody[] | null | undefined;
  /** Paths that are hidden. */
  MaskedPaths?: readonly string[] | null | undefined;
  /** Paths that cannot be written. */
  ReadonlyPaths?: readonly string[] | null | undefined;
  /** An init is process 1 and reaps. */
  Init?: boolean | null | undefined;
}

export interface ImageCommitted {
  Id: string;
}

export interface ImageHistoryRow {
  Comment: string;
  Created: number;
  CreatedBy: string;
  Id: string;
  Size: number;
  Tags: string[] | null;
}

/** An image. */
export interface ImageInspect {
  Id: string;
  RepoTags: string[];
  RepoDigests: string[];
  Parent: string;
  Comment: string;
  Created: string;
  DockerVersion: string;
  Author: string;
  Config: ContainerConfig;
  Architecture: string;
  Variant?: string;
  Os: string;
  /** Bytes of its layers, unpacked. */
  Size: number;
  VirtualSize?: number;
  GraphDriver: GraphDriver;
  RootFS: RootFs;
  Metadata: ImageMetadata;
  Descriptor?: Descriptor;
}

export interface ImageMetadata {
  LastTagTime: string;
}

export interface ImageRemovalRow {
  Untagged?: string;
  Deleted?: string;
}

/** A row of the list of images. */
export interface ImageSummary {
  /** Of it; -1, not counted, before API 1.51. */
  Containers: number;
  /** Seconds since the epoch. */
  Created: number;
  Id: string;
  Labels: Record<string, string> | null;
  ParentId: string;
  RepoDigests: string[];
  RepoTags: string[];
  SharedSize: number;
  Size: number;
  VirtualSize?: number;
}

export interface ImagesPruned {
  ImagesDeleted: ImageRemovalRow[] | null;
  SpaceReclaimed: number;
}

/** The engine and its machine. */
export interface Info {
  ID: string;
  Containers: number;
  ContainersRunning: number;
  ContainersPaused: number;
  ContainersStopped: number;
  Images: number;
  Driver: string;
  DriverStatus: string[][];
  Plugins: InfoPlugins;
  MemoryLimit: boolean;
  SwapLimit: boolean;
  CpuCfsPeriod: boolean;
  CpuCfsQuota: boolean;
  CPUShares: boolean;
  CPUSet: boolean;
  PidsLimit: boolean;
  IPv4Forwarding: boolean;
  Debug: boolean;
  NFd: number;
  OomKillDisable: boolean;
  NGoroutines: number;
  SystemTime: string;
  LoggingDriver: string;
  CgroupDriver: string;
  CgroupVersion: '1' | '2';
  NEventsListener: number;
  KernelVersion: string;
  OperatingSystem: string;
  OSVersion: string;
  OSType: string;
  Architecture: string;
  IndexServerAddress: string;
  RegistryConfig: RegistryConfig;
  NCPU: number;
  MemTotal: number;
  GenericResources: unknown[] | null;
  DockerRootDir: string;
  HttpProxy: string;
  HttpsProxy: string;
  NoProxy: string;
  Name: string;
  Labels: string[] | null;
  ExperimentalBuild: boolean;
  ServerVersion: string;
  Runtimes: Record<string, RuntimeProgram>;
  DefaultRuntime: string;
  Swarm: InfoSwarm;
  LiveRestoreEnabled: boolean;
  Isolation: string;
  InitBinary: string;
  ContainerdCommit: ProgramCommit;
  RuncCommit: ProgramCommit;
  InitCommit: ProgramCommit;
  SecurityOptions: string[];
  CDISpecDirs?: string[];
  Warnings: string[] | null;
}

export interface InfoPlugins {
  Volume: string[];
  Network: string[];
  Authorization: string[] | null;
  Log: string[];
}

export interface InfoSwarm {
  NodeID: string;
  NodeAddr: string;
  LocalNodeState: string;
  ControlAvailable: boolean;
  Error: string;
  RemoteManagers: unknown[] | null;
}

export interface Ipam {
  Driver: string;
  Options: Record<string, string> | null;
  Config: IpamPool[] | null;
}

export interface IpamPool {
  Subnet: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

export interface IpamPoolBody {
  Subnet?: string | null | undefined;
  IPRange?: string | null | undefined;
  Gateway?: string | null | undefined;
  AuxiliaryAddresses?: Readonly<Record<string, string>> | null | undefined;
}

export interface MemoryStats {
  usage?: number;
  max_usage?: number;
  stats?: Record<string, number>;
  failcnt?: number;
  limit?: number;
}

export interface MountBody {
  /** bind, volume, tmpfs or image. */
  Type?: string | null | undefined;
  /** A path of the host, a volume’s or an image’s name. */
  Source?: string | null | undefined;
  /** Where, in the container. */
  Target?: string | null | undefined;
  /** It cannot be written. */
  ReadOnly?: boolean | null | undefined;
  /** Accepted, without effect on Linux. */
  Consistency?: string | null | undefined;
  BindOptions?:
    | {
        Propagation?: string | null | undefined;
        NonRecursive?: boolean | null | undefined;
        CreateMountpoint?: boolean | null | undefined;
        ReadOnlyNonRecursive?: boolean | null | undefined;
        ReadOnlyForceRecursive?: boolean | null | undefined;
      }
    | null
    | undefined;
  VolumeOptions?:
    | {
        NoCopy?: boolean | null | undefined;
        Subpath?: string | null | undefined;
        Labels?: Readonly<Record<string, string>> | null | undefined;
        DriverConfig?:
          | { Name?: string | null | undefined; Options?: Readonly<Record<string, string>> | null | undefined }
          | null
          | undefined;
      }
    | null
    | undefined;
  ImageOptions?: { Subpath?: string | null | undefined } | null | undefined;
  TmpfsOptions?:
    | { SizeBytes?: number | null | undefined; Mode?: number | null | undefined; Options?: unknown }
    | null
    | undefined;
}

export interface MountPoint {
  Type: string;
  Name?: string;
  Source: string;
  Destination: string;
  Driver?: string;
  Mode: string;
  RW: boolean;
  Propagation: string;
}

/** A network. */
export interface Network {
  Name: string;
  Id: string;
  Created: string;
  Scope: string;
  Driver: string;
  EnableIPv4: boolean;
  EnableIPv6: boolean;
  IPAM: Ipam;
  Internal: boolean;
  Attachable: boolean;
  Ingress: boolean;
  ConfigFrom: NetworkConfigFrom;
  ConfigOnly: boolean;
  /** By id; empty in a list. */
  Containers: Record<string, NetworkMember>;
  Options: Record<string, string> | null;
  Labels: Record<string, string> | null;
}

export interface NetworkConfigFrom {
  Network: string;
}

export interface NetworkConnectBody {
  /** Id or name. */
  Container?: string | null | undefined;
  /** Its addresses and names there. */
  EndpointConfig?: EndpointSettingsBody | null | undefined;
}

/** A network to make. */
export interface NetworkCreateBody {
  /** Its name. */
  Name?: string | null | undefined;
  /** Accepted: names are always unique. */
  CheckDuplicate?: boolean | null | undefined;
  /** bridge, macvlan or ipvlan. */
  Driver?: string | null | undefined;
  Scope?: string | null | undefined;
  /** Nothing leaves it. */
  Internal?: boolean | null | undefined;
  Attachable?: boolean | null | undefined;
  Ingress?: boolean | null | undefined;
  ConfigOnly?: boolean | null | undefined;
  ConfigFrom?: { Network?: string | null | undefined } | null | undefined;
  EnableIPv4?: boolean | null | undefined;
  /** With IPv6. */
  EnableIPv6?: boolean | null | undefined;
  /** Its subnets. */
  IPAM?:
    | {
        Driver?: string | null | undefined;
        Options?: Readonly<Record<string, string>> | null | undefined;
        Config?: readonly IpamPoolBody[] | null | undefined;
      }
    | null
    | undefined;
  /** Of the driver. */
  Options?: Readonly<Record<string, string>> | null | undefined;
  /** Free-form. */
  Labels?: Readonly<Record<string, string>> | null | undefined;
}

export interface NetworkCreated {
  Id: string;
  Warning: string;
}

export interface NetworkDisconnectBody {
  /** Id or name. */
  Container?: string | null | undefined;
  /** Accepted: it is always taken out. */
  Force?: boolean | null | undefined;
}

export interface NetworkMember {
  Name: string;
  EndpointID: string;
  MacAddress: string;
  IPv4Address: string;
  IPv6Address: string;
}

export interface NetworkSettings {
  Bridge: string;
  SandboxID: string;
  SandboxKey: string;
  Ports: Record<string, PortBinding[] | null>;
  HairpinMode: boolean;
  LinkLocalIPv6Address: string;
  LinkLocalIPv6PrefixLen: number;
  SecondaryIPAddresses: string[] | null;
  SecondaryIPv6Addresses: string[] | null;
  EndpointID: string;
  Gateway: string;
  GlobalIPv6Address: string;
  GlobalIPv6PrefixLen: number;
  IPAddress: string;
  IPPrefixLen: number;
  IPv6Gateway: string;
  MacAddress: string;
  Networks: Record<string, EndpointSettings>;
}

export interface NetworkStats {
  rx_bytes: number;
  rx_packets: number;
  rx_errors: number;
  rx_dropped: number;
  tx_bytes: number;
  tx_packets: number;
  tx_errors: number;
  tx_dropped: number;
}

export interface NetworkingConfigBody {
  EndpointsConfig?: Readonly<Record<string, EndpointSettingsBody | null>> | null | undefined;
}

export interface NetworksPruned {
  NetworksDeleted: string[] | null;
}

export interface PidsStats {
  current?: number;
  limit?: number;
}

export interface Platform {
  architecture: string;
  os: string;
  variant?: string;
  'os.version'?: string;
  'os.features'?: string[];
}

export interface Port {
  IP?: string;
  PrivatePort: number;
  PublicPort?: number;
  Type: string;
}

export interface PortBinding {
  HostIp?: string | undefined;
  HostPort?: string | undefined;
}

export interface ProcessTable {
  Titles: string[];
  Processes: string[][];
}

export interface ProgramCommit {
  ID: string;
  Expected: string;
}

export interface ProgressDetail {
  current?: number;
  total?: number;
}

/** One step of a pull, push, load, import or build. */
export interface ProgressMessage {
  /** What goes on. */
  status?: string;
  /** Of what: a layer, or a tag. */
  id?: string;
  /** A bar for people. */
  progress?: string;
  progressDetail?: ProgressDetail;
  /** Text of a build or a load. */
  stream?: string;
  /** What has come of it: `ID` of a build, `Digest` of a push. */
  aux?: Record<string, unknown>;
  error?: string;
  /** It failed: this is the last message. */
  errorDetail?: ErrorDetail;
}

export interface RegistryConfig {
  InsecureRegistryCIDRs: string[];
  IndexConfigs: Record<string, unknown>;
  Mirrors: string[] | null;
}

export interface RootFs {
  Type: string;
  Layers?: string[];
}

export interface RuntimeProgram {
  path: string;
  runtimeArgs?: string[];
}

export interface SearchResult {
  star_count: number;
  is_official: boolean;
  name: string;
  is_automated: boolean;
  description: string;
}

export type StorageStats = Record<string, never>;

export interface ThrottledDeviceBody {
  /** The block device. */
  Path?: string | null | undefined;
  /** Bytes or operations a second. */
  Rate?: number | null | undefined;
}

export interface ThrottlingData {
  periods: number;
  throttled_periods: number;
  throttled_time: number;
}

export interface UlimitBody {
  /** As in setrlimit(2): nofile, nproc and others. */
  Name?: string | null | undefined;
  /** Its bound. */
  Hard?: number | null | undefined;
  /** In force. */
  Soft?: number | null | undefined;
}

/** What runs. */
export interface Version {
  Platform: VersionPlatform;
  Components: VersionComponent[];
  Version: string;
  ApiVersion: string;
  MinAPIVersion: string;
  GitCommit: string;
  GoVersion: string;
  Os: string;
  Arch: string;
  KernelVersion: string;
  BuildTime: string;
}

export interface VersionComponent {
  Name: string;
  Version: string;
  Details: Record<string, string>;
}

export interface VersionPlatform {
  Name: string;
}

/** A volume. */
export interface Volume {
  CreatedAt: string;
  Driver: string;
  Labels: Record<string, string> | null;
  /** Its directory on the host. */
  Mountpoint: string;
  Name: string;
  Options: Record<string, string> | null;
  Scope: string;
  /** In a list of disk usage. */
  UsageData?: VolumeUsage;
}

/** A volume to make. */
export interface VolumeCreateBody {
  /** Its name; one is made up without. */
  Name?: string | null | undefined;
  /** local. */
  Driver?: string | null | undefined;
  /** type, device and o, as mount(8) takes them. */
  DriverOpts?: Readonly<Record<string, string>> | null | undefined;
  /** Free-form. */
  Labels?: Readonly<Record<string, string>> | null | undefined;
  /** Refused: there is no cluster. */
  ClusterVolumeSpec?: unknown;
}

export interface VolumeList {
  Volumes: Volume[];
  Warnings: string[] | null;
}

export interface VolumeUsage {
  Size: number;
  RefCount: number;
}

export interface VolumesPruned {
  VolumesDeleted: string[] | null;
  SpaceReclaimed: number;
}

export interface WeightedDeviceBody {
  /** The block device. */
  Path?: string | null | undefined;
  /** 10 to 1000. */
  Weight?: number | null | undefined;
}

export interface Operations {
  /** List containers: GET /containers/json. */

  ContainerList: {
    query: {
      /** Those that do not run, too. */
      all?: boolean | undefined;
      /** The newest so many, running or not. */
      limit?: number | undefined;
      /** With their sizes on disk, which takes time. */
      size?: boolean | undefined;
      /** Only those that match. */
      filters?:
        | Filters<
            | 'ancestor'
            | 'before'
            | 'exited'
            | 'expose'
            | 'health'
            | 'id'
            | 'isolation'
            | 'is-task'
            | 'label'
            | 'name'
            | 'network'
            | 'publish'
            | 'since'
            | 'status'
            | 'volume'
          >
        | undefined;
    };
    body: undefined;
    answer: ContainerSummary[];
  };
  /** Show a container: GET /containers/{id}/json. */

  ContainerInspect: {
    query: {
      /** With its sizes on disk. */
      size?: boolean | undefined;
    };
    body: undefined;
    answer: ContainerInspect;
  };
  /** List the processes of a container: GET /containers/{id}/top. */

  ContainerTop: {
    query: {
      /** Arguments of ps(1), -ef by default; PID must be among the columns. */
      ps_args?: string | undefined;
    };
    body: undefined;
    answer: ProcessTable;
  };
  /** List what differs from the image: GET /containers/{id}/changes. */

  ContainerChanges: {
    query: Record<never, never>;
    body: undefined;
    answer: FilesystemChange[] | null;
  };
  /** Create a container: POST /containers/create. */

  ContainerCreate: {
    query: {
      /** Its name; one is made up without. */
      name?: string | undefined;
      /** os[/arch[/variant]]: the image must be for it. */
      platform?: string | undefined;
    };
    body: ContainerCreateBody;
    answer: ContainerCreated;
  };
  /** Start a container: POST /containers/{id}/start. */

  ContainerStart: {
    query: {
      /** The keys that end the session and leave the container be. */
      detachKeys?: string | undefined;
    };
    body: undefined;
    answer: undefined;
  };
  /** Stop a container: POST /containers/{id}/stop. */

  ContainerStop: {
    query: {
      /** Seconds until SIGKILL; -1 waits for ever. */
      t?: number | undefined;
      /** A signal by name or number. */
      signal?: string | undefined;
    };
    body: undefined;
    answer: undefined;
  };
  /** Stop a container and start it again: POST /containers/{id}/restart. */

  ContainerRestart: {
    query: {
      /** Seconds until SIGKILL; -1 waits for ever. */
      t?: number | undefined;
      /** A signal by name or number. */
      signal?: string | undefined;
    };
    body: undefined;
    answer: undefined;
  };
  /** Send a signal to a container: POST /containers/{id}/kill. */

  ContainerKill: {
    query: {
      /** SIGKILL by default. */
      signal?: string | undefined;
    };
    body: undefined;
    answer: undefined;
  };
  /** Freeze a container: POST /containers/{id}/pause. */

  ContainerPause: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Thaw a container: POST /containers/{id}/unpause. */

  ContainerUnpause: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Rename a container: POST /containers/{id}/rename. */

  ContainerRename: {
    query: {
      /** The new name. */
      name: string;
    };
    body: undefined;
    answer: undefined;
  };
  /** Change limits, restart policy or published ports: POST /containers/{id}/update. */

  ContainerUpdate: {
    query: Record<never, never>;
    body: ContainerUpdateBody;
    answer: ContainerUpdated;
  };
  /** Wait for a container to end: POST /containers/{id}/wait. */

  ContainerWait: {
    query: {
      /** not-running by default; next-exit ignores a past exit. */
      condition?: 'not-running' | 'next-exit' | 'removed' | undefined;
    };
    body: undefined;
    answer: ContainerWait;
  };
  /** Remove a container: DELETE /containers/{id}. */

  ContainerDelete: {
    query: {
      /** Its anonymous volumes, too. */
      v?: boolean | undefined;
      /** Kill it if it runs. */
      force?: boolean | undefined;
      /** Refused: this engine has no links to remove. */
      link?: boolean | undefined;
    };
    body: undefined;
    answer: undefined;
  };
  /** Remove the containers that do not run: POST /containers/prune. */

  ContainerPrune: {
    query: {
      /** Only those that match. */
      filters?: Filters<'until' | 'label' | 'label!'> | undefined;
    };
    body: undefined;
    answer: ContainersPruned;
  };
  /** Set the size of a container’s terminal: POST /containers/{id}/resize. */

  ContainerResize: {
    query: {
      /** Rows. */
      h: number;
      /** Columns. */
      w: number;
    };
    body: undefined;
    answer: undefined;
  };
  /** Attach to the streams of a container: POST /containers/{id}/attach. */

  ContainerAttach: {
    query: {
      /** The keys that end the session and leave the container be. */
      detachKeys?: string | undefined;
      /** First what it has written so far. */
      logs?: boolean | undefined;
      /** What it writes from now on. */
      stream?: boolean | undefined;
      /** What is sent goes to its standard input; half-closing the connection ends that input. */
      stdin?: boolean | undefined;
      /** Its standard output. */
      stdout?: boolean | undefined;
      /** Its standard error. */
      stderr?: boolean | undefined;
    };
    body: undefined;
    answer: undefined;
  };
  /** Attach by WebSocket: GET /containers/{id}/attach/ws. */

  ContainerAttachWebsocket: {
    query: {
      /** The keys that end the session and leave the container be. */
      detachKeys?: string | undefined;
      /** First what it has written so far. */
      logs?: boolean | undefined;
      /** What it writes from now on. */
      stream?: boolean | undefined;
      /** What is sent goes to its standard input; half-closing the connection ends that input. */
      stdin?: boolean | undefined;
      /** Its standard output. */
      stdout?: boolean | undefined;
      /** Its standard error. */
      stderr?: boolean | undefined;
    };
    body: undefined;
    answer: undefined;
  };
  /** Read what a container has written: GET /containers/{id}/logs. */

  ContainerLogs: {
    query: {
      /** Go on until the container ends. */
      follow?: boolean | undefined;
      /** Its standard output; one of the two is needed. */
      stdout?: boolean | undefined;
      /** Its standard error. */
      stderr?: boolean | undefined;
      /** Nothing older. */
      since?: string | undefined;
      /** Nothing newer. */
      until?: string | undefined;
      /** Before each line when it was written. */
      timestamps?: boolean | undefined;
      /** With the attributes of the log driver. */
      details?: boolean | undefined;
      /** The last so many lines, or all. */
      tail?: string | undefined;
    };
    body: undefined;
    answer: undefined;
  };
  /** Measure what a container uses: GET /containers/{id}/stats. */

  ContainerStats: {
    query: {
      /** A sample a second; true by default. */
      stream?: boolean | undefined;
      /** With stream=false: one reading at once, without the one before it. */
      'one-shot'?: boolean | undefined;
    };
    body: undefined;
    answer: ContainerStats;
  };
  /** Say what is at a path: HEAD /containers/{id}/archive. */

  ContainerArchiveInfo: {
    query: {
      /** Where, inside the container. */
      path: string;
    };
    body: undefined;
    answer: undefined;
  };
  /** Read a file or directory as a tar: GET /containers/{id}/archive. */

  ContainerArchive: {
    query: {
      /** Where, inside the container. */
      path: string;
    };
    body: undefined;
    answer: undefined;
  };
  /** Unpack a tar into a directory: PUT /containers/{id}/archive. */

  PutContainerArchive: {
    query: {
      /** An existing directory. */
      path: string;
      /** No directory takes a file’s place, and no file a directory’s. */
      noOverwriteDirNonDir?: boolean | undefined;
      /** Files belong to the container’s user. */
      copyUIDGID?: boolean | undefined;
    };
    body: undefined;
    answer: undefined;
  };
  /** Read the whole filesystem as a tar: GET /containers/{id}/export. */

  ContainerExport: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Make an image of a container: POST /commit. */

  ImageCommit: {
    query: {
      /** Its id or name. */
      container: string;
      /** Name of the image; none without. */
      repo?: string | undefined;
      /** latest by default. */
      tag?: string | undefined;
      /** For the history. */
      comment?: string | undefined;
      /** For the image. */
      author?: string | undefined;
      /** Freeze it meanwhile; true by default. */
      pause?: boolean | undefined;
      /** Instructions as in a Dockerfile: CMD, ENTRYPOINT, ENV and others. */
      changes?: readonly string[] | undefined;
    };
    body: ContainerConfigBody;
    answer: ImageCommitted;
  };
  /** Prepare another process in a container: POST /containers/{id}/exec. */

  ContainerExec: {
    query: Record<never, never>;
    body: ExecCreateBody;
    answer: ExecCreated;
  };
  /** Start the process and attach to it: POST /exec/{id}/start. */

  ExecStart: {
    query: Record<never, never>;
    body: ExecStartBody;
    answer: undefined;
  };
  /** Show such a process: GET /exec/{id}/json. */

  ExecInspect: {
    query: Record<never, never>;
    body: undefined;
    answer: ExecInspect;
  };
  /** Set the size of its terminal: POST /exec/{id}/resize. */

  ExecResize: {
    query: {
      /** Rows. */
      h: number;
      /** Columns. */
      w: number;
    };
    body: undefined;
    answer: undefined;
  };
  /** List images: GET /images/json. */

  ImageList: {
    query: {
      /** With the images between a build’s base and its result. */
      all?: boolean | undefined;
      /** Only those that match. */
      filters?: Filters<'dangling' | 'label' | 'reference' | 'before' | 'since' | 'until'> | undefined;
      /** With the bytes that other images have, too. */
      'shared-size'?: boolean | undefined;
      /** Accepted; digests are always there. */
      digests?: boolean | undefined;
    };
    body: undefined;
    answer: ImageSummary[];
  };
  /** Show an image: GET /images/{name}/json. */

  ImageInspect: {
    query: Record<never, never>;
    body: undefined;
    answer: ImageInspect;
  };
  /** Show the steps that an image was made in: GET /images/{name}/history. */

  ImageHistory: {
    query: Record<never, never>;
    body: undefined;
    answer: ImageHistoryRow[];
  };
  /** Save an image: GET /images/{name}/get. */

  ImageGet: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Save images: GET /images/get. */

  ImageGetAll: {
    query: {
      /** Which; each may name several, with commas between. */
      names: readonly string[];
    };
    body: undefined;
    answer: undefined;
  };
  /** Ask the index of a registry, Docker Hub’s unless the term begins with a host: GET /images/search. */

  ImageSearch: {
    query: {
      /** What to look for. */
      term: string;
      /** At most so many. */
      limit?: number | undefined;
      /** Only those that match. */
      filters?: Filters<'is-automated' | 'is-official' | 'stars'> | undefined;
    };
    body: undefined;
    answer: SearchResult[];
  };
  /** Pull an image, or import a filesystem as one: POST /images/create. */

  ImageCreate: {
    query: {
      /** Pull: the name. */
      fromImage?: string | undefined;
      /** Import: a URL, or - for the body. */
      fromSrc?: string | undefined;
      /** Import: the image’s name. */
      repo?: string | undefined;
      /** The tag or digest to pull, or the tag of what is imported. */
      tag?: string | undefined;
      /** Import: for the history. */
      message?: string | undefined;
      /** Instructions as in a Dockerfile, for the new image. */
      changes?: readonly string[] | undefined;
      /** os[/arch[/variant]]. */
      platform?: string | undefined;
    };
    body: undefined;
    answer: ProgressMessage;
  };
  /** Load images from an archive: POST /images/load. */

  ImageLoad: {
    query: {
      /** Without the lines of each layer; true by default. */
      quiet?: boolean | undefined;
    };
    body: undefined;
    answer: ProgressMessage;
  };
  /** Push an image: POST /images/{name}/push. */

  ImagePush: {
    query: {
      /** The tag, or a digest. */
      tag?: string | undefined;
    };
    body: undefined;
    answer: ProgressMessage;
  };
  /** Give an image another name: POST /images/{name}/tag. */

  ImageTag: {
    query: {
      /** The repository. */
      repo: string;
      /** latest by default. */
      tag?: string | undefined;
    };
    body: undefined;
    answer: undefined;
  };
  /** Take a name from an image, with its last name the image: DELETE /images/{name}. */

  ImageDelete: {
    query: {
      /** Though a stopped container uses it. */
      force?: boolean | undefined;
      /** The unnamed images that a build made it on stay. */
      noprune?: boolean | undefined;
    };
    body: undefined;
    answer: ImageRemovalRow[];
  };
  /** Remove images that are not used: POST /images/prune. */

  ImagePrune: {
    query: {
      /** dangling=false: those with names, too. */
      filters?: Filters<'dangling' | 'until' | 'label' | 'label!'> | undefined;
    };
    body: undefined;
    answer: ImagesPruned;
  };
  /** Ask a registry about an image: GET /distribution/{name}/json. */

  DistributionInspect: {
    query: Record<never, never>;
    body: undefined;
    answer: DistributionInspect;
  };
  /** Check credentials with their registry: POST /auth. */

  SystemAuth: {
    query: Record<never, never>;
    body: AuthConfig;
    answer: AuthAnswer;
  };
  /** Build an image: POST /build. */

  ImageBuild: {
    query: {
      /** Its path in the context. */
      dockerfile?: string | undefined;
      /** Names of the image. */
      t?: readonly string[] | undefined;
      /** Lines of /etc/hosts for RUN: name:address. */
      extrahosts?: readonly string[] | undefined;
      /** A tar or a Dockerfile over HTTP, in place of the body. */
      remote?: string | undefined;
      /** Nothing but the image’s id. */
      q?: boolean | undefined;
      /** Every step anew. */
      nocache?: boolean | undefined;
      /** JSON list of images whose history serves as cache. */
      cachefrom?: string | undefined;
      /** Pull base images though they are here. */
      pull?: boolean | undefined;
      /** Remove containers after steps that went well; true by default. */
      rm?: boolean | undefined;
      /** And after one that failed. */
      forcerm?: boolean | undefined;
      /** Of each container that RUN makes: bytes. */
      memory?: number | undefined;
      /** Of each container that RUN makes: bytes with swap. */
      memswap?: number | undefined;
      /** Of each container that RUN makes: relative weight. */
      cpushares?: number | undefined;
      /** Processors for RUN. */
      cpusetcpus?: string | undefined;
      /** Memory nodes for RUN. */
      cpusetmems?: string | undefined;
      /** Of each container that RUN makes: microseconds of a period. */
      cpuperiod?: number | undefined;
      /** Of each container that RUN makes: microseconds in a period. */
      cpuquota?: number | undefined;
      /** Control group above those of RUN. */
      cgroupparent?: string | undefined;
      /** JSON object: values of ARG. */
      buildargs?: string | undefined;
      /** Of each container that RUN makes: bytes of /dev/shm. */
      shmsize?: number | undefined;
      /** JSON list of limits for RUN. */
      ulimits?: string | undefined;
      /** JSON object: further labels. */
      labels?: string | undefined;
      /** Network of RUN. */
      networkmode?: string | undefined;
      /** os[/arch[/variant]] of base images. */
      platform?: string | undefined;
      /** The stage to stop after. */
      target?: string | undefined;
      /** The classic builder; BuildKit (2) is refused. */
      version?: '1' | undefined;
      /** By which the build can be cancelled. */
      buildid?: string | undefined;
    };
    body: undefined;
    answer: ProgressMessage;
  };
  /** Remove the build cache: POST /build/prune. */

  BuildPrune: {
    query: {
      /** Not only what dangles. */
      all?: boolean | undefined;
      /** Bytes to keep. */
      'keep-storage'?: number | undefined;
      /** Only those that match. */
      filters?:
        | Filters<
            | 'until'
            | 'id'
            | 'parent'
            | 'type'
            | 'description'
            | 'inuse'
            | 'shared'
            | 'private'
            | 'unused-for'
            | 'label'
            | 'label!'
          >
        | undefined;
    };
    body: undefined;
    answer: BuildCachePruned;
  };
  /** Cancel a build: POST /build/cancel. */

  BuildCancel: {
    query: {
      /** Its buildid. */
      id: string;
    };
    body: undefined;
    answer: undefined;
  };
  /** Let the engine call its client: POST /session. */

  Session: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Where BuildKit would be: POST /grpc. */

  BuildKitControl: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** List networks: GET /networks. */

  NetworkList: {
    query: {
      /** Only those that match. */
      filters?: Filters<'dangling' | 'driver' | 'id' | 'label' | 'name' | 'scope' | 'type'> | undefined;
    };
    body: undefined;
    answer: Network[];
  };
  /** Show a network: GET /networks/{id}. */

  NetworkInspect: {
    query: {
      /** local, or it is not found. */
      scope?: string | undefined;
      /** Accepted; there is nothing more to say. */
      verbose?: boolean | undefined;
    };
    body: undefined;
    answer: Network;
  };
  /** Remove a network: DELETE /networks/{id}. */

  NetworkDelete: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Create a network: POST /networks/create. */

  NetworkCreate: {
    query: Record<never, never>;
    body: NetworkCreateBody;
    answer: NetworkCreated;
  };
  /** Put a container into a network: POST /networks/{id}/connect. */

  NetworkConnect: {
    query: Record<never, never>;
    body: NetworkConnectBody;
    answer: undefined;
  };
  /** Take a container out of a network: POST /networks/{id}/disconnect. */

  NetworkDisconnect: {
    query: Record<never, never>;
    body: NetworkDisconnectBody;
    answer: undefined;
  };
  /** Remove networks that no container uses: POST /networks/prune. */

  NetworkPrune: {
    query: {
      /** Only those that match. */
      filters?: Filters<'until' | 'label' | 'label!'> | undefined;
    };
    body: undefined;
    answer: NetworksPruned;
  };
  /** List volumes: GET /volumes. */

  VolumeList: {
    query: {
      /** Only those that match. */
      filters?: Filters<'dangling' | 'driver' | 'label' | 'name'> | undefined;
    };
    body: undefined;
    answer: VolumeList;
  };
  /** Create a volume: POST /volumes/create. */

  VolumeCreate: {
    query: Record<never, never>;
    body: VolumeCreateBody;
    answer: Volume;
  };
  /** Show a volume: GET /volumes/{name}. */

  VolumeInspect: {
    query: Record<never, never>;
    body: undefined;
    answer: Volume;
  };
  /** Refused: only the volumes of a cluster are updated: PUT /volumes/{name}. */

  VolumeUpdate: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Remove a volume: DELETE /volumes/{name}. */

  VolumeDelete: {
    query: {
      /** No error when there is none. */
      force?: boolean | undefined;
    };
    body: undefined;
    answer: undefined;
  };
  /** Remove volumes that no container uses: POST /volumes/prune. */

  VolumePrune: {
    query: {
      /** all=true: those with names, too. */
      filters?: Filters<'label' | 'label!' | 'all'> | undefined;
    };
    body: undefined;
    answer: VolumesPruned;
  };
  /** Rename a volume: POST /volumes/{name}/rename. */

  VolumeRename: {
    query: {
      /** The new name. */
      name: string;
    };
    body: undefined;
    answer: Volume;
  };
  /** Copy a volume: POST /volumes/{name}/clone. */

  VolumeClone: {
    query: {
      /** The copy’s name; one is made up without. */
      name?: string | undefined;
      /** Labelled as taken of this volume. */
      snapshot?: boolean | undefined;
    };
    body: undefined;
    answer: Volume;
  };
  /** Ask whether the engine answers: GET /_ping. */

  SystemPing: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Ask which version of the API is served: HEAD /_ping. */

  SystemPingHead: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Say what runs: GET /version. */

  SystemVersion: {
    query: Record<never, never>;
    body: undefined;
    answer: Version;
  };
  /** Describe the engine and its machine: GET /info. */

  SystemInfo: {
    query: Record<never, never>;
    body: undefined;
    answer: Info;
  };
  /** Follow what happens: GET /events. */

  SystemEvents: {
    query: {
      /** First those of the last 256 that are not older. */
      since?: string | undefined;
      /** End then. */
      until?: string | undefined;
      /** Only those that match. */
      filters?:
        | Filters<
            | 'config'
            | 'container'
            | 'daemon'
            | 'event'
            | 'image'
            | 'label'
            | 'network'
            | 'node'
            | 'plugin'
            | 'scope'
            | 'secret'
            | 'service'
            | 'type'
            | 'volume'
          >
        | undefined;
    };
    body: undefined;
    answer: EngineEvent;
  };
  /** Say what takes how much disk: GET /system/df. */

  SystemDataUsage: {
    query: {
      /** Only these: container, image, volume, build-cache. */
      type?: readonly string[] | undefined;
    };
    body: undefined;
    answer: DiskUsage;
  };
  /** This document: GET /openapi.json. */

  SystemApiDocument: {
    query: Record<never, never>;
    body: undefined;
    answer: Record<string, unknown>;
  };
  /** Refused: this engine joins no swarm: POST /swarm/init. */

  SwarmInit: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine joins no swarm: POST /swarm/join. */

  SwarmJoin: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine joins no swarm: POST /swarm/leave. */

  SwarmLeave: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: GET /swarm. */

  SwarmGet: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: POST /swarm. */

  SwarmPost: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: DELETE /swarm. */

  SwarmDelete: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: GET /swarm/{path}. */

  SwarmGetBelow: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: POST /swarm/{path}. */

  SwarmPostBelow: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: DELETE /swarm/{path}. */

  SwarmDeleteBelow: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: GET /nodes. */

  NodesGet: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: POST /nodes. */

  NodesPost: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: DELETE /nodes. */

  NodesDelete: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: GET /nodes/{path}. */

  NodesGetBelow: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: POST /nodes/{path}. */

  NodesPostBelow: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: DELETE /nodes/{path}. */

  NodesDeleteBelow: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: GET /services. */

  ServicesGet: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: POST /services. */

  ServicesPost: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: DELETE /services. */

  ServicesDelete: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: GET /services/{path}. */

  ServicesGetBelow: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: POST /services/{path}. */

  ServicesPostBelow: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: DELETE /services/{path}. */

  ServicesDeleteBelow: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: GET /tasks. */

  TasksGet: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: POST /tasks. */

  TasksPost: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: DELETE /tasks. */

  TasksDelete: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: GET /tasks/{path}. */

  TasksGetBelow: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: POST /tasks/{path}. */

  TasksPostBelow: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: DELETE /tasks/{path}. */

  TasksDeleteBelow: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: GET /secrets. */

  SecretsGet: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: POST /secrets. */

  SecretsPost: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: DELETE /secrets. */

  SecretsDelete: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: GET /secrets/{path}. */

  SecretsGetBelow: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: POST /secrets/{path}. */

  SecretsPostBelow: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: DELETE /secrets/{path}. */

  SecretsDeleteBelow: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: GET /configs. */

  ConfigsGet: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: POST /configs. */

  ConfigsPost: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: DELETE /configs. */

  ConfigsDelete: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: GET /configs/{path}. */

  ConfigsGetBelow: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: POST /configs/{path}. */

  ConfigsPostBelow: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: this engine is in no swarm: DELETE /configs/{path}. */

  ConfigsDeleteBelow: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** List managed plugins: GET /plugins. */

  PluginList: {
    query: {
      /** Only those that match. */
      filters?: Filters<'capability' | 'enabled'> | undefined;
    };
    body: undefined;
    answer: unknown[];
  };
  /** Nothing is asked for, since nothing is installed: GET /plugins/privileges. */

  PluginPrivileges: {
    query: Record<never, never>;
    body: undefined;
    answer: unknown[];
  };
  /** Refused: managed plugins are not installed: POST /plugins/pull. */

  PluginPull: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Refused: managed plugins are not installed: POST /plugins/create. */

  PluginCreate: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Answered by: there is no such plugin: GET /plugins/{path}. */

  PluginGet: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Answered by: there is no such plugin: POST /plugins/{path}. */

  PluginPost: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
  /** Answered by: there is no such plugin: DELETE /plugins/{path}. */

  PluginDelete: {
    query: Record<never, never>;
    body: undefined;
    answer: undefined;
  };
}
export const operationCalls = {
  ContainerList: 'GET /containers/json',
  ContainerInspect: 'GET /containers/{id}/json',
  ContainerTop: 'GET /containers/{id}/top',
  ContainerChanges: 'GET /containers/{id}/changes',
  ContainerCreate: 'POST /containers/create',
  ContainerStart: 'POST /containers/{id}/start',
  ContainerStop: 'POST /containers/{id}/stop',
  ContainerRestart: 'POST /containers/{id}/restart',
  ContainerKill: 'POST /containers/{id}/kill',
  ContainerPause: 'POST /containers/{id}/pause',
  ContainerUnpause: 'POST /containers/{id}/unpause',
  ContainerRename: 'POST /containers/{id}/rename',
  ContainerUpdate: 'POST /containers/{id}/update',
  ContainerWait: 'POST /containers/{id}/wait',
  ContainerDelete: 'DELETE /containers/{id}',
  ContainerPrune: 'POST /containers/prune',
  ContainerResize: 'POST /containers/{id}/resize',
  ContainerAttach: 'POST /containers/{id}/attach',
  ContainerAttachWebsocket: 'GET /containers/{id}/attach/ws',
  ContainerLogs: 'GET /containers/{id}/logs',
  ContainerStats: 'GET /containers/{id}/stats',
  ContainerArchiveInfo: 'HEAD /containers/{id}/archive',
  ContainerArchive: 'GET /containers/{id}/archive',
  PutContainerArchive: 'PUT /containers/{id}/archive',
  ContainerExport: 'GET /containers/{id}/export',
  ImageCommit: 'POST /commit',
  ContainerExec: 'POST /containers/{id}/exec',
  ExecStart: 'POST /exec/{id}/start',
  ExecInspect: 'GET /exec/{id}/json',
  ExecResize: 'POST /exec/{id}/resize',
  ImageList: 'GET /images/json',
  ImageInspect: 'GET /images/{name}/json',
  ImageHistory: 'GET /images/{name}/history',
  ImageGet: 'GET /images/{name}/get',
  ImageGetAll: 'GET /images/get',
  ImageSearch: 'GET /images/search',
  ImageCreate: 'POST /images/create',
  ImageLoad: 'POST /images/load',
  ImagePush: 'POST /images/{name}/push',
  ImageTag: 'POST /images/{name}/tag',
  ImageDelete: 'DELETE /images/{name}',
  ImagePrune: 'POST /images/prune',
  DistributionInspect: 'GET /distribution/{name}/json',
  SystemAuth: 'POST /auth',
  ImageBuild: 'POST /build',
  BuildPrune: 'POST /build/prune',
  BuildCancel: 'POST /build/cancel',
  Session: 'POST /session',
  BuildKitControl: 'POST /grpc',
  NetworkList: 'GET /networks',
  NetworkInspect: 'GET /networks/{id}',
  NetworkDelete: 'DELETE /networks/{id}',
  NetworkCreate: 'POST /networks/create',
  NetworkConnect: 'POST /networks/{id}/connect',
  NetworkDisconnect: 'POST /networks/{id}/disconnect',
  NetworkPrune: 'POST /networks/prune',
  VolumeList: 'GET /volumes',
  VolumeCreate: 'POST /volumes/create',
  VolumeInspect: 'GET /volumes/{name}',
  VolumeUpdate: 'PUT /volumes/{name}',
  VolumeDelete: 'DELETE /volumes/{name}',
  VolumePrune: 'POST /volumes/prune',
  VolumeRename: 'POST /volumes/{name}/rename',
  VolumeClone: 'POST /volumes/{name}/clone',
  SystemPing: 'GET /_ping',
  SystemPingHead: 'HEAD /_ping',
  SystemVersion: 'GET /version',
  SystemInfo: 'GET /info',
  SystemEvents: 'GET /events',
  SystemDataUsage: 'GET /system/df',
  SystemApiDocument: 'GET /openapi.json',
  SwarmInit: 'POST /swarm/init',
  SwarmJoin: 'POST /swarm/join',
  SwarmLeave: 'POST /swarm/leave',
  SwarmGet: 'GET /swarm',
  SwarmPost: 'POST /swarm',
  SwarmDelete: 'DELETE /swarm',
  SwarmGetBelow: 'GET /swarm/{path}',
  SwarmPostBelow: 'POST /swarm/{path}',
  SwarmDeleteBelow: 'DELETE /swarm/{path}',
  NodesGet: 'GET /nodes',
  NodesPost: 'POST /nodes',
  NodesDelete: 'DELETE /nodes',
  NodesGetBelow: 'GET /nodes/{path}',
  NodesPostBelow: 'POST /nodes/{path}',
  NodesDeleteBelow: 'DELETE /nodes/{path}',
  ServicesGet: 'GET /services',
  ServicesPost: 'POST /services',
  ServicesDelete: 'DELETE /services',
  ServicesGetBelow: 'GET /services/{path}',
  ServicesPostBelow: 'POST /services/{path}',
  ServicesDeleteBelow: 'DELETE /services/{path}',
  TasksGet: 'GET /tasks',
  TasksPost: 'POST /tasks',
  TasksDelete: 'DELETE /tasks',
  TasksGetBelow: 'GET /tasks/{path}',
  TasksPostBelow: 'POST /tasks/{path}',
  TasksDeleteBelow: 'DELETE /tasks/{path}',
  SecretsGet: 'GET /secrets',
  SecretsPost: 'POST /secrets',
  SecretsDelete: 'DELETE /secrets',
  SecretsGetBelow: 'GET /secrets/{path}',
  SecretsPostBelow: 'POST /secrets/{path}',
  SecretsDeleteBelow: 'DELETE /secrets/{path}',
  ConfigsGet: 'GET /configs',
  ConfigsPost: 'POST /configs',
  ConfigsDelete: 'DELETE /configs',
  ConfigsGetBelow: 'GET /configs/{path}',
  ConfigsPostBelow: 'POST /configs/{path}',
  ConfigsDeleteBelow: 'DELETE /configs/{path}',
  PluginList: 'GET /plugins',
  PluginPrivileges: 'GET /plugins/privileges',
  PluginPull: 'POST /plugins/pull',
  PluginCreate: 'POST /plugins/create',
  PluginGet: 'GET /plugins/{path}',
  PluginPost: 'POST /plugins/{path}',
  PluginDelete: 'DELETE /plugins/{path}',
} as const satisfies Record<keyof Operations, string>;
