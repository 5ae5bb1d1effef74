// Versions of the Engine API: the one that this client was written against, and which of two is older.

/** The newest API version this client was written against. */
export const clientApiVersion = '1.51';
/** What an engine speaks that does not say. */
export const oldestApiVersion = '1.24';

/** Versions as `1.41`, compared as numbers. */
export function isOlderVersion(left: string, right: string): boolean {
  const [leftMajor = 0, leftMinor = 0] = left.split('.').map(Number);
  const [rightMajor = 0, rightMinor = 0] = right.split('.').map(Number);
  return leftMajor < rightMajor || (leftMajor === rightMajor && leftMinor < rightMinor);
}
