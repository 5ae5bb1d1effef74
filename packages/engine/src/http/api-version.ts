// API versions: the prefix of a path, the range that is served, and comparisons.
import { ContainerError } from '@tscontainer/core/errors';

export const maxApiVersion = '1.51';
export const minApiVersion = '1.24';

const prefixPattern = /^\/v(\d+\.\d+)(?=\/|$|\?)/;

/** The path without its `/vX.Y`; a path without one speaks the newest version. */
export function splitVersion(url: string): { version: string; path: string } {
  const match = prefixPattern.exec(url);
  if (match === null) return { version: maxApiVersion, path: url };
  return { version: match[1] ?? maxApiVersion, path: url.slice(match[0].length) || '/' };
}

/** Negative when `a` is older than `b`. */
export function compareVersions(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split('.').map(Number);
  const [bMajor = 0, bMinor = 0] = b.split('.').map(Number);
  return aMajor - bMajor || aMinor - bMinor;
}

export function isAtLeast(version: string, wanted: string): boolean {
  return compareVersions(version, wanted) >= 0;
}

/** Throws invalid-argument outside of the range that is served. */
export function checkVersion(version: string): void {
  if (compareVersions(version, maxApiVersion) > 0) {
    throw new ContainerError(
      'invalid-argument',
      `client version ${version} is too new. Maximum supported API version is ${maxApiVersion}`,
    );
  }
  if (compareVersions(version, minApiVersion) < 0) {
    throw new ContainerError(
      'invalid-argument',
      `client version ${version} is too old. Minimum supported API version is ${minApiVersion}, please upgrade your client to a newer version`,
    );
  }
}
