// Reads containerd's hosts.toml: which hosts serve a registry's name, in which order, for what, and how they are reached.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import { readPem, type TlsTrust } from './tls-trust.ts';

export type Capability = 'pull' | 'resolve' | 'push';

export interface HostEntry {
  /** With `/v2` at its end, unless the file overrides the path; no slash at the end. */
  base: URL;
  /** False for the file's `server`. */
  isMirror: boolean;
  capabilities: Set<Capability>;
  headers: Record<string, string>;
  trust: TlsTrust;
  dialTimeoutMs: number | undefined;
}

type Table = Record<string, unknown>;

const allCapabilities: Capability[] = ['pull', 'resolve', 'push'];

/** The file for a host: of its own directory (`host:port` or `host_port_`), else of `_default`. undefined without one. */
export function findHostsFile(root: string, domain: string): string | undefined {
  return directoriesFor(domain)
    .map((name) => join(root, name, 'hosts.toml'))
    .find((path) => existsSync(path));
}

/** Names of the directories that may concern a registry, the most particular first. */
export function directoriesFor(domain: string): string[] {
  const colon = domain.lastIndexOf(':');
  const isPort = colon > domain.lastIndexOf(']');
  const withoutColons = isPort ? [`${domain.slice(0, colon)}_${domain.slice(colon + 1)}_`] : [];
  return [...withoutColons, domain, '_default'];
}

/** `server`: the base URL of the registry itself when the file names none. Throws failed-precondition with file and key. */
export async function readHostsFile(path: string, server: string): Promise<HostEntry[]> {
  const { parse } = await import('smol-toml'); // only loaded when there is a file
  let file: Table;
  try {
    file = parse(readFileSync(path, 'utf8')) as Table;
  } catch (error) {
    throw new ContainerError('failed-precondition', `read ${path}: ${errorMessageOf(error)}`, { cause: error });
  }
  const reader = new HostsReader(path);
  const hosts = Object.entries(reader.table(file, 'host')).map(([url, host]) =>
    reader.entry(url, reader.asTable(host, `host."${url}"`), true),
  );
  const own = reader.text(file, 'server') ?? server;
  return [...hosts, reader.entry(own, file, false)];
}

class HostsReader {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  entry(url: string, table: Table, isMirror: boolean): HostEntry {
    const timeout = this.text(table, 'dial_timeout');
    return {
      base: this.#base(url, table.override_path === true),
      isMirror,
      capabilities: new Set(this.#capabilities(table)),
      headers: this.#headers(table),
      trust: this.#trust(table),
      dialTimeoutMs: timeout === undefined ? undefined : this.#duration(timeout),
    };
  }

  table(from: Table, key: string): Table {
    return this.asTable(from[key] ?? {}, key);
  }

  asTable(value: unknown, key: string): Table {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.#bad(key, 'want a table');
    return value as Table;
  }

  text(from: Table, key: string): string | undefined {
    const value = from[key];
    if (value === undefined || typeof value === 'string') return value;
    throw this.#bad(key, 'want a string');
  }

  #base(text: string, isOverridden: boolean): URL {
    const withScheme = text.includes('://') ? text : `https://${text}`;
    if (!URL.canParse(withScheme)) throw this.#bad(text, 'want a URL');
    const url = new URL(withScheme);
    const path = url.pathname.replace(/\/+$/, '');
    url.pathname = isOverridden || path.endsWith('/v2') ? path : `${path}/v2`;
    return url;
  }

  #capabilities(table: Table): Capability[] {
    if (table.capabilities === undefined) return allCapabilities;
    const named = this.#texts(table.capabilities, 'capabilities');
    const unknown = named.find((name) => !allCapabilities.includes(name as Capability));
    if (unknown !== undefined) throw this.#bad('capabilities', `unknown capability ${JSON.stringify(unknown)}`);
    return named as Capability[];
  }

  #headers(table: Table): Record<string, string> {
    const headers = Object.entries(this.table(table, 'header'));
    return Object.fromEntries(
      headers.map(([name, value]) => [name.toLowerCase(), this.#texts(value, `header.${name}`).join(', ')]),
    );
  }

  #trust(table: Table): TlsTrust {
    const ca = table.ca === undefined ? [] : this.#texts(table.ca, 'ca').map((file) => this.#pem(file));
    const client = this.#client(table.client);
    return { ca, ...(client === undefined ? {} : { client }), isVerified: table.skip_verify !== true };
  }

  /** A file with both, or a list of files or of pairs of certificate and key: the first serves. */
  #client(value: unknown): TlsTrust['client'] {
    if (value === undefined) return undefined;
    const first: unknown = Array.isArray(value) ? value[0] : value;
    if (first === undefined) return undefined;
    const [cert = '', key = ''] = this.#texts(first, 'client');
    return { cert: this.#pem(cert), key: this.#pem(key === '' ? cert : key) };
  }

  /** Relative paths begin at the file's own directory. */
  #pem(file: string): string {
    return readPem(resolve(dirname(this.#path), file));
  }

  #texts(value: unknown, key: string): string[] {
    const list: unknown[] = Array.isArray(value) ? value : [value];
    if (list.every((one) => typeof one === 'string')) return list;
    throw this.#bad(key, 'want a string or a list of strings');
  }

  /** Go's form: `3s`, `500ms`, `1m30s`. */
  #duration(text: string): number {
    const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
    if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) throw this.#bad('dial_timeout', `not a duration: ${text}`);
    const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
    return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitMs[unit ?? 's'] ?? 0), 0);
  }

  #bad(key: string, what: string): ContainerError {
    return new ContainerError('failed-precondition', `read ${this.#path}: ${key}: ${what}`);
  }
}
