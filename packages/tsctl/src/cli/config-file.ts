// The client's config.json (DOCKER_CONFIG, --config): registry credentials, detach keys, formats. login and logout write it.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ContainerError } from '@tscontainer/core/errors';

export interface StoredAuth {
  /** base64 of `user:password`. */
  auth?: string;
  identitytoken?: string;
}

export interface ConfigContent {
  auths?: Record<string, StoredAuth>;
  detachKeys?: string;
  psFormat?: string;
  imagesFormat?: string;
  HttpHeaders?: Record<string, string>;
  [other: string]: unknown;
}

/** What the X-Registry-Auth header carries. */
export interface RegistryAuth {
  username?: string;
  password?: string;
  identitytoken?: string;
  serveraddress: string;
}

export const dockerHubAddress = 'https://index.docker.io/v1/';

export function configDirectory(option: string): string {
  return option || process.env['DOCKER_CONFIG'] || join(homedir(), '.docker');
}

/** Reads at first use: most commands never need it. */
export class ConfigFile {
  readonly directory: string;
  #content: ConfigContent | undefined;

  constructor(directory: string) {
    this.directory = directory;
  }

  get path(): string {
    return join(this.directory, 'config.json');
  }

  get content(): ConfigContent {
    this.#content ??= this.#read();
    return this.#content;
  }

  /** The credentials for a registry host (`docker.io`, `localhost:5000`), if the user has logged in. */
  authFor(host: string): RegistryAuth | undefined {
    const keys =
      host === 'docker.io'
        ? [dockerHubAddress, 'docker.io', 'index.docker.io']
        : [host, `https://${host}`, `http://${host}`];
    for (const key of keys) {
      const stored = this.content.auths?.[key];
      if (stored !== undefined) return decodeAuth(stored, key);
    }
    return undefined;
  }

  storeAuth(key: string, username: string, password: string): void {
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    this.#write({ ...this.content, auths: { ...this.content.auths, [key]: { auth } } });
  }

  /** Whether there was one. */
  removeAuth(key: string): boolean {
    const auths = { ...this.content.auths };
    if (auths[key] === undefined) return false;
    delete auths[key];
    this.#write({ ...this.content, auths });
    return true;
  }

  #read(): ConfigContent {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
      throw new ContainerError('failed-precondition', `read ${this.path}: ${(error as Error).message}`, {
        cause: error,
      });
    }
    try {
      return JSON.parse(text) as ConfigContent;
    } catch (error) {
      throw new ContainerError('invalid-argument', `read ${this.path}: ${(error as Error).message}`, { cause: error });
    }
  }

  /** Whole or not at all: a new file, renamed over the old. */
  #write(content: ConfigContent): void {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    const fresh = `${this.path}.${process.pid}`;
    writeFileSync(fresh, `${JSON.stringify(content, null, '\t')}\n`, { mode: 0o600 });
    renameSync(fresh, this.path);
    this.#content = content;
  }
}

function decodeAuth(stored: StoredAuth, serveraddress: string): RegistryAuth {
  const text = Buffer.from(stored.auth ?? '', 'base64').toString();
  const colon = text.indexOf(':');
  const base =
    colon < 0 ? { serveraddress } : { username: text.slice(0, colon), password: text.slice(colon + 1), serveraddress };
  return stored.identitytoken === undefined ? base : { ...base, identitytoken: stored.identitytoken };
}
