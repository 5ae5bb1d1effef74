// Turns Binds, Mounts, Tmpfs and the volumes of an image into one list of mount points; the manager makes their sources.

import { posix } from 'node:path';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import { randomHex } from '@tscontainer/core/ids';
import type { HostConfig, MountRequest } from './container-config.ts';
import type { MountPoint } from './container-record.ts';
import { hasRecursiveReadOnly } from './spec-mounts.ts';

const volumeNamePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const propagations = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];
/** Words of a bind's mode that ask for nothing here: SELinux labels, and macOS's consistency. */
const ignoredModes = ['z', 'Z', 'consistent', 'cached', 'delegated', 'default'];

/** Docker's words. */
function invalid(type: string, why: string): ContainerError {
  return new ContainerError('invalid-argument', `invalid mount config for type "${type}": ${why}`);
}

/** As mount points have them. */
function cleanDestination(path: string): string {
  return posix.normalize(path).replace(/(.)\/$/, '$1');
}

/** What of HostConfig.Mounts a mount point came from; undefined: a bind, or an image's volume. */
export function mountRequestOf({ Mounts = [] }: HostConfig, point: MountPoint): MountRequest | undefined {
  return Mounts.find(({ Target }) => cleanDestination(Target) === point.destination);
}

function basePoint(destination: string, type = 'bind'): MountPoint {
  if (!destination.startsWith('/'))
    throw invalid(type, `invalid mount path: '${destination}' mount path must be absolute`);
  const path = cleanDestination(destination);
  if (path === '/') throw invalid(type, "invalid specification: destination can't be '/'");
  return {
    type: 'bind',
    name: '',
    source: '',
    destination: path,
    mode: '',
    isWritable: true,
    propagation: '',
    isAnonymous: false,
    copiesUp: false,
    isRecursive: true,
    tmpfsOptions: [],
  };
}

/** `source:destination[:mode]`, where a source that is no path names a volume. */
export function parseBind(bind: string): MountPoint {
  const parts = bind.split(':');
  const [source = '', destination = '', mode = ''] = parts;
  if (parts.length < 2 || parts.length > 3 || source === '' || destination === '')
    throw new ContainerError('invalid-argument', `invalid volume specification: '${bind}'`);
  for (const word of mode === '' ? [] : mode.split(',')) checkModeWord(word);
  const point = { ...pointOf(bind, destination), mode };
  const isVolume = !source.startsWith('/');
  if (isVolume && !volumeNamePattern.test(source)) {
    throw new ContainerError(
      'invalid-argument',
      `create ${source}: "${source}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  }
  if (isVolume) Object.assign(point, { type: 'volume', name: source, copiesUp: true, mode: mode || 'z' });
  else Object.assign(point, { source: posix.normalize(source), propagation: 'rprivate' });
  for (const word of mode === '' ? [] : mode.split(',')) applyModeWord(point, word);
  return point;
}

/** A bind says which of its words is meant. */
function pointOf(bind: string, destination: string): MountPoint {
  try {
    return basePoint(destination);
  } catch (error) {
    throw new ContainerError('invalid-argument', `invalid volume specification: '${bind}': ${errorMessageOf(error)}`, {
      cause: error,
    });
  }
}

function checkModeWord(word: string): void {
  if (!['ro', 'rw', 'nocopy', ...propagations, ...ignoredModes].includes(word))
    throw new ContainerError('invalid-argument', `invalid mode: ${word}`);
}

function applyModeWord(point: MountPoint, word: string): void {
  if (word === 'ro') point.isWritable = false;
  else if (word === 'nocopy') point.copiesUp = false;
  else if (propagations.includes(word)) {
    if (point.type !== 'bind') throw new ContainerError('invalid-argument', `invalid mode: ${word}`);
    point.propagation = word;
  }
}

function subpathOf(type: string, text: string | undefined): { subpath?: string } {
  if (text === undefined || text === '') return {};
  const path = posix.normalize(text);
  if (path.startsWith('/') || path === '..' || path.startsWith('../'))
    throw invalid(type, `subpath must be a relative path within the ${type}`);
  return path === '.' ? {} : { subpath: path.replace(/\/$/, '') };
}

/** How deep read-only goes; by default as deep as the kernel can. */
function submountAccess({ ReadOnly, BindOptions = {} }: MountRequest): { hasWritableSubmounts?: true } {
  const { ReadOnlyNonRecursive: isShallow = false, ReadOnlyForceRecursive: isForced = false } = BindOptions;
  const conflict = (what: string) => invalid('bind', `mount options conflict: ${what}`);
  if (isShallow && isForced) throw conflict('ReadOnlyNonRecursive && ReadOnlyForceRecursive');
  if (isShallow && !ReadOnly) throw conflict('!ReadOnly && ReadOnlyNonRecursive');
  if (isForced && !ReadOnly) throw conflict('!ReadOnly && ReadOnlyForceRecursive');
  if (isForced && !hasRecursiveReadOnly)
    throw invalid('bind', 'ReadOnlyForceRecursive: this kernel is older than 5.12');
  return isShallow ? { hasWritableSubmounts: true } : {};
}

/** `[["exec"], ["nr_inodes", "77"]]` as mount(8) has them. */
function tmpfsWords(options: unknown): string[] {
  if (options === undefined || options === null) return [];
  const isOption = (option: unknown): option is string[] =>
    Array.isArray(option) &&
    (option.length === 1 || option.length === 2) &&
    option.every((word) => typeof word === 'string' && /^[^,\0]+$/.test(word));
  if (!Array.isArray(options) || !options.every(isOption))
    throw invalid('tmpfs', 'TmpfsOptions.Options: each must be a name, or a name and its value');
  return options.map((option) => option.join('='));
}

/** One of HostConfig.Mounts. */
function fromMount(mount: MountRequest): MountPoint {
  const point = { ...basePoint(mount.Target, mount.Type), isWritable: !mount.ReadOnly };
  if (mount.Type === 'bind') {
    if (!mount.Source.startsWith('/'))
      throw invalid(
        'bind',
        mount.Source === ''
          ? 'field Source must not be empty'
          : `invalid mount path: '${mount.Source}' mount path must be absolute`,
      );
    const propagation = mount.BindOptions?.Propagation || 'rprivate';
    if (!propagations.includes(propagation)) throw invalid('bind', `invalid propagation mode: ${propagation}`);
    return {
      ...point,
      source: posix.normalize(mount.Source),
      propagation,
      isRecursive: mount.BindOptions?.NonRecursive !== true,
      ...submountAccess(mount),
    };
  }
  if (mount.Type === 'volume') {
    if (mount.Source !== '' && !volumeNamePattern.test(mount.Source))
      throw invalid('volume', `invalid volume name: ${mount.Source}`);
    return {
      ...point,
      type: 'volume',
      mode: 'z',
      name: mount.Source || randomHex(32),
      isAnonymous: mount.Source === '',
      // a part must be there already
      copiesUp: mount.VolumeOptions?.NoCopy !== true && !mount.VolumeOptions?.Subpath,
      ...subpathOf('volume', mount.VolumeOptions?.Subpath),
    };
  }
  if (mount.Type === 'image') {
    if (mount.Source === '') throw invalid('image', 'field Source must not be empty');
    return {
      ...point,
      type: 'image',
      source: mount.Source,
      isWritable: false,
      ...subpathOf('image', mount.ImageOptions?.Subpath),
    };
  }
  if (mount.Type === 'tmpfs') {
    if (mount.Source !== '') throw invalid('tmpfs', 'field Source must not be specified');
    const options = [
      ...tmpfsWords(mount.TmpfsOptions?.Options),
      ...(mount.TmpfsOptions?.SizeBytes ? [`size=${mount.TmpfsOptions.SizeBytes}`] : []),
      ...(mount.TmpfsOptions?.Mode ? [`mode=${mount.TmpfsOptions.Mode.toString(8)}`] : []),
    ];
    return { ...point, type: 'tmpfs', tmpfsOptions: options };
  }
  throw invalid(mount.Type, 'mount type unknown');
}

/** One of VolumesFrom: `NAME[:ro|rw]`. Throws invalid-argument. */
export function parseVolumesFrom(text: string): { name: string; mode: string } {
  const [name = '', mode = '', ...more] = text.split(':');
  if (name === '' || more.length > 0 || !['', 'ro', 'rw', 'z', 'Z'].includes(mode))
    throw new ContainerError('invalid-argument', `invalid volumes-from specification: '${text}'`);
  return { name, mode };
}

/** What a container lends: binds and volumes. `mode` ro takes the right to write away. */
export function borrowedPoints(points: MountPoint[], mode: string): MountPoint[] {
  return points
    .filter((point) => point.type !== 'tmpfs')
    .map((point) => ({
      ...point,
      copiesUp: false,
      mode: '', // the lender's words are its own
      isWritable: mode === 'ro' ? false : point.isWritable,
    }));
}

/** `borrowed` yields to what is asked for by itself. Throws invalid-argument, also for two mounts with one destination. An image's volume yields to any of the user's. */
export function mountPointsOf(
  hostConfig: HostConfig,
  volumes: Record<string, object> | null,
  borrowed: MountPoint[] = [],
): MountPoint[] {
  const points = [...(hostConfig.Binds ?? []).map(parseBind), ...(hostConfig.Mounts ?? []).map(fromMount)];
  const taken = new Set<string>(Object.keys(hostConfig.Tmpfs ?? {}).map(cleanDestination));
  for (const point of points) {
    if (taken.has(point.destination))
      throw new ContainerError('invalid-argument', `Duplicate mount point: ${point.destination}`);
    taken.add(point.destination);
  }
  for (const point of borrowed) {
    if (taken.has(point.destination)) continue;
    taken.add(point.destination);
    points.push(point);
  }
  for (const destination of Object.keys(volumes ?? {})) {
    const point = basePoint(destination);
    if (taken.has(point.destination)) continue;
    points.push({ ...point, type: 'volume', name: randomHex(32), isAnonymous: true, copiesUp: true });
  }
  return points;
}
