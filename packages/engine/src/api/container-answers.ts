// Answers about containers and what runs in them, as docker shapes them.
import { configSchema, hostConfigSchema } from '../containers/container-config.ts';
import { listOf, mapOf, named, nullable, optional, type Shape, values } from './shape.ts';

export const containerConfig: Shape = { named: 'ContainerConfig', echoOf: configSchema };
export const hostConfig: Shape = { named: 'HostConfig', echoOf: hostConfigSchema };

const containerStatus = values('created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead');

export const created = named('ContainerCreated', { Id: 'string', Warnings: nullable('strings') });

const healthResult = named('HealthResult', { Start: 'time', End: 'time', ExitCode: 'int', Output: 'string' });

const health = named('Health', {
  Status: values('starting', 'healthy', 'unhealthy'),
  FailingStreak: 'int',
  Log: listOf(healthResult),
});

const containerState = named('ContainerState', {
  Status: containerStatus,
  Running: 'bool',
  Paused: 'bool',
  Restarting: 'bool',
  OOMKilled: 'bool',
  Dead: 'bool',
  Pid: 'int',
  ExitCode: 'int',
  Error: 'string',
  StartedAt: 'time',
  FinishedAt: 'time',
  Health: optional(health),
});

const mountPoint = named('MountPoint', {
  Type: 'string',
  Name: optional('string'),
  Source: 'string',
  Destination: 'string',
  Driver: optional('string'),
  Mode: 'string',
  RW: 'bool',
  Propagation: 'string',
});

const endpointIpam = named('EndpointIpamConfig', {
  IPv4Address: optional('string'),
  IPv6Address: optional('string'),
  LinkLocalIPs: optional('strings'),
});

const endpoint = named('EndpointSettings', {
  IPAMConfig: nullable(endpointIpam),
  Links: nullable('strings'),
  Aliases: nullable('strings'),
  MacAddress: 'string',
  DriverOpts: nullable('stringMap'),
  GwPriority: 'int',
  NetworkID: 'string',
  EndpointID: 'string',
  Gateway: 'string',
  IPAddress: 'string',
  IPPrefixLen: 'int',
  IPv6Gateway: 'string',
  GlobalIPv6Address: 'string',
  GlobalIPv6PrefixLen: 'int',
  DNSNames: nullable('strings'),
});

export const portBinding = named('PortBinding', { HostIp: optional('string'), HostPort: optional('string') });

const networkSettings = named('NetworkSettings', {
  Bridge: 'string',
  SandboxID: 'string',
  SandboxKey: 'string',
  Ports: mapOf(nullable(listOf(portBinding))),
  HairpinMode: 'bool',
  LinkLocalIPv6Address: 'string',
  LinkLocalIPv6PrefixLen: 'int',
  SecondaryIPAddresses: nullable('strings'),
  SecondaryIPv6Addresses: nullable('strings'),
  EndpointID: 'string',
  Gateway: 'string',
  GlobalIPv6Address: 'string',
  GlobalIPv6PrefixLen: 'int',
  IPAddress: 'string',
  IPPrefixLen: 'int',
  IPv6Gateway: 'string',
  MacAddress: 'string',
  Networks: mapOf(endpoint),
});

/** Where an image or a container has its files. */
export const graphDriver = named('GraphDriver', { Name: 'string', Data: nullable('stringMap') });

export const containerInspect = named('ContainerInspect', {
  Id: 'string',
  Created: 'time',
  Path: 'string',
  Args: 'strings',
  State: containerState,
  Image: 'string',
  ResolvConfPath: 'string',
  HostnamePath: 'string',
  HostsPath: 'string',
  LogPath: 'string',
  Name: 'string',
  RestartCount: 'int',
  Driver: 'string',
  Platform: 'string',
  MountLabel: 'string',
  ProcessLabel: 'string',
  AppArmorProfile: 'string',
  ExecIDs: nullable('strings'),
  HostConfig: hostConfig,
  GraphDriver: graphDriver,
  SizeRw: optional('int'),
  SizeRootFs: optional('int'),
  Mounts: listOf(mountPoint),
  Config: containerConfig,
  NetworkSettings: networkSettings,
});

const port = named('Port', {
  IP: optional('string'),
  PrivatePort: 'int',
  PublicPort: optional('int'),
  Type: 'string',
});

export const containerSummary = named('ContainerSummary', {
  Id: 'string',
  Names: 'strings',
  Image: 'string',
  ImageID: 'string',
  Command: 'string',
  Created: 'int',
  Ports: listOf(port),
  SizeRw: optional('int'),
  SizeRootFs: optional('int'),
  Labels: 'stringMap',
  State: containerStatus,
  Status: 'string',
  HostConfig: named('ContainerSummaryHostConfig', { NetworkMode: 'string' }),
  NetworkSettings: named('ContainerSummaryNetworks', { Networks: mapOf(endpoint) }),
  Mounts: listOf(mountPoint),
});

export const processTable = named('ProcessTable', { Titles: 'strings', Processes: listOf('strings') });

/** Kind: 0 modified, 1 added, 2 deleted. */
export const change = named('FilesystemChange', { Path: 'string', Kind: 'int' });

export const waitAnswer = named('ContainerWait', {
  StatusCode: 'int',
  Error: optional(named('ContainerWaitError', { Message: 'string' })),
});

export const containersPruned = named('ContainersPruned', {
  ContainersDeleted: nullable('strings'),
  SpaceReclaimed: 'int',
});

export const updated = named('ContainerUpdated', { Warnings: nullable('strings') });

export const execCreated = named('ExecCreated', { Id: 'string' });

export const execInspect = named('ExecInspect', {
  ID: 'string',
  Running: 'bool',
  ExitCode: nullable('int'),
  ProcessConfig: named('ExecProcessConfig', {
    tty: 'bool',
    entrypoint: 'string',
    arguments: 'strings',
    privileged: 'bool',
    user: optional('string'),
  }),
  OpenStdin: 'bool',
  OpenStderr: 'bool',
  OpenStdout: 'bool',
  CanRemove: 'bool',
  ContainerID: 'string',
  DetachKeys: 'string',
  Pid: 'int',
});
