// Registry credentials from docker's config.json: `credHelpers`, `credsStore`, then `auths`. Read anew for every question.
import { readFileSync } from 'node:fs';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import { helperGet } from '@tscontainer/platform/credential-program';
import {
  type CredentialSource,
  type DockerAuthConfig,
  type RegistryCredentials,
  toCredentials,
} from './credentials.ts';

interface DockerConfig {
  auths?: Record<string, DockerAuthConfig>;
  credHelpers?: Record<string, string>;
  credsStore?: string;
}

/** What docker calls its hub in config.json and towards helpers. */
const hubKey = 'https://index.docker.io/v1/';
const hubHosts = new Set(['docker.io', 'registry-1.docker.io', 'index.docker.io']);
/** A helper's word for "the secret is an identity token". */
const tokenUser = '<token>';

/** A file that is not there has no credentials. The source rejects failed-precondition for one that cannot be read. */
export function dockerCredentials(path: string): CredentialSource {
  return async (host) => {
    const config = readConfig(path);
    const key = hubHosts.has(host) ? hubKey : host;
    const helper = config.credHelpers?.[key] ?? config.credHelpers?.[host] ?? (config.credsStore || undefined);
    const kept = helper === undefined ? undefined : await fromHelper(helper, key);
    return kept ?? fromAuths(config.auths ?? {}, host);
  };
}

async function fromHelper(helper: string, key: string): Promise<RegistryCredentials | undefined> {
  const found = await helperGet(helper, key);
  if (found === undefined) return undefined;
  if (found.username === tokenUser) return { identityToken: found.secret };
  return { username: found.username, password: found.secret };
}

/** Keys are hosts, or URLs as old clients wrote them. */
function fromAuths(auths: Record<string, DockerAuthConfig>, host: string): RegistryCredentials | undefined {
  const wanted = hubHosts.has(host) ? 'index.docker.io' : host;
  const exact = auths[host] ?? (hubHosts.has(host) ? auths[hubKey] : undefined);
  const entry = exact ?? Object.entries(auths).find(([key]) => hostOfKey(key) === wanted)?.[1];
  return entry === undefined ? undefined : toCredentials(entry);
}

function hostOfKey(key: string): string {
  return key.replace(/^https?:\/\//, '').split('/')[0] ?? '';
}

function readConfig(path: string): DockerConfig {
  try {
    const value = JSON.parse(readFileSync(path, 'utf8')) as DockerConfig | null;
    if (typeof value === 'object' && value !== null) return value;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new ContainerError('failed-precondition', `read ${path}: ${errorMessageOf(error)}`, { cause: error });
  }
  throw new ContainerError('failed-precondition', `read ${path}: not an object`);
}
