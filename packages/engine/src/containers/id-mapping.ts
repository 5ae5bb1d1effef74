// Which host ids the ids of a container are: from --userns-remap and HostConfig.UsernsMode.
import { ContainerError } from '@tscontainer/core/errors';
import type { IdMapping } from '@tscontainer/core/oci-runtime';
import { defaultRemap, type EngineConfig } from '../engine-config.ts';
import type { HostConfig } from './container-config.ts';

const maxHostId = 2 ** 32 - 2;

/**
 * '' follows the daemon; `host` is none; `private` is the common range from 100000; `auto` a range of its own,
 * or the one given as `auto:uid=FIRST,size=COUNT`. `taken`: those of the other containers.
 */
export function idMappingOf(
  hostConfig: HostConfig,
  config: EngineConfig,
  taken: () => IdMapping[],
): IdMapping | undefined {
  const mapping = requestedMapping(hostConfig.UsernsMode, config, taken);
  if (mapping !== undefined && hostConfig.Privileged) {
    throw new ContainerError(
      'invalid-argument',
      'privileged mode is incompatible with user namespaces. You must run the container in the host namespace when running privileged mode',
    );
  }
  return mapping;
}

function requestedMapping(mode: string, config: EngineConfig, taken: () => IdMapping[]): IdMapping | undefined {
  const remap = config.usernsRemap;
  if (mode === '') return remap === undefined ? undefined : { containerID: 0, hostID: remap.hostUid, size: remap.size };
  if (mode === 'host') return undefined;
  const common = remap ?? defaultRemap;
  if (mode === 'private') return { containerID: 0, hostID: common.hostUid, size: common.size };
  const size = Number(/size=(\d+)/.exec(mode)?.[1] ?? common.size);
  const first = /uid=(\d+)/.exec(mode)?.[1];
  const hostID = first === undefined ? freeRange(common.hostUid + common.size, size, taken()) : Number(first);
  if (size < 1 || hostID < 1 || hostID + size > maxHostId)
    throw new ContainerError('invalid-argument', `HostConfig.UsernsMode: ${mode}: outside of the host's ids`);
  return { containerID: 0, hostID, size };
}

/** The first range above `start` that overlaps no other container's. */
function freeRange(start: number, size: number, taken: IdMapping[]): number {
  let first = start;
  for (const other of [...taken].sort((a, b) => a.hostID - b.hostID)) {
    if (other.hostID < first + size && first < other.hostID + other.size) first = other.hostID + other.size;
  }
  return first;
}
