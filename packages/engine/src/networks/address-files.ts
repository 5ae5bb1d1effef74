// What a container's /etc/hosts and /etc/resolv.conf say of its networks, and where its DNS server asks on.
import { readFileSync } from 'node:fs';
import type { Container } from '../containers/container.ts';
import {
  containerFilePaths,
  hostDomainName,
  hostsText,
  resolverText,
  writeInPlace,
} from '../containers/container-files.ts';
import type { ContainerSettings } from '../containers/container-record.ts';
import type { EnginePaths } from '../engine-paths.ts';
import { dnsAddress } from './dns-server.ts';
import type { UpstreamServer } from './dns-upstream.ts';
import { mainEndpoint } from './gateway-choice.ts';
import { type ContainerFinder, defaultBridgeLinks, linkHosts, parseLink } from './links.ts';
import type { FoundName, NameDirectory } from './name-directory.ts';
import type { NetworkManager } from './network-manager.ts';
import { hasOwnNetwork } from './network-modes.ts';
import { isDefaultBridge } from './network-record.ts';

/** Servers of last resort, as docker has them, for hosts whose own resolver is on their loopback. */
const fallbackServers = ['8.8.8.8', '8.8.4.4'];

export interface AddressFilesParts {
  manager: NetworkManager;
  paths: EnginePaths;
  findContainer: ContainerFinder;
}

export class AddressFiles {
  readonly #parts: AddressFilesParts;

  constructor(parts: AddressFilesParts) {
    this.#parts = parts;
  }

  /** Of a container that is about to run: the file is there, and keeps its inode, for it may be mounted. */
  writeHosts(container: Container): void {
    const path = containerFilePaths(this.#parts.paths.containerData(container.id)).hosts;
    writeInPlace(path, hostsText(container.settings, this.#hostLines(container), this.hostAddress(container)));
  }

  writeResolver(container: Container): void {
    const path = containerFilePaths(this.#parts.paths.containerData(container.id)).resolvConf;
    writeInPlace(path, this.resolver(container.settings));
  }

  /** The text of /etc/resolv.conf, which depends on the settings alone. */
  resolver(settings: ContainerSettings): string {
    const { manager } = this.#parts;
    const daemon = {
      dns: manager.settings.dns,
      search: manager.settings.dnsSearch,
      options: manager.settings.dnsOptions,
    };
    if (this.hasDnsServer(settings)) return resolverText(settings, daemon, 'embedded', [dnsAddress]);
    const isHost = settings.hostConfig.NetworkMode === 'host';
    return resolverText(settings, daemon, isHost ? 'host' : 'bridge', fallbackServers);
  }

  /** In a network whose names are known. */
  hasDnsServer(settings: ContainerSettings): boolean {
    if (!hasOwnNetwork(settings.hostConfig.NetworkMode)) return false;
    const { manager } = this.#parts;
    return Object.entries(settings.endpoints).some(([name, request]) => {
      const record = manager.tryFind(request.networkId || name);
      return record === undefined ? name !== 'bridge' : !isDefaultBridge(record);
    });
  }

  keepsSingleNames(settings: ContainerSettings): boolean {
    const options =
      settings.hostConfig.DnsOptions.length > 0
        ? settings.hostConfig.DnsOptions
        : this.#parts.manager.settings.dnsOptions;
    return options.some((option) => /^ndots:[1-9]/.test(option));
  }

  /** Those of the user, of the daemon, or of the host. */
  upstreamServers(settings: ContainerSettings): UpstreamServer[] {
    const given = settings.hostConfig.Dns.length > 0 ? settings.hostConfig.Dns : this.#parts.manager.settings.dns;
    if (given.length > 0) return given.map((address) => ({ address, isOnHostLoopback: false }));
    const servers = readResolver()
      .map((line) => /^nameserver\s+(\S+)/.exec(line)?.[1])
      .filter((address) => address !== undefined);
    return servers.map((address) => ({ address, isOnHostLoopback: address === '::1' || address.startsWith('127.') }));
  }

  /** The host as this container reaches it; '' when it cannot. */
  hostAddress(container: Container): string {
    const { manager } = this.#parts;
    const { NetworkMode } = container.settings.hostConfig;
    if (manager.settings.hostGatewayIps[0] !== undefined) return manager.settings.hostGatewayIps[0];
    if (NetworkMode === 'host') return '127.0.0.1';
    const main = hasOwnNetwork(NetworkMode) ? mainEndpoint(manager, container) : undefined;
    const own = main?.endpoint === undefined ? undefined : manager.tryFind(main.endpoint.networkId)?.pools[0]?.gateway;
    return own ?? manager.list().find(isDefaultBridge)?.pools[0]?.gateway ?? '';
  }

  /** An alias that a link gives to another container, for this one alone. */
  linked(container: Container, name: string, directory: NameDirectory): FoundName | undefined {
    if (name.toLowerCase() === hostDomainName) {
      const address = this.hostAddress(container);
      if (address === '') return undefined;
      return address.includes(':') ? { ipv4: [], ipv6: [address] } : { ipv4: [address], ipv6: [] };
    }
    for (const [network, request] of Object.entries(container.settings.endpoints)) {
      const record = this.#parts.manager.tryFind(request.networkId || network);
      for (const text of record === undefined ? [] : (request.links ?? [])) {
        const { target, alias } = parseLink(text);
        if (alias.toLowerCase() !== name.toLowerCase()) continue;
        const found = this.#parts.findContainer(target);
        if (found !== undefined && record !== undefined) return directory.find([record.id], found.name);
      }
    }
    return undefined;
  }

  #hostLines(container: Container): string[] {
    const { Hostname, Domainname } = container.settings.config;
    const names = Domainname === '' ? Hostname : `${Hostname}.${Domainname} ${Hostname}`;
    const own = (container.state.network?.endpoints ?? []).flatMap(({ ipv4, ipv6 }) =>
      [ipv4, ipv6].filter((each) => each !== undefined).map((each) => `${each.address}\t${names}`),
    );
    const hasLinks = (container.settings.hostConfig.Links ?? []).length > 0 && !this.hasDnsServer(container.settings);
    const links = hasLinks ? linkHosts(defaultBridgeLinks(container.settings, this.#parts.findContainer)) : [];
    return [...links, ...own];
  }
}

function readResolver(): string[] {
  try {
    return readFileSync('/etc/resolv.conf', 'utf8').split('\n');
  } catch {
    return []; // the host has none
  }
}
