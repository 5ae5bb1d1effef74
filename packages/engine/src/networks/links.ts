// --link: another container's address and environment under an alias; names on the default bridge, as docker still has it.
import { ContainerError } from '@tscontainer/core/errors';
import type { Container } from '../containers/container.ts';
import type { ContainerSettings } from '../containers/container-record.ts';
import { parseContainerPort } from './port-bindings.ts';

export interface Link {
  target: Container;
  alias: string;
}

export type ContainerFinder = (reference: string) => Container | undefined;

/** `container`, `container:alias`. Throws invalid-argument for what is neither. */
export function parseLink(text: string): { target: string; alias: string } {
  const [target = '', alias, ...rest] = text.split(':');
  if (target === '' || alias === '' || rest.length > 0)
    throw new ContainerError('invalid-argument', `bad format for links: ${text}`);
  const name = target.replace(/^\//, '');
  return { target: name, alias: (alias ?? name).replace(/^.*\//, '') };
}

/** Throws invalid-argument for a container that is not there or does not run. */
export function defaultBridgeLinks(settings: ContainerSettings, find: ContainerFinder): Link[] {
  return (settings.hostConfig.Links ?? []).map((text) => {
    const { target, alias } = parseLink(text);
    const found = find(target);
    if (found === undefined)
      throw new ContainerError(
        'invalid-argument',
        `could not get container for ${target}: No such container: ${target}`,
      );
    if (!found.isRunning)
      throw new ContainerError(
        'failed-precondition',
        `Cannot link to a non running container: /${found.name} AS /${settings.name}/${alias}`,
      );
    return { target: found, alias };
  });
}

function addressOf(target: Container): string {
  return target.state.network?.endpoints.find((endpoint) => endpoint.networkName === 'bridge')?.ipv4?.address ?? '';
}

/** Lines of /etc/hosts. */
export function linkHosts(links: Link[]): string[] {
  return links
    .filter(({ target }) => addressOf(target) !== '')
    .map(({ target, alias }) => {
      const names = [alias, target.settings.config.Hostname, target.name];
      return `${addressOf(target)}\t${[...new Set(names)].join(' ')}`;
    });
}

/** What the linked container is and offers, in variables named after the alias. */
export function linkEnvironment(settings: ContainerSettings, links: Link[]): string[] {
  return links.flatMap(({ target, alias }) => {
    const prefix = alias.toUpperCase().replaceAll('-', '_');
    const address = addressOf(target);
    const ports = Object.keys(target.settings.config.ExposedPorts ?? {})
      .map(parseContainerPort)
      .sort((a, b) => a.port - b.port);
    const first = ports.find(({ protocol }) => protocol === 'tcp') ?? ports[0];
    const url = (port: (typeof ports)[number]) => `${port.protocol}://${address}:${port.port}`;
    const inherited = (target.settings.config.Env ?? []).filter((entry) => !/^(HOME|PATH)=/.test(entry));
    return [
      ...(first === undefined ? [] : [`${prefix}_PORT=${url(first)}`]),
      ...ports.flatMap((port) => {
        const name = `${prefix}_PORT_${port.port}_${port.protocol.toUpperCase()}`;
        return [
          `${name}=${url(port)}`,
          `${name}_ADDR=${address}`,
          `${name}_PORT=${port.port}`,
          `${name}_PROTO=${port.protocol}`,
        ];
      }),
      `${prefix}_NAME=/${settings.name}/${alias}`,
      ...inherited.map((entry) => `${prefix}_ENV_${entry}`),
    ];
  });
}
