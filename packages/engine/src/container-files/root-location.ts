// Finds a path inside a container's root filesystem, as docker's archive calls understand paths; no link leads out.
import { posix } from 'node:path';
import { ContainerError } from '@tscontainer/core/errors';
import { lookUpInRoot, type RootPlace } from '@tscontainer/linux/mounts';

export interface RootLocation {
  /** Without leading slash, every link but the last component resolved; '' is the root. */
  path: string;
  /** What the client called it: its last word, `.` for `/etc/.`, `/` for the root. */
  name: string;
  place: RootPlace;
  /** Where a symbolic link leads to in the end, as an absolute path in the container; '' for anything else. */
  linkTarget: string;
}

const typeMask = 0o170000;
const directoryType = 0o040000;
const linkType = 0o120000;
const maxLinks = 255;

export function isDirectory(place: RootPlace): boolean {
  return (place.mode & typeMask) === directoryType;
}

function isLink(place: RootPlace): boolean {
  return (place.mode & typeMask) === linkType;
}

/** With all links followed; components that do not exist are taken as they are. */
export async function resolveInRoot(root: string, path: string): Promise<string> {
  const rest = path.split('/');
  let resolved = '';
  let links = 0;
  while (rest.length > 0) {
    const part = rest.shift() as string;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      resolved = resolved.slice(0, Math.max(0, resolved.lastIndexOf('/')));
      continue;
    }
    const next = resolved === '' ? part : `${resolved}/${part}`;
    const place = await lookUpInRoot(root, next);
    if (place === null || !isLink(place)) {
      resolved = next;
      continue;
    }
    if (++links > maxLinks) throw new ContainerError('invalid-argument', `resolve ${path}: too many links`);
    rest.unshift(...place.link.split('/'));
    if (place.link.startsWith('/')) resolved = '';
  }
  return resolved;
}

/** A trailing slash or `/.` follows a link at the end. Undefined when nothing is there. */
export async function locateInRoot(root: string, wanted: string): Promise<RootLocation | undefined> {
  const followsLast = /(^|\/)\.?$/.test(wanted);
  const absolute = posix.join('/', wanted);
  const parent = posix.dirname(absolute.replace(/(.)\/$/, '$1'));
  const base = posix.basename(absolute);
  const path = followsLast ? await resolveInRoot(root, absolute) : joined(await resolveInRoot(root, parent), base);
  const place = await lookUpInRoot(root, path);
  if (place === null) return undefined;
  if (followsLast && !isDirectory(place))
    throw new ContainerError('invalid-argument', `lstat ${wanted}: not a directory`);
  const linkTarget = isLink(place) ? `/${await resolveInRoot(root, path)}` : '';
  return { path, name: /(^|\/)\.$/.test(wanted) ? '.' : base || '/', place, linkTarget };
}

function joined(parent: string, base: string): string {
  return parent === '' ? base : `${parent}/${base}`;
}
