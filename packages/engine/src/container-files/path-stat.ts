// X-Docker-Container-Path-Stat: what a place in a container is, with Go's file mode bits.
import type { RootPlace } from '@tscontainer/linux/mounts';
import { formatNs } from '../go-time.ts';
import type { RootLocation } from './root-location.ts';

/** Go's os.FileMode has bits of its own for types, beside the nine permissions. */
const goTypes = new Map([
  [0o040000, 2 ** 31],
  [0o120000, 2 ** 27],
  [0o060000, 2 ** 26],
  [0o020000, 2 ** 26 + 2 ** 21],
  [0o010000, 2 ** 25],
  [0o140000, 2 ** 24],
]);
const goSpecials: [number, number][] = [
  [0o4000, 2 ** 23],
  [0o2000, 2 ** 22],
  [0o1000, 2 ** 20],
];

export function goFileMode(mode: number): number {
  const special = goSpecials.reduce((sum, [bit, value]) => sum + ((mode & bit) === 0 ? 0 : value), 0);
  return (goTypes.get(mode & 0o170000) ?? 0) + special + (mode & 0o777);
}

function modifiedAt(place: RootPlace): string {
  return formatNs(BigInt(place.modifiedSeconds) * 1_000_000_000n + BigInt(place.modifiedNanoseconds));
}

/** Base64 of the JSON, as the header holds it. */
export function encodePathStat({ name, place, linkTarget }: RootLocation): string {
  const stat = { name, size: place.size, mode: goFileMode(place.mode), mtime: modifiedAt(place), linkTarget };
  return Buffer.from(JSON.stringify(stat)).toString('base64');
}
