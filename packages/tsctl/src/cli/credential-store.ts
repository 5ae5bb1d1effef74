// Where registry credentials are kept: docker's credential helpers where config.json names one, else config.json itself.
// login, logout, pull and push ask here.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type HelperCredentials, helperErase, helperGet, helperStore } from '@tscontainer/platform/credential-program';
import type { ConfigFile, StoredAuth } from './config-file.ts';

/** What the X-Registry-Auth header carries. */
export interface RegistryAuth {
  username?: string;
  password?: string;
  identitytoken?: string;
  serveraddress: string;
}

export const dockerHubAddress = 'https://index.docker.io/v1/';

/** Helpers' word for "the secret is an identity token". */
const tokenUser = '<token>';

/**
 * The helper for a registry: its own, else the one for all, else, when nothing is said anywhere, the one that this machine
 * has, as docker chooses it; undefined when config.json keeps its credentials.
 */
function helperFor({ content }: ConfigFile, key: string): string | undefined {
  const named = content.credHelpers?.[key] || content.credsStore;
  if (named) return named;
  const isUnsaid = Object.keys({ ...content.credHelpers, ...content.auths }).length === 0;
  return isUnsaid ? installedHelper() : undefined;
}

function installedHelper(): string | undefined {
  const name = isOnPath('pass') ? 'pass' : 'secretservice';
  return isOnPath(`docker-credential-${name}`) ? name : undefined;
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => existsSync(join(directory, program)));
}

/** The credentials for a registry host (`docker.io`, `localhost:5000`), if the user has logged in. Rejects when a helper fails. */
export async function credentialsFor(config: ConfigFile, host: string): Promise<RegistryAuth | undefined> {
  const keys =
    host === 'docker.io'
      ? [dockerHubAddress, 'docker.io', 'index.docker.io']
      : [host, `https://${host}`, `http://${host}`];
  const [key = host] = keys;
  const helper = helperFor(config, key);
  if (helper !== undefined) {
    const kept = await helperGet(helper, key);
    return kept === undefined ? undefined : fromHelper(kept, key);
  }
  for (const each of keys) {
    const stored = config.content.auths?.[each];
    if (stored !== undefined) return fromStored(stored, each);
  }
  return undefined;
}

/** Resolves with whether config.json holds them, readable to whoever can read the file. */
export async function storeCredentials(config: ConfigFile, key: string, auth: RegistryAuth): Promise<boolean> {
  const { username = '', password = '', identitytoken } = auth;
  const helper = helperFor(config, key);
  if (helper !== undefined) {
    const secret =
      identitytoken === undefined ? { username, secret: password } : { username: tokenUser, secret: identitytoken };
    await helperStore(helper, key, secret);
    config.storeAuth(key, {}); // docker notes here that a helper has them
    return false;
  }
  const encoded = Buffer.from(`${username}:${identitytoken === undefined ? password : ''}`).toString('base64');
  config.storeAuth(key, { auth: encoded, ...(identitytoken === undefined ? {} : { identitytoken }) });
  return identitytoken === undefined;
}

/** No error when there were none. Rejects when a helper fails. */
export async function eraseCredentials(config: ConfigFile, key: string): Promise<void> {
  const helper = helperFor(config, key);
  if (helper !== undefined) await helperErase(helper, key);
  config.removeAuth(key);
}

function fromHelper({ username, secret }: HelperCredentials, serveraddress: string): RegistryAuth {
  return username === tokenUser
    ? { identitytoken: secret, serveraddress }
    : { username, password: secret, serveraddress };
}

function fromStored(stored: StoredAuth, serveraddress: string): RegistryAuth {
  const text = Buffer.from(stored.auth ?? '', 'base64').toString();
  const colon = text.indexOf(':');
  const base =
    colon < 0 ? { serveraddress } : { username: text.slice(0, colon), password: text.slice(colon + 1), serveraddress };
  return stored.identitytoken === undefined ? base : { ...base, identitytoken: stored.identitytoken };
}
