// Which endpoints serve a registry's name and how each is reached: docker's and containerd's rules, hosts.toml, agents.
import { existsSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { BlockList, isIP } from 'node:net';
import { join } from 'node:path';
import { type Capability, directoriesFor, findHostsFile, type HostEntry, readHostsFile } from './hosts-toml.ts';
import type { HttpConnector } from './http-exchange.ts';
import { type TlsTrust, toAgentOptions, trustFromDirectory } from './tls-trust.ts';

export interface RegistryHostOptions {
  /**
   * `host[:port]` names, and networks in CIDR form, whose certificates are not checked and that may speak plain HTTP.
   * Loopback may always.
   */
  insecureRegistries?: string[];
  /** Base URLs tried before docker.io's own. */
  mirrors?: string[];
  /** Directories with `<host:port>/hosts.toml`, or with `<host:port>/ca.crt`, `*.crt`, `client.cert`, `client.key`. */
  certificateDirectories?: string[];
  /** `http` when the caller insists on plain HTTP (containerd's default_scheme). */
  defaultScheme?: 'http' | 'https' | undefined;
}

export interface RegistryEndpoint {
  /** What stands before the repository's path; ends without a slash: `https://registry-1.docker.io/v2`. */
  base: URL;
  /** Not the registry itself: when it cannot answer, the next is asked. */
  isMirror: boolean;
  capabilities: Set<Capability>;
  /** Sent with every request to it. */
  headers: Record<string, string>;
  /** Added to every URL: `ns` tells a mirror of many registries which one is meant. */
  query: Record<string, string>;
  connector: HttpConnector;
}

/** Connections to one endpoint at once: layers in parallel, a token request beside them. */
const maxSockets = 8;

const everything = (): Set<Capability> => new Set<Capability>(['pull', 'resolve', 'push']);
const defaultCertificateDirectories = ['/etc/docker/certs.d', '/etc/containerd/certs.d'];

export function isLoopback(domain: string): boolean {
  const host = hostnameOf(domain);
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

function hostnameOf(domain: string): string {
  return domain.replace(/:\d+$/, '');
}

/** One set of connections, made for one pull or push and closed after it. */
export class RegistryHosts {
  readonly #options: RegistryHostOptions;
  readonly #connectors: EndpointConnector[] = [];

  constructor(options: RegistryHostOptions = {}) {
    this.#options = options;
  }

  /** In the order of trying. Throws failed-precondition for a hosts.toml or certificate that cannot be read. */
  async endpoints(domain: string): Promise<RegistryEndpoint[]> {
    for (const root of this.#directories()) {
      const file = findHostsFile(root, domain);
      if (file === undefined) continue;
      const entries = await readHostsFile(file, this.#ownBases(domain)[0] as string);
      return entries.map((entry) => this.#fromEntry(domain, entry));
    }
    const mirrors = domain === 'docker.io' ? (this.#options.mirrors ?? []) : [];
    return [
      ...mirrors.map((base) => this.#plain(base, true)),
      ...this.#ownBases(domain).map((base) => this.#plain(base, false)),
    ];
  }

  close(): void {
    for (const connector of this.#connectors.splice(0)) connector.close();
  }

  #directories(): string[] {
    return this.#options.certificateDirectories ?? defaultCertificateDirectories;
  }

  #ownBases(domain: string): string[] {
    if (domain === 'docker.io') return ['https://registry-1.docker.io'];
    if (this.#options.defaultScheme === 'http') return [`http://${domain}`];
    if (!isLoopback(domain) && !this.#isInsecure(domain)) return [`https://${domain}`];
    return [`https://${domain}`, `http://${domain}`];
  }

  #plain(text: string, isMirror: boolean): RegistryEndpoint {
    const base = new URL(text);
    base.pathname = `${base.pathname.replace(/\/+$/, '')}/v2`;
    const connector = this.#connect((host) => this.#trustOf(host), undefined);
    return { base, isMirror, capabilities: everything(), headers: {}, query: {}, connector };
  }

  #fromEntry(domain: string, entry: HostEntry): RegistryEndpoint {
    const { base, isMirror, capabilities, headers, dialTimeoutMs } = entry;
    const connector = this.#connect(() => entry.trust, dialTimeoutMs);
    const query: Record<string, string> = isMirror && base.host !== domain ? { ns: domain } : {};
    return { base, isMirror, capabilities, headers, query, connector };
  }

  #connect(trustOf: (host: string) => TlsTrust, dialTimeoutMs: number | undefined): EndpointConnector {
    const connector = new EndpointConnector(trustOf, dialTimeoutMs);
    this.#connectors.push(connector);
    return connector;
  }

  #trustOf(host: string): TlsTrust {
    const directory = this.#directories()
      .flatMap((root) => directoriesFor(host).map((name) => join(root, name)))
      .find((path) => existsSync(path));
    const own = directory === undefined ? { ca: [] } : trustFromDirectory(directory);
    return { ...own, isVerified: !this.#isInsecure(host) };
  }

  #isInsecure(domain: string): boolean {
    const listed = this.#options.insecureRegistries ?? [];
    return listed.includes(domain) || isInNetworks(hostnameOf(domain), listed);
  }
}

function isInNetworks(hostname: string, listed: string[]): boolean {
  const address = hostname.replace(/^\[|\]$/g, '');
  const family = isIP(address);
  if (family === 0) return false;
  const networks = new BlockList();
  for (const entry of listed) {
    const [network = '', bits = ''] = entry.split('/');
    if (bits !== '' && isIP(network) === family)
      networks.addSubnet(network, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  }
  return networks.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** One endpoint's agents, by origin: a redirect leads elsewhere and is trusted by the same CAs. */
class EndpointConnector implements HttpConnector {
  readonly #agents = new Map<string, http.Agent | https.Agent>();
  readonly #trustOf: (host: string) => TlsTrust;
  readonly dialTimeoutMs: number | undefined;

  constructor(trustOf: (host: string) => TlsTrust, dialTimeoutMs: number | undefined) {
    this.#trustOf = trustOf;
    this.dialTimeoutMs = dialTimeoutMs;
  }

  agentFor(url: URL): http.Agent | https.Agent {
    const known = this.#agents.get(url.origin);
    if (known !== undefined) return known;
    const options = { keepAlive: true, maxSockets };
    const agent =
      url.protocol === 'https:'
        ? new https.Agent({ ...options, ...toAgentOptions(this.#trustOf(url.host)) })
        : new http.Agent(options);
    this.#agents.set(url.origin, agent);
    return agent;
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }
}
