// Other containers that a create request names: in modes by their id from then on, as docker keeps them, and as links.
import { ContainerError } from '@tscontainer/core/errors';
import { parseLink } from '../networks/links.ts';
import type { HostConfig } from './container-config.ts';

type Finder = (name: string) => { id: string } | undefined;

const prefix = 'container:';
/** What docker notes for a container that shares the host's processes. */
const unconfinedLabel = ['label=disable'];

/** Throws invalid-argument for a container that is not there: by a 404 docker's client would pull the image. */
export function withPeers(host: HostConfig, find: Finder): HostConfig {
  checkLinks(host, find);
  const isOpen = host.Privileged || host.IpcMode === 'host' || host.PidMode === 'host';
  return {
    ...host,
    // a network's or a process tree's owner may come later: the start asks again
    NetworkMode: modeOf(host.NetworkMode, find, false),
    PidMode: modeOf(host.PidMode, find, false),
    IpcMode: modeOf(host.IpcMode, find, true),
    SecurityOpt: host.SecurityOpt === null && isOpen ? unconfinedLabel : host.SecurityOpt,
  };
}

function modeOf(mode: string, find: Finder, isNeeded: boolean): string {
  if (!mode.startsWith(prefix)) return mode;
  const name = mode.slice(prefix.length);
  const found = find(name);
  if (found !== undefined) return `${prefix}${found.id}`;
  if (isNeeded) throw new ContainerError('invalid-argument', `No such container: ${name}`);
  return mode;
}

function checkLinks(host: HostConfig, find: Finder): void {
  if (!['default', 'bridge'].includes(host.NetworkMode)) return;
  for (const text of host.Links ?? []) {
    const { target } = parseLink(text);
    if (find(target) === undefined)
      throw new ContainerError(
        'invalid-argument',
        `could not get container for ${target}: No such container: ${target}`,
      );
  }
}
