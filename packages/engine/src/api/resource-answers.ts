// Answers about networks, volumes and the daemon itself.
import { containerSummary } from './container-answers.ts';
import { imageSummary } from './image-answers.ts';
import { listOf, mapOf, named, nullable, optional, values } from './shape.ts';

const addressPool = named('IpamPool', {
  Subnet: 'string',
  IPRange: optional('string'),
  Gateway: optional('string'),
  AuxiliaryAddresses: optional('stringMap'),
});

const networkMember = named('NetworkMember', {
  Name: 'string',
  EndpointID: 'string',
  MacAddress: 'string',
  IPv4Address: 'string',
  IPv6Address: 'string',
});

export const network = named('Network', {
  Name: 'string',
  Id: 'string',
  Created: 'time',
  Scope: 'string',
  Driver: 'string',
  EnableIPv4: 'bool',
  EnableIPv6: 'bool',
  IPAM: named('Ipam', {
    Driver: 'string',
    Options: nullable('stringMap'),
    Config: nullable(listOf(addressPool)),
  }),
  Internal: 'bool',
  Attachable: 'bool',
  Ingress: 'bool',
  ConfigFrom: named('NetworkConfigFrom', { Network: 'string' }),
  ConfigOnly: 'bool',
  Containers: mapOf(networkMember),
  Options: nullable('stringMap'),
  Labels: nullable('stringMap'),
});

export const networkCreated = named('NetworkCreated', { Id: 'string', Warning: 'string' });
export const networksPruned = named('NetworksPruned', { NetworksDeleted: nullable('strings') });

export const volume = named('Volume', {
  CreatedAt: 'time',
  Driver: 'string',
  Labels: nullable('stringMap'),
  Mountpoint: 'string',
  Name: 'string',
  Options: nullable('stringMap'),
  Scope: 'string',
  UsageData: optional(named('VolumeUsage', { Size: 'int', RefCount: 'int' })),
});

export const volumeList = named('VolumeList', { Volumes: listOf(volume), Warnings: nullable('strings') });
export const volumesPruned = named('VolumesPruned', { VolumesDeleted: nullable('strings'), SpaceReclaimed: 'int' });

export const cachePruned = named('BuildCachePruned', { CachesDeleted: nullable('strings'), SpaceReclaimed: 'int' });

const component = named('VersionComponent', { Name: 'string', Version: 'string', Details: 'stringMap' });

export const version = named('Version', {
  Platform: named('VersionPlatform', { Name: 'string' }),
  Components: listOf(component),
  Version: 'string',
  ApiVersion: 'string',
  MinAPIVersion: 'string',
  GitCommit: 'string',
  GoVersion: 'string',
  Os: 'string',
  Arch: 'string',
  KernelVersion: 'string',
  BuildTime: 'string',
});

const commit = named('ProgramCommit', { ID: 'string', Expected: 'string' });

export const info = named('Info', {
  ID: 'string',
  Containers: 'int',
  ContainersRunning: 'int',
  ContainersPaused: 'int',
  ContainersStopped: 'int',
  Images: 'int',
  Driver: 'string',
  DriverStatus: listOf('strings'),
  Plugins: named('InfoPlugins', {
    Volume: 'strings',
    Network: 'strings',
    Authorization: nullable('strings'),
    Log: 'strings',
  }),
  MemoryLimit: 'bool',
  SwapLimit: 'bool',
  CpuCfsPeriod: 'bool',
  CpuCfsQuota: 'bool',
  CPUShares: 'bool',
  CPUSet: 'bool',
  PidsLimit: 'bool',
  IPv4Forwarding: 'bool',
  Debug: 'bool',
  NFd: 'int',
  OomKillDisable: 'bool',
  NGoroutines: 'int',
  SystemTime: 'time',
  LoggingDriver: 'string',
  CgroupDriver: 'string',
  CgroupVersion: values('1', '2'),
  NEventsListener: 'int',
  KernelVersion: 'string',
  OperatingSystem: 'string',
  OSVersion: 'string',
  OSType: 'string',
  Architecture: 'string',
  IndexServerAddress: 'string',
  RegistryConfig: named('RegistryConfig', {
    InsecureRegistryCIDRs: 'strings',
    IndexConfigs: { map: 'any' },
    Mirrors: nullable('strings'),
  }),
  NCPU: 'int',
  MemTotal: 'int',
  GenericResources: nullable(listOf('any')),
  DockerRootDir: 'string',
  HttpProxy: 'string',
  HttpsProxy: 'string',
  NoProxy: 'string',
  Name: 'string',
  Labels: nullable('strings'),
  ExperimentalBuild: 'bool',
  ServerVersion: 'string',
  Runtimes: mapOf(named('RuntimeProgram', { path: 'string', runtimeArgs: optional('strings') })),
  DefaultRuntime: 'string',
  Swarm: named('InfoSwarm', {
    NodeID: 'string',
    NodeAddr: 'string',
    LocalNodeState: 'string',
    ControlAvailable: 'bool',
    Error: 'string',
    RemoteManagers: nullable(listOf('any')),
  }),
  LiveRestoreEnabled: 'bool',
  Isolation: 'string',
  InitBinary: 'string',
  ContainerdCommit: commit,
  RuncCommit: commit,
  InitCommit: commit,
  SecurityOptions: 'strings',
  CDISpecDirs: optional('strings'),
  Warnings: nullable('strings'),
});

export const event = named('EngineEvent', {
  status: optional('string'),
  id: optional('string'),
  from: optional('string'),
  Type: 'string',
  Action: 'string',
  Actor: named('EventActor', { ID: 'string', Attributes: 'stringMap' }),
  scope: 'string',
  time: 'int',
  timeNano: 'int',
});

export const diskUsage = named('DiskUsage', {
  LayersSize: 'int',
  Images: nullable(listOf(imageSummary)),
  Containers: nullable(listOf(containerSummary)),
  Volumes: nullable(listOf(volume)),
  BuildCache: nullable(listOf('any')),
  BuilderSize: 'int',
});

export const errorAnswer = named('ErrorAnswer', { message: 'string' });
