// The mounts of a container's specification: Docker's default file systems, its three generated files, and the user's.
import { existsSync } from 'node:fs';
import type { SpecMount } from '@tscontainer/core/oci-runtime';
import type { HostConfig } from './container-config.ts';
import type { MountPoint } from './container-record.ts';
import { isKernelAtLeast } from './kernel-version.ts';

export interface SpecMountsInput {
  hostConfig: HostConfig;
  mountPoints: MountPoint[];
  /** Host paths that stand for the sources of some, by destination. */
  heldPaths: Map<string, string>;
  /** Host paths of the generated files by their place in the container. */
  files: Record<string, string>;
  /** Host path of the init program; undefined without `--init`. */
  initProgram: string | undefined;
  hasUserNamespace: boolean;
  /** Host path of a /dev/shm that is shared between containers. */
  sharedShm: string | undefined;
}

const noExec = ['nosuid', 'noexec', 'nodev'];

function defaultMounts(input: SpecMountsInput): SpecMount[] {
  const { hostConfig } = input;
  const access = hostConfig.Privileged ? 'rw' : 'ro';
  const isHostNetwork = hostConfig.NetworkMode === 'host';
  // neither sysfs nor proc can be mounted by a user namespace that does not own the network or pid namespace
  const sys: SpecMount =
    input.hasUserNamespace && isHostNetwork
      ? { destination: '/sys', type: 'bind', source: '/sys', options: ['rbind', ...noExec, access] }
      : { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...noExec, access] };
  const proc: SpecMount =
    input.hasUserNamespace && hostConfig.PidMode === 'host'
      ? { destination: '/proc', type: 'bind', source: '/proc', options: ['rbind', ...noExec] }
      : { destination: '/proc', type: 'proc', source: 'proc', options: noExec };
  const mqueue: SpecMount =
    hostConfig.IpcMode === 'host' && existsSync('/dev/mqueue')
      ? { destination: '/dev/mqueue', type: 'bind', source: '/dev/mqueue', options: ['bind', ...noExec] }
      : { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: noExec };
  return [
    proc,
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    sys,
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: [access, ...noExec] },
    mqueue,
    ...shmMount(input),
  ];
}

function shmMount({ hostConfig, sharedShm }: SpecMountsInput): SpecMount[] {
  const source = hostConfig.IpcMode === 'host' ? '/dev/shm' : sharedShm;
  if (source !== undefined)
    return [{ destination: '/dev/shm', type: 'bind', source, options: ['rbind', 'rprivate', ...noExec] }];
  if (hostConfig.IpcMode === 'none') return [];
  return [
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: [...noExec, 'mode=1777', `size=${hostConfig.ShmSize}`],
    },
  ];
}

/** mount_setattr(2), which is newer than mounts themselves. */
export const hasRecursiveReadOnly = isKernelAtLeast(5, 12);

/** Docker's rule since 25: what is mounted below the source of a read-only bind is read-only, too. */
function accessOf({ isWritable, isRecursive, hasWritableSubmounts }: MountPoint): string[] {
  if (isWritable) return [];
  return [isRecursive && hasRecursiveReadOnly && !hasWritableSubmounts ? 'rro' : 'ro'];
}

/** An option of the user wins over its opposite among docker's. */
function tmpfsOptions(given: string[]): string[] {
  const defaults = noExec.filter((word) => !given.includes(word.slice('no'.length)) && !given.includes(word));
  return [...defaults, ...given];
}

function userMounts(points: MountPoint[], held: Map<string, string>, tmpfs: Record<string, string>): SpecMount[] {
  const mounts = points.map((point): SpecMount => {
    if (point.type === 'tmpfs')
      return {
        destination: point.destination,
        type: 'tmpfs',
        source: 'tmpfs',
        options: [...tmpfsOptions(point.tmpfsOptions), ...(point.isWritable ? [] : ['ro'])],
      };
    return {
      destination: point.destination,
      type: 'bind',
      source: held.get(point.destination) ?? point.source,
      options: [point.isRecursive ? 'rbind' : 'bind', ...accessOf(point), point.propagation || 'rprivate'],
    };
  });
  for (const [destination, options] of Object.entries(tmpfs)) {
    const given = options === '' ? [] : options.split(',');
    mounts.push({ destination, type: 'tmpfs', source: 'tmpfs', options: tmpfsOptions(given) });
  }
  return mounts;
}

function depthOf(mount: SpecMount): number {
  return mount.destination.split('/').filter((part) => part !== '').length;
}

/** In the order to be mounted: a mount never hides one that comes after it. The user's replace defaults. */
export function specMounts(input: SpecMountsInput): SpecMount[] {
  const own = userMounts(input.mountPoints, input.heldPaths, input.hostConfig.Tmpfs ?? {});
  const taken = new Set(own.map((mount) => mount.destination));
  const filesAccess = input.hostConfig.ReadonlyRootfs ? ['ro'] : [];
  const files = Object.entries(input.files)
    .filter(([destination]) => !taken.has(destination))
    .map(
      ([destination, source]): SpecMount => ({
        destination,
        type: 'bind',
        source,
        options: ['rbind', 'rprivate', ...filesAccess],
      }),
    );
  const init: SpecMount[] =
    input.initProgram === undefined
      ? []
      : [{ destination: '/sbin/docker-init', type: 'bind', source: input.initProgram, options: ['bind', 'ro'] }];
  const defaults = defaultMounts(input).filter((mount) => !taken.has(mount.destination));
  // the sort is stable: mounts of one depth keep their order
  return [...defaults, ...[...init, ...files, ...own].sort((a, b) => depthOf(a) - depthOf(b))];
}

/** What docker hides from a container that is not privileged. */
export const defaultMaskedPaths = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];

export const defaultReadonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];
