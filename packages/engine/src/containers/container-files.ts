// The files that the engine writes for a container: /etc/hostname, /etc/hosts and /etc/resolv.conf.
import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerSettings } from './container-record.ts';

const loopbackHosts =
  '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n';

function readHostFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // the host has none, so the container starts without
  }
}

/** `lines`: addresses and names that its networks give. `hostAddress`: what `host-gateway` means; '' when nothing. */
export function hostsText({ hostConfig }: ContainerSettings, lines: string[] = [], hostAddress = ''): string {
  const isHost = hostConfig.NetworkMode === 'host';
  const base = isHost ? readHostFile('/etc/hosts') : loopbackHosts;
  const extra = (hostConfig.ExtraHosts ?? []).flatMap((entry) => {
    const [, name = '', given = ''] = /^([^:=]+)[:=](.*)$/.exec(entry) ?? [];
    const address = given === 'host-gateway' ? hostAddress : given.replace(/^\[|\]$/g, '');
    return address === '' ? [] : [{ name, address }];
  });
  const isNamed = extra.some(({ name }) => name === hostDomainName);
  // docker's users on Linux have to ask for this one; it is of use to everybody
  const host = hostAddress !== '' && !isNamed && lines.length > 0 ? [`${hostAddress}\t${hostDomainName}`] : [];
  const own = [...extra.map(({ name, address }) => `${address}\t${name}`), ...host, ...lines];
  return `${base}${own.map((line) => `${line}\n`).join('')}`;
}

/** The host, as its containers may call it. */
export const hostDomainName = 'host.docker.internal';

export interface DaemonResolver {
  dns: string[];
  search: string[];
  options: string[];
}

/**
 * The user's words, else the daemon's, else the host's. `embedded`: `servers` are the only ones. `bridge`: servers on the
 * host's loopback are not reached, and `servers` stand in when there are no others. `host`: as the host has it.
 */
export function resolverText(
  { hostConfig }: ContainerSettings,
  daemon: DaemonResolver,
  kind: 'embedded' | 'bridge' | 'host',
  servers: string[],
): string {
  const lines = readHostFile('/etc/resolv.conf')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const ofHost = (word: string) => lines.filter(([first]) => first === word).flatMap(([, ...values]) => values);
  const chosen = (own: string[], common: string[], word: string) =>
    own.length > 0 ? own : common.length > 0 ? common : ofHost(word);
  const search = chosen(hostConfig.DnsSearch, daemon.search, 'search').filter((domain) => domain !== '.');
  const options = chosen(hostConfig.DnsOptions, daemon.options, 'options');
  const asked = chosen(hostConfig.Dns, daemon.dns, 'nameserver');
  const reached = kind === 'bridge' ? asked.filter((server) => !server.startsWith('127.') && server !== '::1') : asked;
  const used = kind === 'embedded' || reached.length === 0 ? (kind === 'host' ? [] : servers) : reached;
  const allOptions =
    kind === 'embedded' && !options.some((option) => option.startsWith('ndots:')) ? [...options, 'ndots:0'] : options;
  return [
    ...(search.length > 0 ? [`search ${search.join(' ')}`] : []),
    ...used.map((server) => `nameserver ${server}`),
    ...(allOptions.length > 0 ? [`options ${allOptions.join(' ')}`] : []),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

/** Keeps the inode: the file may be mounted in a container. */
export function writeInPlace(path: string, text: string): void {
  writeFileSync(path, text);
}

export interface ContainerFiles {
  hostname: string;
  hosts: string;
  resolvConf: string;
}

export function containerFilePaths(directory: string): ContainerFiles {
  return {
    hostname: join(directory, 'hostname'),
    hosts: join(directory, 'hosts'),
    resolvConf: join(directory, 'resolv.conf'),
  };
}

/** Writes them into `directory` (made when missing) and returns host paths by their place in the container. */
export function writeContainerFiles(
  directory: string,
  settings: ContainerSettings,
  resolver: string,
): Record<string, string> {
  mkdirSync(directory, { recursive: true, mode: 0o710 });
  const paths = containerFilePaths(directory);
  writeFileSync(paths.hostname, `${settings.config.Hostname}\n`);
  writeFileSync(paths.hosts, hostsText(settings));
  writeFileSync(paths.resolvConf, resolver);
  const owner = settings.idMapping?.hostID;
  if (owner !== undefined) for (const path of Object.values(paths)) chownSync(path, owner, owner);
  return boundFiles(directory);
}

export function boundFiles(directory: string): Record<string, string> {
  const paths = containerFilePaths(directory);
  return { '/etc/resolv.conf': paths.resolvConf, '/etc/hostname': paths.hostname, '/etc/hosts': paths.hosts };
}
