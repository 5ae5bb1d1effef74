// The daemon itself: ping, version, info.
import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { EngineContext } from '../../containers/engine-context.ts';
import { isSeccompEnabled } from '../../containers/seccomp-policy.ts';
import { nowText } from '../../go-time.ts';
import { isAtLeast, maxApiVersion, minApiVersion } from '../../http/api-version.ts';
import type { ImageManager } from '../../images/image-manager.ts';
import { logDrivers } from '../../logs/log-drivers.ts';
import { engineVersion } from '../../version.ts';

export function registerSystemRoutes(app: FastifyInstance, context: EngineContext, images: ImageManager): void {
  const ping = async (request: FastifyRequest, reply: FastifyReply) => {
    reply.headers({
      'Builder-Version': '1',
      Swarm: 'inactive',
      'Cache-Control': 'no-cache, no-store, must-revalidate',
      Pragma: 'no-cache',
      'Content-Type': 'text/plain; charset=utf-8',
    });
    return reply.send(request.method === 'HEAD' ? undefined : 'OK');
  };
  app.get('/_ping', ping);
  app.head('/_ping', ping);

  app.get('/version', async () => versionView(context));
  app.get('/info', async (request) => infoView(context, images, request.apiVersion));
}

async function versionView(context: EngineContext): Promise<object> {
  const containerd = await context.client.version.Version({});
  const details = {
    ApiVersion: maxApiVersion,
    Arch: goArchitecture(),
    BuildTime: '',
    Experimental: 'false',
    GitCommit: '',
    GoVersion: '',
    KernelVersion: os.release(),
    MinAPIVersion: minApiVersion,
    Os: 'linux',
    NodeVersion: process.version,
  };
  return {
    Platform: { Name: 'tscontainer' },
    Components: [
      { Name: 'Engine', Version: engineVersion, Details: details },
      { Name: 'containerd', Version: containerd.version, Details: { GitCommit: containerd.revision } },
    ],
    Version: engineVersion,
    ApiVersion: maxApiVersion,
    MinAPIVersion: minApiVersion,
    GitCommit: '',
    GoVersion: '',
    Os: 'linux',
    Arch: goArchitecture(),
    KernelVersion: os.release(),
    BuildTime: '',
  };
}

function goArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

function operatingSystem(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux';
  } catch {
    return 'Linux'; // a host without os-release
  }
}

async function infoView(context: EngineContext, images: ImageManager, apiVersion: string): Promise<object> {
  const containers = context.index.values();
  const count = (...statuses: string[]) =>
    containers.filter((container) => statuses.includes(container.state.status)).length;
  const isV2 = !/^cgroup /m.test(readFileSync('/proc/self/mounts', 'utf8').replace(/^\S+ \S+ (\S+) /gm, '$1 '));
  return {
    ID: context.engineId,
    Containers: containers.length,
    ContainersRunning: count('running'),
    ContainersPaused: count('paused'),
    ContainersStopped: count('created', 'exited', 'dead', 'restarting'),
    Images: (await images.catalog.all()).length,
    Driver: context.config.snapshotter,
    DriverStatus: [['driver-type', 'io.containerd.snapshotter.v1']],
    Plugins: {
      Volume: ['local'],
      Network: ['bridge', 'host', 'ipvlan', 'macvlan', 'null'],
      Authorization: null,
      // none is always there and, as in docker, not told
      Log: logDrivers.filter((driver) => driver !== 'none').sort(),
    },
    MemoryLimit: true,
    SwapLimit: true,
    CpuCfsPeriod: true,
    CpuCfsQuota: true,
    CPUShares: true,
    CPUSet: true,
    PidsLimit: true,
    IPv4Forwarding: true,
    Debug: context.config.logLevel === 'debug',
    NFd: 0,
    OomKillDisable: true,
    NGoroutines: 0,
    SystemTime: nowText(),
    LoggingDriver: 'json-file',
    CgroupDriver: 'cgroupfs',
    CgroupVersion: isV2 ? '2' : '1',
    NEventsListener: 0,
    KernelVersion: os.release(),
    OperatingSystem: operatingSystem(),
    OSVersion: '',
    OSType: 'linux',
    Architecture: os.machine(),
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: {
      InsecureRegistryCIDRs: ['::1/128', '127.0.0.0/8'],
      IndexConfigs: {},
      Mirrors: context.config.registryMirrors,
    },
    NCPU: os.cpus().length,
    MemTotal: os.totalmem(),
    GenericResources: null,
    DockerRootDir: context.paths.dataRoot,
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
    Name: os.hostname(),
    Labels: context.config.labels,
    ExperimentalBuild: false,
    ServerVersion: engineVersion,
    Runtimes: context.runtimes.list(),
    DefaultRuntime: context.runtimes.defaultName,
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    LiveRestoreEnabled: true,
    Isolation: '',
    InitBinary: 'docker-init',
    ContainerdCommit: { ID: '', Expected: '' },
    RuncCommit: { ID: '', Expected: '' },
    InitCommit: { ID: '', Expected: '' },
    SecurityOptions: securityOptions(context),
    ...(isAtLeast(apiVersion, '1.44') ? { CDISpecDirs: context.config.cdiSpecDirectories } : {}),
    Warnings: null,
  };
}

function securityOptions({ config }: EngineContext): string[] {
  return [
    ...(isSeccompEnabled() ? [`name=seccomp,profile=${config.seccompProfile.name}`] : []),
    ...(config.usernsRemap === undefined ? [] : ['name=userns']),
  ];
}
