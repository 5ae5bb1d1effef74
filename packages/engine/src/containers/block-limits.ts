// Block I/O limits and real-time scheduling of HostConfig: what the kernel takes, in the specification's form, and what it does not.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import type { BlockIo, DeviceRate } from '@tscontainer/core/oci-runtime';
import { deviceNumbers } from '../devices/device-numbers.ts';
import type { HostConfig, ThrottledDevice, WeightedDevice } from './container-config.ts';

export type BlockFields = Pick<
  HostConfig,
  | 'BlkioWeight'
  | 'BlkioWeightDevice'
  | 'BlkioDeviceReadBps'
  | 'BlkioDeviceWriteBps'
  | 'BlkioDeviceReadIOps'
  | 'BlkioDeviceWriteIOps'
>;

const cgroupRoot = '/sys/fs/cgroup';
const minWeight = 10;
const maxWeight = 1000;

/** Version 1 has it of one of two schedulers, whose other files the root group shows; in version 2 `io` is a controller or not. */
function hasWeight(): boolean {
  const files = ['blkio.weight', 'blkio.bfq.weight', 'blkio.bfq.io_service_bytes'];
  if (files.some((name) => existsSync(`${cgroupRoot}/blkio/${name}`))) return true;
  const controllers = `${cgroupRoot}/cgroup.controllers`;
  return existsSync(controllers) && readFileSync(controllers, 'utf8').split(/\s+/).includes('io');
}

/** A weight for one device is its scheduler's to keep. */
function hasDeviceWeight(path: string): boolean {
  if (existsSync(`${cgroupRoot}/blkio/blkio.weight_device`)) return true;
  const scheduler = `/sys/block/${basename(path)}/queue/scheduler`;
  return hasWeight() && existsSync(scheduler) && readFileSync(scheduler, 'utf8').includes('[bfq]');
}

/** What a create request is told: docker discards a weight that the kernel does not know. */
export function blockWarnings(host: BlockFields): string[] {
  return [
    ...(host.BlkioWeight !== 0 && !hasWeight()
      ? ['Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.']
      : []),
    ...((host.BlkioWeightDevice ?? []).some(({ Path }) => !hasDeviceWeight(Path))
      ? ['Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.']
      : []),
  ];
}

/** Throws invalid-argument for weights and rates out of range. */
export function checkBlockLimits(host: BlockFields): void {
  for (const { Path, Weight } of host.BlkioWeightDevice ?? [])
    if (Weight < minWeight || Weight > maxWeight)
      throw new ContainerError(
        'invalid-argument',
        `HostConfig.BlkioWeightDevice: ${Path}: range of blkio weight is from ${minWeight} to ${maxWeight}`,
      );
  const fields = ['BlkioDeviceReadBps', 'BlkioDeviceWriteBps', 'BlkioDeviceReadIOps', 'BlkioDeviceWriteIOps'] as const;
  for (const field of fields)
    for (const { Path, Rate } of host[field] ?? [])
      if (Rate === undefined || Rate < 0)
        throw new ContainerError('invalid-argument', `HostConfig.${field}: ${Path}: the rate must not be negative`);
}

function numbersAt(path: string): { major: number; minor: number } {
  try {
    const stat = statSync(path);
    if (!stat.isBlockDevice()) throw new Error('not a block device');
    return deviceNumbers(stat.rdev);
  } catch (error) {
    const why = /^E[A-Z0-9]+: ([^,]+)/.exec(errorMessageOf(error))?.[1] ?? errorMessageOf(error);
    throw new ContainerError('invalid-argument', `block device ${path}: ${why}`, { cause: error });
  }
}

function ratesOf(devices: ThrottledDevice[] | null): DeviceRate[] | undefined {
  if (devices === null || devices.length === 0) return undefined;
  return devices.map(({ Path, Rate }) => ({ ...numbersAt(Path), rate: Rate }));
}

function weightsOf(devices: WeightedDevice[] | null): BlockIo['weightDevice'] {
  const kept = (devices ?? []).filter(({ Path }) => hasDeviceWeight(Path));
  return kept.length === 0 ? undefined : kept.map(({ Path, Weight }) => ({ ...numbersAt(Path), weight: Weight }));
}

/** Throws invalid-argument for a device that is not there. Nothing when nothing is limited. */
export function blockLimitsOf(host: BlockFields): { blockIO?: BlockIo } {
  const all: BlockIo = {
    ...(host.BlkioWeight > 0 ? { weight: host.BlkioWeight } : {}),
  };
  const set = <K extends keyof BlockIo>(key: K, value: BlockIo[K] | undefined) => {
    if (value !== undefined) all[key] = value;
  };
  set('weightDevice', weightsOf(host.BlkioWeightDevice));
  set('throttleReadBpsDevice', ratesOf(host.BlkioDeviceReadBps));
  set('throttleWriteBpsDevice', ratesOf(host.BlkioDeviceWriteBps));
  set('throttleReadIOPSDevice', ratesOf(host.BlkioDeviceReadIOps));
  set('throttleWriteIOPSDevice', ratesOf(host.BlkioDeviceWriteIOps));
  return Object.keys(all).length === 0 ? {} : { blockIO: all };
}

/** Throws invalid-argument in docker's words. */
export function checkRealtime(host: Pick<HostConfig, 'CpuRealtimePeriod' | 'CpuRealtimeRuntime'>): void {
  const { CpuRealtimePeriod: period, CpuRealtimeRuntime: runtime } = host;
  if (period === 0 && runtime === 0) return;
  if (!existsSync(`${cgroupRoot}/cpu/cpu.rt_runtime_us`))
    throw new ContainerError('invalid-argument', 'Your kernel does not support CPU real-time scheduler');
  if (period !== 0 && runtime !== 0 && runtime > period)
    throw new ContainerError('invalid-argument', 'cpu real-time runtime cannot be higher than cpu real-time period');
}
