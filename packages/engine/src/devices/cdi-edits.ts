// What a CDI specification asks of a container (its containerEdits), carried into the OCI specification.
import { statSync } from 'node:fs';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import type { Hook, Spec } from '@tscontainer/core/oci-runtime';
import { deviceNumbers } from './device-numbers.ts';

export interface ContainerEdits {
  env?: string[];
  deviceNodes?: {
    path: string;
    hostPath?: string;
    type?: string;
    major?: number;
    minor?: number;
    fileMode?: number;
    permissions?: string;
    uid?: number;
    gid?: number;
  }[];
  mounts?: { hostPath: string; containerPath: string; type?: string; options?: string[] }[];
  hooks?: { hookName: string; path: string; args?: string[]; env?: string[]; timeout?: number }[];
  additionalGids?: number[];
  netDevices?: object[];
  intelRdt?: object;
}

type DeviceNode = NonNullable<ContainerEdits['deviceNodes']>[number];
type SpecDevice = NonNullable<Spec['linux']['devices']>[number];

const hookNames = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'];

function toDevice(node: DeviceNode, spec: Spec): SpecDevice {
  const { uid, gid } = spec.process.user;
  // a container that does not run as root is to use its device all the same
  const owner = { uid: node.uid ?? (uid > 0 ? uid : undefined), gid: node.gid ?? (gid > 0 ? gid : undefined) };
  const known = node.type !== undefined && node.major !== undefined && node.minor !== undefined;
  const found = known && node.fileMode !== undefined ? undefined : statNode(node.hostPath ?? node.path, known);
  const fileMode = node.fileMode ?? (found === undefined ? undefined : found.mode & 0o777);
  return {
    path: node.path,
    type: node.type ?? found?.type ?? 'c',
    major: node.major ?? found?.major ?? 0,
    minor: node.minor ?? found?.minor ?? 0,
    ...(fileMode === undefined ? {} : { fileMode }),
    ...(owner.uid === undefined ? {} : { uid: owner.uid }),
    ...(owner.gid === undefined ? {} : { gid: owner.gid }),
  };
}

function statNode(path: string, isOptional: boolean) {
  try {
    const stat = statSync(path);
    if (!stat.isCharacterDevice() && !stat.isBlockDevice()) throw new Error('not a device node');
    return { type: stat.isBlockDevice() ? 'b' : 'c', ...deviceNumbers(stat.rdev), mode: stat.mode };
  } catch (error) {
    if (isOptional) return undefined;
    throw new ContainerError('invalid-argument', `CDI device injection failed: ${path}: ${errorMessageOf(error)}`, {
      cause: error,
    });
  }
}

function addDevice(spec: Spec, node: DeviceNode): void {
  const device = toDevice(node, spec);
  spec.linux.devices = [...(spec.linux.devices ?? []).filter(({ path }) => path !== device.path), device];
  if (device.type !== 'b' && device.type !== 'c') return; // a FIFO needs no rule
  const { major, minor } = device;
  spec.linux.resources ??= {};
  spec.linux.resources.devices = [
    ...(spec.linux.resources.devices ?? []),
    { allow: true, type: device.type, major, minor, access: node.permissions || 'rwm' },
  ];
}

function addHook(spec: Spec, { hookName, ...hook }: NonNullable<ContainerEdits['hooks']>[number]): void {
  if (!hookNames.includes(hookName))
    throw new ContainerError('invalid-argument', `CDI device injection failed: invalid hook name ${hookName}`);
  spec.hooks = { ...spec.hooks, [hookName]: [...(spec.hooks?.[hookName] ?? []), hook as Hook] };
}

/** Changes `spec`. Throws invalid-argument for what is not there or cannot be carried out. */
export function applyEdits(spec: Spec, edits: ContainerEdits): void {
  if ((edits.netDevices ?? []).length > 0)
    throw new ContainerError('invalid-argument', 'CDI device injection failed: netDevices are not supported');
  if (edits.intelRdt !== undefined)
    throw new ContainerError('invalid-argument', 'CDI device injection failed: intelRdt is not supported');
  const names = new Set((edits.env ?? []).map((entry) => entry.split('=', 1)[0]));
  const kept = spec.process.env.filter((entry) => !names.has(entry.split('=', 1)[0]));
  spec.process.env = [...kept, ...(edits.env ?? [])];
  for (const node of edits.deviceNodes ?? []) addDevice(spec, node);
  const mounts = (edits.mounts ?? []).map(({ hostPath, containerPath, type, options }) => ({
    destination: containerPath,
    source: hostPath,
    type: type ?? 'bind',
    options: options ?? ['rbind'],
  }));
  const taken = new Set(mounts.map(({ destination }) => destination));
  spec.mounts = [...spec.mounts.filter(({ destination }) => !taken.has(destination)), ...mounts];
  for (const hook of edits.hooks ?? []) addHook(spec, hook);
  const gids = (edits.additionalGids ?? []).filter((gid) => gid !== 0);
  if (gids.length > 0)
    spec.process.user.additionalGids = [...new Set([...(spec.process.user.additionalGids ?? []), ...gids])];
}
