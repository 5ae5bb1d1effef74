// Which kernel this is, for what depends on it: rules of seccomp profiles, and attributes of mounts.
import { release } from 'node:os';

export function isKernelAtLeast(major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = release().split(/[.-]/).map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
