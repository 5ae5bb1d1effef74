// Which endpoints serve a registry's name and how each is reached: scheme, CA files, client certificates, agents.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import tls from 'node:tls';
import type { HttpConnector } from './http-exchange.ts';

export interface RegistryHostOptions {
  /** `host[:port]` names whose certificate is not checked and that may speak plain HTTP. Loopback may always. */
  insecureRegistries?: string[];
  /** Base URLs tried before docker.io's own. */
  mirrors?: string[];
  /** Directories with `<host:port>/ca.crt`, `*.crt`, `client.cert` and `client.key`. */
  certificateDirectories?: string[];
  /** `http` when the caller insists on plain HTTP (containerd's default_scheme). */
  defaultScheme?: 'http' | 'https' | undefined;
}

export interface RegistryEndpoint {
  /** Ends without a slash: `https://registry-1.docker.io`. */
  base: URL;
  isMirror: boolean;
}

/** Connections to one registry at once: layers in parallel, a token request beside them. */
const maxSockets = 8;

const defaultCertificateDirectories = ['/etc/docker/certs.d', '/etc/containerd/certs.d'];

export function isLoopback(domain: string): boolean {
  const host = domain.replace(/:\d+$/, '');
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** One set of connections, made for one pull and closed after it. */
export class RegistryHosts implements HttpConnector {
  readonly #options: RegistryHostOptions;
  readonly #agents = new Map<string, http.Agent | https.Agent>();

  constructor(options: RegistryHostOptions = {}) {
    this.#options = options;
  }

  /** In the order of trying. */
  endpoints(domain: string): RegistryEndpoint[] {
    const own = (base: string): RegistryEndpoint => ({ base: new URL(base), isMirror: false });
    if (domain === 'docker.io') {
      const mirrors = (this.#options.mirrors ?? []).map((base) => ({ base: new URL(base), isMirror: true }));
      return [...mirrors, own('https://registry-1.docker.io')];
    }
    if (this.#options.defaultScheme === 'http') return [own(`http://${domain}`)];
    if (!isLoopback(domain) && !this.#isInsecure(domain)) return [own(`https://${domain}`)];
    return [own(`https://${domain}`), own(`http://${domain}`)];
  }

  agentFor(url: URL): http.Agent | https.Agent {
    const known = this.#agents.get(url.origin);
    if (known !== undefined) return known;
    const agent =
      url.protocol === 'https:'
        ? new https.Agent({ keepAlive: true, maxSockets, ...this.#tlsOptions(url.host) })
        : new http.Agent({ keepAlive: true, maxSockets });
    this.#agents.set(url.origin, agent);
    return agent;
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  #isInsecure(domain: string): boolean {
    return (this.#options.insecureRegistries ?? []).includes(domain);
  }

  #tlsOptions(host: string): https.AgentOptions {
    const directory = (this.#options.certificateDirectories ?? defaultCertificateDirectories)
      .map((root) => join(root, host))
      .find((path) => existsSync(path));
    const own = directory === undefined ? {} : readCertificates(directory);
    const ca = [...systemCertificates(), ...(own.ca ?? [])];
    return {
      ca,
      rejectUnauthorized: !this.#isInsecure(host),
      ...(own.cert === undefined ? {} : { cert: own.cert, key: own.key }),
    };
  }
}

let systemCache: string[] | undefined;

function systemCertificates(): string[] {
  systemCache ??= [...new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system')])];
  return systemCache;
}

function readCertificates(directory: string): { ca?: string[]; cert?: string; key?: string } {
  const names = readdirSync(directory).sort();
  const read = (name: string) => readFileSync(join(directory, name), 'utf8');
  const client = names.find((name) => name.endsWith('.cert') && names.includes(name.replace(/\.cert$/, '.key')));
  return {
    ca: names.filter((name) => name.endsWith('.crt')).map(read),
    ...(client === undefined ? {} : { cert: read(client), key: read(client.replace(/\.cert$/, '.key')) }),
  };
}
