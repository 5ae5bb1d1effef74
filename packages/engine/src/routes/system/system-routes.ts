// The daemon itself: ping, version, info, events, disk usage, authentication.
import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { EngineContext } from '../../containers/engine-context.ts';
import { isSeccompEnabled } from '../../containers/seccomp-policy.ts';
import { type EngineEvent, eventFilters, eventView, matchesEvent } from '../../events/event-hub.ts';
import { nowNs, nowText, parseTimestamp } from '../../go-time.ts';
import { maxApiVersion, minApiVersion } from '../../http/api-version.ts';
import { openJsonLines } from '../../http/ndjson.ts';
import { type Query, queryFilters, queryText } from '../../http/query.ts';
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
  app.get('/info', async () => infoView(context, images));
  app.get<{ Querystring: Query }>('/events', async (request, reply) => streamEvents(context, request, reply));
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

async function infoView(context: EngineContext, images: ImageManager): Promise<object> {
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
      Log: logDrivers,
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
      InsecureRegistryCIDRs: ['127.0.0.0/8'],
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
    Warnings: null,
  };
}

function securityOptions({ config }: EngineContext): string[] {
  return [
    ...(isSeccompEnabled() ? [`name=seccomp,profile=${config.seccompProfile.name}`] : []),
    ...(config.usernsRemap === undefined ? [] : ['name=userns']),
  ];
}

async function streamEvents(
  context: EngineContext,
  request: FastifyRequest<{ Querystring: Query }>,
  reply: FastifyReply,
): Promise<void> {
  const { query } = request;
  const filters = queryFilters(query, eventFilters);
  // the beginning of time asks for all that is kept, no time for what comes
  const since = queryText(query, 'since') === '0' ? 0n : parseTimestamp('since', queryText(query, 'since'));
  const until = parseTimestamp('until', queryText(query, 'until'));
  const lines = openJsonLines(request, reply);
  const queue: EngineEvent[] = [];
  let wake: (() => void) | undefined;
  const unsubscribe = context.events.subscribe((event) => {
    if (!matchesEvent(event, filters)) return;
    queue.push(event);
    wake?.();
  });
  if (since !== undefined)
    queue.unshift(
      ...context.events
        .recent(since)
        .filter((event) => matchesEvent(event, filters) && (until === undefined || event.timeNs <= until)),
    );
  let isOver = false;
  const timer =
    until === undefined
      ? undefined
      : setTimeout(() => {
          // its own word counts, not the clock: timers may fire a little before their time
          isOver = true;
          wake?.();
        }, millisecondsUntil(until));
  const onAbort = () => wake?.();
  lines.signal.addEventListener('abort', onAbort);
  try {
    for (;;) {
      for (let event = queue.shift(); event !== undefined; event = queue.shift()) await lines.write(eventView(event));
      if (lines.signal.aborted || isOver) return;
      if (queue.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    unsubscribe();
    clearTimeout(timer);
    lines.end();
  }
}

/** setTimeout's own bound: later than that, a stream ends too early. */
const maxTimerMs = 2 ** 31 - 1;

function millisecondsUntil(timeNs: bigint): number {
  const leftNs = timeNs - nowNs();
  return leftNs <= 0n ? 0 : Math.min(Number(leftNs / 1_000_000n) + 1, maxTimerMs);
}
