// The files that the engine writes for a container: /etc/hostname, /etc/hosts and /etc/resolv.conf.
import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerSettings } from './container-record.ts';

const loopbackHosts =
  '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nff00::0\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n';

function readHostFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // the host has none, so the container starts without
  }
}

function hostsFile({ hostConfig }: ContainerSettings): string {
  const base = hostConfig.NetworkMode === 'host' ? readHostFile('/etc/hosts') : loopbackHosts;
  const extra = (hostConfig.ExtraHosts ?? []).map((entry) => {
    const [name = '', ...address] = entry.split(':');
    return `${address.join(':')}\t${name}\n`;
  });
  return `${base}${extra.join('')}`;
}

function resolverFile({ hostConfig }: ContainerSettings): string {
  const { Dns, DnsSearch, DnsOptions } = hostConfig;
  const lines = readHostFile('/etc/resolv.conf')
    .split('\n')
    .filter((line) => line !== '');
  const kept = (word: string, given: string[]) =>
    given.length > 0 ? [] : lines.filter((line) => line.startsWith(`${word} `) || line.startsWith(`${word}\t`));
  return [
    ...Dns.map((server) => `nameserver ${server}`),
    ...kept('nameserver', Dns),
    ...(DnsSearch.length > 0 && DnsSearch[0] !== '.' ? [`search ${DnsSearch.join(' ')}`] : []),
    ...kept('search', DnsSearch),
    ...(DnsOptions.length > 0 ? [`options ${DnsOptions.join(' ')}`] : []),
    ...kept('options', DnsOptions),
  ]
    .map((line) => `${line}\n`)
    .join('');
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
export function writeContainerFiles(directory: string, settings: ContainerSettings): Record<string, string> {
  mkdirSync(directory, { recursive: true, mode: 0o710 });
  const paths = containerFilePaths(directory);
  writeFileSync(paths.hostname, `${settings.config.Hostname}\n`);
  writeFileSync(paths.hosts, hostsFile(settings));
  writeFileSync(paths.resolvConf, resolverFile(settings));
  const owner = settings.idMapping?.hostID;
  if (owner !== undefined) for (const path of Object.values(paths)) chownSync(path, owner, owner);
  return boundFiles(directory);
}

export function boundFiles(directory: string): Record<string, string> {
  const paths = containerFilePaths(directory);
  return { '/etc/resolv.conf': paths.resolvConf, '/etc/hostname': paths.hostname, '/etc/hosts': paths.hosts };
}
