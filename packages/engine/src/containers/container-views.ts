// Docker's views of a container: the entry of a list and the answer of inspect, exact in names, nulls and zero times.

import { parseRfc3339 } from '../go-time.ts';
import { endpointViews, networkSettingsView } from '../networks/endpoint-views.ts';
import { parseLink } from '../networks/links.ts';
import { portList } from '../networks/port-bindings.ts';
import type { Container } from './container.ts';
import type { HostConfig } from './container-config.ts';
import { containerFilePaths } from './container-files.ts';
import type { ContainerState, MountPoint } from './container-record.ts';
import type { EngineContext } from './engine-context.ts';
import type { Health } from './health-check.ts';

export interface Sizes {
  SizeRw: number;
  SizeRootFs: number;
}

/** `2 hours`, in docker's steps: days up to two weeks, weeks up to two months, and so on. */
export function humanDuration(seconds: number): string {
  if (seconds < 1) return 'Less than a second';
  if (seconds < 2) return '1 second';
  if (seconds < 60) return `${Math.floor(seconds)} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.round(seconds / 3600);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 14) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 60) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 730) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}

function secondsSince(time: string): number {
  return Math.max(0, (Date.now() - Number((parseRfc3339(time) ?? 0n) / 1_000_000n)) / 1000);
}

/** `Up 5 minutes`, `Exited (0) 2 hours ago`. */
export function statusText(state: ContainerState): string {
  switch (state.status) {
    case 'running':
      return `Up ${humanDuration(secondsSince(state.startedAt))}${healthText(state.health)}`;
    case 'paused':
      return `Up ${humanDuration(secondsSince(state.startedAt))} (Paused)`;
    case 'restarting':
      return `Restarting (${state.exitCode}) ${humanDuration(secondsSince(state.finishedAt))} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    case 'created':
      return 'Created';
    case 'exited':
      return `Exited (${state.exitCode}) ${humanDuration(secondsSince(state.finishedAt))} ago`;
  }
}

function healthText(health: Health | undefined): string {
  if (health === undefined) return '';
  return health.status === 'starting' ? ' (health: starting)' : ` (${health.status})`;
}

function mountView(point: MountPoint): object {
  return {
    Type: point.type,
    ...(point.name === '' ? {} : { Name: point.name }),
    Source: point.type === 'image' ? '' : point.source,
    Destination: point.destination,
    ...(point.type === 'volume' ? { Driver: point.driver ?? 'local' } : {}),
    Mode: point.mode,
    RW: point.isWritable,
    Propagation: point.propagation,
  };
}

function commandText(args: string[]): string {
  const [path = '', ...rest] = args;
  return [path, ...rest.map((word) => (/\s/.test(word) ? `'${word}'` : word))].join(' ');
}

/** One entry of `GET /containers/json`. */
export function listView(container: Container, sizes: Sizes | undefined): object {
  const { settings, state } = container;
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: settings.config.Image,
    ImageID: settings.imageId,
    Command: commandText(settings.args),
    Created: Number((parseRfc3339(settings.created) ?? 0n) / 1_000_000_000n),
    Ports: portList(state.network?.ports ?? [], settings.config.ExposedPorts),
    ...(sizes ?? {}),
    Labels: settings.config.Labels,
    State: state.status,
    Status: statusText(state),
    HostConfig: { NetworkMode: settings.hostConfig.NetworkMode },
    NetworkSettings: { Networks: endpointViews(container) },
    Mounts: settings.mountPoints.map(mountView),
  };
}

function stateView(state: ContainerState): object {
  const { health } = state;
  return {
    Status: state.status,
    Running: state.status === 'running' || state.status === 'paused' || state.status === 'restarting',
    Paused: state.status === 'paused',
    Restarting: state.status === 'restarting',
    OOMKilled: state.isOomKilled,
    Dead: state.status === 'dead',
    Pid: state.pid,
    ExitCode: state.exitCode,
    Error: state.error,
    StartedAt: state.startedAt,
    FinishedAt: state.finishedAt,
    ...(health === undefined
      ? {}
      : { Health: { Status: health.status, FailingStreak: health.failingStreak, Log: health.log } }),
  };
}

/** Mounts without what was not said, and links of the default bridge as docker names them: `/target:/this/alias`. */
function shownHostConfig(name: string, host: HostConfig): HostConfig {
  const links = ['default', 'bridge'].includes(host.NetworkMode)
    ? (host.Links?.map((text) => {
        const { target, alias } = parseLink(text);
        return `/${target}:/${name}/${alias}`;
      }) ?? null)
    : host.Links;
  if (host.Mounts === undefined) return { ...host, Links: links };
  const mounts = host.Mounts.map(({ Source, ReadOnly, ...others }) => ({
    ...others,
    ...(Source === '' ? {} : { Source }),
    ...(ReadOnly ? { ReadOnly } : {}),
  }));
  return { ...host, Links: links, Mounts: mounts as HostConfig['Mounts'] & object };
}

/** The answer of `GET /containers/{id}/json`. */
export function inspectView(context: EngineContext, container: Container, sizes: Sizes | undefined): object {
  const { settings, state } = container;
  const [path = '', ...args] = settings.args;
  const files = containerFilePaths(context.paths.containerData(container.id));
  const { hostConfig } = settings;
  return {
    Id: container.id,
    Created: settings.created,
    Path: path,
    Args: args,
    State: stateView(state),
    Image: settings.imageId,
    ResolvConfPath: files.resolvConf,
    HostnamePath: files.hostname,
    HostsPath: files.hosts,
    LogPath: hostConfig.LogConfig.Type !== 'json-file' ? '' : context.paths.logFile(container.id),
    Name: `/${container.name}`,
    RestartCount: state.restartCount,
    Driver: settings.snapshotter,
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: container.execIds.size === 0 ? null : [...container.execIds],
    HostConfig: shownHostConfig(settings.name, hostConfig),
    GraphDriver: { Name: settings.snapshotter, Data: null },
    ...(sizes ?? {}),
    Mounts: settings.mountPoints.map(mountView),
    Config: settings.config,
    NetworkSettings: networkSettingsView(container, context.paths.networkNamespace(container.id)),
  };
}
