// -p, -P and --expose as the API has them: which ports of a container are wished to be published where.

import { isIP } from 'node:net';
import { ContainerError } from '@tscontainer/core/errors';
import type { PortProtocol, PublishedPort } from './network-record.ts';

export interface PortBinding {
  HostIp: string;
  HostPort: string;
}

/** `80/tcp` to where it is published. */
export type PortBindings = Record<string, PortBinding[] | null>;

export interface ContainerPort {
  port: number;
  protocol: PortProtocol;
}

export interface PublishWish extends ContainerPort {
  hostIp: string;
  /** Both 0: any. */
  firstPort: number;
  lastPort: number;
}

const protocols: readonly string[] = ['tcp', 'udp', 'sctp'];
const maxPort = 65_535;

/** Throws invalid-argument. */
export function parseContainerPort(text: string): ContainerPort {
  const [portText = '', protocol = 'tcp'] = text.toLowerCase().split('/');
  const port = Number(portText);
  if (!/^\d+$/.test(portText) || port < 1 || port > maxPort || !protocols.includes(protocol))
    throw new ContainerError('invalid-argument', `invalid port specification: ${JSON.stringify(text)}`);
  return { port, protocol: protocol as PortProtocol };
}

/** What an image's config says may be no port: that is its matter, and no reason not to list its containers. */
function readablePort(text: string): ContainerPort[] {
  try {
    return [parseContainerPort(text)];
  } catch {
    return [];
  }
}

function parseHostPort(text: string): [number, number] {
  if (text === '' || text === '0') return [0, 0];
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  if (match === null || last < first || last > maxPort)
    throw new ContainerError('invalid-argument', `invalid port specification: ${JSON.stringify(text)}`);
  return [first, last];
}

/** Throws invalid-argument for what is no port or address. */
export function publishWishes(bindings: PortBindings): PublishWish[] {
  return Object.entries(bindings).flatMap(([text, list]) => {
    const containerPort = parseContainerPort(text);
    const wanted = list === null || list.length === 0 ? [{ HostIp: '', HostPort: '' }] : list;
    return wanted.map((binding): PublishWish => {
      const hostIp = (binding.HostIp ?? '').replace(/^\[|\]$/g, '');
      if (hostIp !== '' && isIP(hostIp) === 0)
        throw new ContainerError('invalid-argument', `invalid IP address in publish settings: ${hostIp}`);
      const [firstPort, lastPort] = parseHostPort(binding.HostPort ?? '');
      return { ...containerPort, hostIp, firstPort, lastPort };
    });
  });
}

/** Bindings, and with -P every exposed port that has none. */
export function allBindings(
  bindings: PortBindings,
  exposed: Record<string, object> | undefined,
  publishesAll: boolean,
): PortBindings {
  if (!publishesAll) return bindings;
  const missing = Object.keys(exposed ?? {}).filter((port) => !(port in bindings));
  return { ...bindings, ...Object.fromEntries(missing.map((port) => [port, [{ HostIp: '', HostPort: '' }]])) };
}

/** NetworkSettings.Ports of inspect: null for a port that is exposed only. */
export function portsView(
  published: readonly PublishedPort[],
  exposed: Record<string, object> | undefined,
): Record<string, PortBinding[] | null> {
  const view: Record<string, PortBinding[] | null> = {};
  for (const port of Object.keys(exposed ?? {})) view[port.includes('/') ? port : `${port}/tcp`] = null;
  for (const { containerPort, protocol, hostIp, hostPort } of published) {
    const key = `${containerPort}/${protocol}`;
    // a routed network's port is none of the host's
    view[key] = [...(view[key] ?? []), { HostIp: hostIp, HostPort: hostPort === 0 ? '' : String(hostPort) }];
  }
  return view;
}

/** `Ports` of an entry of the list. */
export function portList(published: readonly PublishedPort[], exposed: Record<string, object> | undefined): object[] {
  const open = published.map(({ containerPort, protocol, hostIp, hostPort }) =>
    hostPort === 0
      ? { PrivatePort: containerPort, Type: protocol }
      : { IP: hostIp, PrivatePort: containerPort, PublicPort: hostPort, Type: protocol },
  );
  const isOpen = ({ port, protocol }: ContainerPort) =>
    published.some((each) => each.containerPort === port && each.protocol === protocol);
  const closed = Object.keys(exposed ?? {})
    .flatMap(readablePort)
    .filter((port) => !isOpen(port))
    .map(({ port, protocol }) => ({ PrivatePort: port, Type: protocol }));
  return [...open, ...closed];
}

/** Both; a binding that is there already is there once. */
export function withBindings(present: PortBindings, added: PortBindings): PortBindings {
  const result: PortBindings = { ...present };
  for (const [text, list] of Object.entries(added)) {
    const { port, protocol } = parseContainerPort(text);
    const key = `${port}/${protocol}`;
    const known = result[key] ?? [];
    const wanted = list === null || list.length === 0 ? [{ HostIp: '', HostPort: '' }] : list;
    const isKnown = (binding: PortBinding) =>
      binding.HostPort !== '' &&
      known.some(({ HostIp, HostPort }) => HostIp === (binding.HostIp ?? '') && HostPort === binding.HostPort);
    result[key] = [...known, ...wanted.filter((binding) => !isKnown(binding))];
  }
  return result;
}

/** `80`, `80/udp`: all of a port's; `8080:80`, `127.0.0.1:8080:80/tcp`: one. Throws not-found for what is not there. */
export function withoutBindings(present: PortBindings, removed: readonly string[]): PortBindings {
  const result: PortBindings = { ...present };
  for (const text of removed) {
    const match = /^(?:(?:\[?([0-9a-fA-F.:]+?)\]?:)?(\d+(?:-\d+)?):)?(\d+)(?:\/(tcp|udp|sctp))?$/.exec(text);
    if (match === null)
      throw new ContainerError('invalid-argument', `invalid port specification: ${JSON.stringify(text)}`);
    const [, hostIp, hostPort, port, protocol = 'tcp'] = match;
    const key = `${port}/${protocol}`;
    const list = result[key];
    const kept = (list ?? []).filter(
      (binding) =>
        hostPort !== undefined &&
        (binding.HostPort !== hostPort || (hostIp !== undefined && (binding.HostIp ?? '') !== hostIp)),
    );
    if (list === undefined || (list !== null && list.length > 0 && kept.length === list.length))
      throw new ContainerError('not-found', `port ${text} is not published`);
    if (kept.length === 0) delete result[key];
    else result[key] = kept;
  }
  return result;
}
