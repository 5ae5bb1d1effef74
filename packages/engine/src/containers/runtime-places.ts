// What docker has in a layer between image and container: places for the mounts of every container, and docker's marks.
//
// They lie once on the disk, as the lowest layer of every container's overlay: an image's own files come first, and no
// container's start makes any. Used wherever a container's root is mounted, but not where it becomes a layer.
import { lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { posix } from 'node:path';
import type { Mount } from '@tscontainer/linux/mounts';
import type { ContainerSettings } from './container-record.ts';
import type { EngineContext } from './engine-context.ts';
import { resolveInRoot } from './root-path.ts';

const mode = 0o755;

/** Parents before children; a string is a link's target. */
const places: [path: string, kind: 'directory' | 'file' | { target: string }][] = [
  ['/.dockerenv', 'file'], // by which programs know that they are in a container
  ['/dev', 'directory'],
  ['/dev/console', 'file'],
  ['/dev/pts', 'directory'],
  ['/dev/shm', 'directory'],
  ['/etc', 'directory'],
  ['/etc/hostname', 'file'],
  ['/etc/hosts', 'file'],
  ['/etc/mtab', { target: '/proc/mounts' }],
  ['/etc/resolv.conf', 'file'],
  ['/proc', 'directory'],
  ['/sys', 'directory'],
];

/** Not shown as changes of a container. */
export const runtimePlaces: ReadonlySet<string> = new Set([
  ...places.map(([path]) => path).filter((path) => path !== '/etc'),
  '/sbin/docker-init',
]);

/** Makes in `root` what is not there; no link in it leads out. */
export function makeRuntimePlaces(root: string): void {
  mkdirSync(root, { recursive: true, mode });
  for (const [place, kind] of places) {
    const path = posix.join(resolveInRoot(root, posix.dirname(place)), posix.basename(place));
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) continue;
    if (kind === 'directory') mkdirSync(path, { mode });
    else if (kind === 'file') writeFileSync(path, '', { mode });
    else symlinkSync(kind.target, path);
  }
}

/** Of a user namespace the shifted parent has them, with its owners. */
export function withRuntimePlaces(context: EngineContext, settings: ContainerSettings, mounts: Mount[]): Mount[] {
  if (settings.idMapping !== undefined) return mounts;
  const places = context.paths.runtimePlaces;
  return mounts.map((mount) => {
    if (mount.type !== 'overlay') return mount;
    const options = mount.options.map((option) => (option.startsWith('lowerdir=') ? `${option}:${places}` : option));
    return { ...mount, options };
  });
}
