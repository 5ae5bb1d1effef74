// Options of the local driver: a volume that is a mount of its own (tmpfs, nfs, a bind), made while a container has it.
import { ContainerError } from '@tscontainer/core/errors';
import type { Mount } from '@tscontainer/linux/mounts';

export type VolumeOptions = Record<string, string>;

const known = ['type', 'device', 'o', 'size'];

/** Throws invalid-argument in docker's words. */
export function checkVolumeOptions(name: string, options: VolumeOptions): void {
  const refuse = (why: string) => new ContainerError('invalid-argument', `create ${name}: ${why}`);
  for (const key of Object.keys(options))
    if (!known.includes(key)) throw refuse(`invalid option: ${JSON.stringify(key)}`);
  if (options['size'] !== undefined) throw refuse('quota size requested but no quota support');
  if (Object.keys(options).length === 0) return;
  if (!options['device']) throw refuse('missing required option: "device"');
  if (!options['type'] && !/(^|,)r?bind(,|$)/.test(options['o'] ?? '')) throw refuse('missing type in volume options');
}

/** Undefined for a volume that is a directory. */
export function mountOf(options: VolumeOptions | null): Mount | undefined {
  if (options === null || !options['device']) return undefined;
  const words = (options['o'] ?? '').split(',').filter((word) => word !== '');
  const isBind = words.some((word) => word === 'bind' || word === 'rbind');
  return { type: isBind ? 'bind' : (options['type'] ?? ''), source: options['device'], options: words };
}
