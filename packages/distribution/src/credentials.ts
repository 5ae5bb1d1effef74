// Registry credentials: docker's X-Registry-Auth header, and the interface through which a pull asks for them.
import { ContainerError } from '@tscontainer/core/errors';

export interface RegistryCredentials {
  username?: string;
  password?: string;
  /** An OAuth2 refresh token, used instead of a password. */
  identityToken?: string;
  /** A bearer token to be sent as it is. */
  registryToken?: string;
  /** A whole Authorization header to be sent as it is. */
  header?: string;
}

/** Asked once per registry host, when it challenges; undefined is anonymous. `challenges`: its WWW-Authenticate values. */
export type CredentialSource = (host: string, challenges: string[]) => Promise<RegistryCredentials | undefined>;

const hubHosts = new Set(['docker.io', 'registry-1.docker.io', 'index.docker.io']);

/** Credentials that a user gave for one registry: a mirror or another host is not told them. */
export function credentialsFor(domain: string, credentials: RegistryCredentials | undefined): CredentialSource {
  return async (host) => (host === domain || (hubHosts.has(domain) && hubHosts.has(host)) ? credentials : undefined);
}

/** One entry of `auths` in config.json, and what X-Registry-Auth carries. */
export interface DockerAuthConfig {
  username?: string;
  password?: string;
  auth?: string;
  identitytoken?: string;
  registrytoken?: string;
}

/** Decodes `X-Registry-Auth`: base64url of docker's AuthConfig JSON. Throws invalid-argument. */
export function parseRegistryAuthHeader(header: string | undefined): RegistryCredentials | undefined {
  if (header === undefined || header === '') return undefined;
  let config: DockerAuthConfig;
  try {
    config = JSON.parse(Buffer.from(header, 'base64url').toString('utf8')) as DockerAuthConfig;
  } catch (error) {
    throw new ContainerError('invalid-argument', 'invalid X-Registry-Auth header: not base64 JSON', { cause: error });
  }
  if (typeof config !== 'object' || config === null)
    throw new ContainerError('invalid-argument', 'invalid X-Registry-Auth header: not an object');
  return toCredentials(config);
}

/** undefined when the entry says nothing. */
export function toCredentials(config: DockerAuthConfig): RegistryCredentials | undefined {
  const joined = config.auth ? Buffer.from(config.auth, 'base64').toString('utf8') : '';
  const colon = joined.indexOf(':');
  const username = config.username || (colon > 0 ? joined.slice(0, colon) : '');
  const password = config.password || (colon > 0 ? joined.slice(colon + 1) : '');
  const credentials: RegistryCredentials = {
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...(config.identitytoken ? { identityToken: config.identitytoken } : {}),
    ...(config.registrytoken ? { registryToken: config.registrytoken } : {}),
  };
  return Object.keys(credentials).length === 0 ? undefined : credentials;
}
