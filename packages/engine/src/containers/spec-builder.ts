// Builds the OCI specification of a container from its settings: Docker's defaults, narrowed or widened by HostConfig.
import { hostname } from 'node:os';
import { shortId } from '@tscontainer/core/ids';
import type { LinuxSpec, Namespace, Spec } from '@tscontainer/core/oci-runtime';
import { containerCapabilities } from './capabilities.ts';
import type { ContainerConfig, HostConfig } from './container-config.ts';
import type { ContainerSettings } from './container-record.ts';
import { defaultMaskedPaths, defaultReadonlyPaths, specMounts } from './spec-mounts.ts';
import { devicesOf, limitsOf, rlimitsOf } from './spec-resources.ts';
import type { ResolvedUser } from './user-lookup.ts';

export interface SpecInput {
  settings: ContainerSettings;
  user: ResolvedUser;
  /** Host paths of the generated files by their place in the container. */
  files: Record<string, string>;
  /** Host paths that stand for the sources of mounts, by destination. */
  heldPaths: Map<string, string>;
  /** Host path of the init program, when the container is to have one. */
  initProgram: string | undefined;
  /** Pids of the containers whose namespaces are joined. */
  joined: { pid?: number | undefined; network?: number | undefined; ipc?: number | undefined };
  /** Of the network namespace that the engine made for it. */
  networkPath?: string | undefined;
  /** What links to other containers say. */
  linkEnvironment?: string[];
  sharedShm: string | undefined;
  cgroupParent: string;
}

export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Each variable once, at its first place with its last value. */
export function mergeEnvironment(...lists: (string[] | null | undefined)[]): string[] {
  const values = new Map<string, string>();
  for (const entry of lists.flatMap((list) => list ?? [])) {
    const name = entry.split('=', 1)[0] ?? '';
    // a name alone takes the variable away
    if (entry.includes('=')) values.set(name, entry);
    else values.delete(name);
  }
  return [...values.values()];
}

export function containerHostname(
  settings: Pick<ContainerSettings, 'id'>,
  config: ContainerConfig,
  host: HostConfig,
): string {
  if (config.Hostname !== '') return config.Hostname;
  return host.UTSMode === 'host' || host.NetworkMode === 'host' ? hostname() : shortId(settings.id);
}

function environmentOf(config: ContainerConfig, home: string, links: string[]): string[] {
  return withHome(
    mergeEnvironment(
      [`PATH=${defaultPath}`, `HOSTNAME=${config.Hostname}`, ...(config.Tty ? ['TERM=xterm'] : [])],
      links,
      config.Env,
    ),
    home,
  );
}

/** Last, as runc adds it, and only when nobody has set it. */
export function withHome(environment: string[], home: string): string[] {
  return environment.some((entry) => entry.startsWith('HOME=')) ? environment : [...environment, `HOME=${home}`];
}

function namespacesOf(input: SpecInput): Namespace[] {
  const { hostConfig, idMapping } = input.settings;
  const namespaces: Namespace[] = [{ type: 'mount' }];
  const push = (type: Namespace['type'], path: string | undefined) =>
    namespaces.push(path === undefined ? { type } : { type, path });
  const add = (type: Namespace['type'], isHost: boolean, joinedPid: number | undefined, file: string) => {
    if (!isHost) push(type, joinedPid === undefined ? undefined : `/proc/${joinedPid}/ns/${file}`);
  };
  add('pid', hostConfig.PidMode === 'host', input.joined.pid, 'pid');
  if (input.networkPath !== undefined) push('network', input.networkPath);
  else add('network', hostConfig.NetworkMode === 'host', input.joined.network, 'net');
  add('ipc', hostConfig.IpcMode === 'host', input.joined.ipc, 'ipc');
  add('uts', hostConfig.UTSMode === 'host', undefined, 'uts');
  if (hostConfig.CgroupnsMode === 'private') namespaces.push({ type: 'cgroup' });
  if (idMapping !== undefined) namespaces.push({ type: 'user' });
  return namespaces;
}

function linuxOf(input: SpecInput): LinuxSpec {
  const { settings } = input;
  const { hostConfig, idMapping } = settings;
  const { devices, rules } = devicesOf(hostConfig, idMapping !== undefined);
  const propagations = settings.mountPoints.map((point) => point.propagation);
  const parent = hostConfig.CgroupParent || input.cgroupParent;
  return {
    namespaces: namespacesOf(input),
    ...(idMapping === undefined ? {} : { uidMappings: [idMapping], gidMappings: [idMapping] }),
    ...(devices.length === 0 ? {} : { devices }),
    cgroupsPath: `${parent.startsWith('/') ? parent : `/${parent}`}/${settings.id}`,
    resources: { ...limitsOf(hostConfig), devices: rules },
    ...(hostConfig.Sysctls === undefined ? {} : { sysctl: hostConfig.Sysctls }),
    maskedPaths: hostConfig.MaskedPaths ?? (hostConfig.Privileged ? [] : defaultMaskedPaths),
    readonlyPaths: hostConfig.ReadonlyPaths ?? (hostConfig.Privileged ? [] : defaultReadonlyPaths),
    ...(propagations.some((word) => word.endsWith('shared')) ? { rootfsPropagation: 'shared' } : {}),
    ...(propagations.some((word) => word.endsWith('slave')) && !propagations.some((word) => word.endsWith('shared'))
      ? { rootfsPropagation: 'slave' }
      : {}),
  };
}

export function hasNoNewPrivileges(hostConfig: HostConfig): boolean {
  return (hostConfig.SecurityOpt ?? []).some((option) => /^no-new-privileges([=:]true)?$/.test(option));
}

/** Capabilities as runc takes them: a user other than root has them in its bounding set only, as in docker. */
export function capabilitySets(names: string[], isRoot: boolean): NonNullable<Spec['process']['capabilities']> {
  return {
    bounding: names,
    effective: isRoot ? names : [],
    permitted: isRoot ? names : [],
    inheritable: [],
    ambient: [],
  };
}

/** Throws invalid-argument for settings that cannot be carried out on this machine. */
export function buildSpec(input: SpecInput): Spec {
  const { settings, user } = input;
  const { config, hostConfig } = settings;
  const args = input.initProgram === undefined ? settings.args : ['/sbin/docker-init', '--', ...settings.args];
  const [height = 0, width = 0] = hostConfig.ConsoleSize;
  return {
    ociVersion: '1.0.2',
    ...(hostConfig.Annotations === undefined ? {} : { annotations: hostConfig.Annotations }),
    process: {
      terminal: config.Tty,
      ...(config.Tty && height > 0 && width > 0 ? { consoleSize: { height, width } } : {}),
      user: {
        uid: user.uid,
        gid: user.gid,
        ...(user.additionalGids.length === 0 ? {} : { additionalGids: user.additionalGids }),
      },
      args,
      env: environmentOf(config, user.home, input.linkEnvironment ?? []),
      cwd: config.WorkingDir || '/',
      capabilities: capabilitySets(
        containerCapabilities(hostConfig.Privileged, hostConfig.CapAdd, hostConfig.CapDrop),
        user.uid === 0,
      ),
      ...(hostConfig.Ulimits === null ? {} : { rlimits: rlimitsOf(hostConfig) }),
      noNewPrivileges: hasNoNewPrivileges(hostConfig),
      ...(hostConfig.OomScoreAdj === 0 ? {} : { oomScoreAdj: hostConfig.OomScoreAdj }),
    },
    root: { path: 'rootfs', readonly: hostConfig.ReadonlyRootfs },
    ...(hostConfig.UTSMode === 'host' ? {} : { hostname: config.Hostname }),
    ...(hostConfig.UTSMode === 'host' || config.Domainname === '' ? {} : { domainname: config.Domainname }),
    mounts: specMounts({
      hostConfig,
      mountPoints: settings.mountPoints,
      files: input.files,
      heldPaths: input.heldPaths,
      initProgram: input.initProgram,
      hasUserNamespace: settings.idMapping !== undefined,
      sharedShm: input.sharedShm,
    }),
    linux: linuxOf(input),
  };
}
