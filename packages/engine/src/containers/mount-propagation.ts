// Whether a bind's propagation can be in force: that depends on how the mount below its source is shared. Asked at create.
import { readFileSync } from 'node:fs';
import { ContainerError } from '@tscontainer/core/errors';
import type { MountPoint } from './container-record.ts';

interface HostMount {
  point: string;
  isShared: boolean;
  isSlave: boolean;
}

/** The kernel writes spaces and the like in octal. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function hostMounts(): HostMount[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const [before = ''] = line.split(' - ');
    const [, , , , point = '', , ...optional] = before.split(' ');
    return {
      point: unescaped(point),
      isShared: optional.some((field) => field.startsWith('shared:')),
      isSlave: optional.some((field) => field.startsWith('master:')),
    };
  });
}

function isBelow(path: string, point: string): boolean {
  return point === '/' || path === point || path.startsWith(`${point}/`);
}

/** Throws invalid-argument in docker's words. */
export function checkPropagation(points: MountPoint[]): void {
  const demanding = points.filter(({ propagation }) => /(shared|slave)$/.test(propagation));
  if (demanding.length === 0) return;
  const mounts = hostMounts();
  for (const { source, propagation } of demanding) {
    // of two at one place the later one is on top
    const under = mounts.filter(({ point }) => isBelow(source, point));
    const mount = under.reduce<HostMount | undefined>(
      (best, next) => (best === undefined || next.point.length >= best.point.length ? next : best),
      undefined,
    );
    if (mount === undefined) continue;
    const where = `path ${source} is mounted on ${mount.point} but it is not a shared`;
    if (propagation.endsWith('shared') && !mount.isShared)
      throw new ContainerError('invalid-argument', `${where} mount`);
    if (propagation.endsWith('slave') && !mount.isShared && !mount.isSlave)
      throw new ContainerError('invalid-argument', `${where} or slave mount`);
  }
}
