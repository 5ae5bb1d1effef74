// The id mapping that a client asks of a snapshot by label: layers below are shown with other owners, the upper directory
// keeps what the container writes. For containers with a user namespace, without a copy of the image.
import { readFileSync } from 'node:fs';
import { ContainerError } from '@tscontainer/core/errors';
import { canMapIds, type IdMapping } from '@tscontainer/linux/mounts';
import type { Labels } from '../metadata/labels.ts';

export interface SnapshotIds {
  uids: IdMapping[];
  gids: IdMapping[];
}

/** containerd's labels: `container-id:host-id:length`, several behind commas. */
export const uidLabel = 'containerd.io/snapshot/uidmapping';
export const gidLabel = 'containerd.io/snapshot/gidmapping';

const maxId = 2 ** 32 - 2;
/** user_namespaces(7) */
const maxRanges = 340;
/** Where overlayfs first stood on id-mapped layers. */
const firstRelease = [5, 19];

/** undefined without the labels. Throws invalid-argument for one without the other and for what is no mapping. */
export function idsOf(labels: Labels): SnapshotIds | undefined {
  const [uids, gids] = [labels[uidLabel], labels[gidLabel]];
  if (uids === undefined && gids === undefined) return undefined;
  if (uids === undefined || gids === undefined)
    throw new ContainerError('invalid-argument', `snapshot: label ${uidLabel} and ${gidLabel} belong together`);
  return { uids: parse(uidLabel, uids), gids: parse(gidLabel, gids) };
}

function parse(label: string, text: string): IdMapping[] {
  const ranges = text.split(',');
  const mappings = ranges.map((range) => {
    const numbers = /^(\d{1,10}):(\d{1,10}):(\d{1,10})$/.exec(range)?.slice(1).map(Number);
    const [disk = 0, shown = 0, count = 0] = numbers ?? [];
    if (count === 0 || Math.max(disk, shown) + count - 1 > maxId)
      throw new ContainerError('invalid-argument', `snapshot: label ${label}: ${JSON.stringify(text)} is no mapping`);
    return { disk, shown, count };
  });
  if (mappings.length <= maxRanges) return mappings;
  throw new ContainerError('invalid-argument', `snapshot: label ${label}: more than ${maxRanges} ranges`);
}

/** What `id` on the disk is shown as. Throws invalid-argument for one outside: the kernel would show nobody. */
export function shownId(mappings: IdMapping[], id: number): number {
  const found = mappings.find(({ disk, count }) => id >= disk && id < disk + count);
  if (found !== undefined) return found.shown + id - found.disk;
  throw new ContainerError('invalid-argument', `snapshot: the mapping has no place for the root's owner ${id}`);
}

/** Whether layers in that directory can be shown so. */
export function supportsIdMapping(directory: string): boolean {
  const release = readFileSync('/proc/sys/kernel/osrelease', 'utf8').split('.').map(Number.parseFloat);
  const [major = 0, minor = 0] = release;
  const [firstMajor = 0, firstMinor = 0] = firstRelease;
  if (major < firstMajor || (major === firstMajor && minor < firstMinor)) return false;
  return canMapIds(directory);
}
