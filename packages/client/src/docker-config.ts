// Docker's client configuration, as far as it says which engines there are and which of them is meant: its directory, the
// contexts in it, their certificates. environment.ts chooses by it; tsctl, which also writes contexts, takes the rules from here.
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { TlsOptions } from './endpoint.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** In no file: what the environment says. */
export const defaultContextName = 'default';

/** What the caller says, DOCKER_CONFIG, ~/.docker. */
export function configDirectoryOf(given: string | undefined, environment: Environment): string {
  return given || environment['DOCKER_CONFIG'] || join(homedir(), '.docker');
}

export interface ContextPlaces {
  /** Directory of meta.json. */
  metadata: string;
  /** Below it a directory per endpoint: docker/{ca,cert,key}.pem. */
  tls: string;
}

/** Below contexts/, by the SHA-256 of the name. */
export function contextPlaces(configDirectory: string, name: string): ContextPlaces {
  const id = createHash('sha256').update(name).digest('hex');
  const place = (kind: string) => join(configDirectory, 'contexts', kind, id);
  return { metadata: place('meta'), tls: place('tls') };
}

/** By the names that docker gives them. */
export function tlsFilesIn(directory: string, verify: boolean): TlsOptions {
  const file = (name: string) => join(directory, name);
  return { verify, caPath: file('ca.pem'), certPath: file('cert.pem'), keyPath: file('key.pem') };
}

/** For a context's docker endpoint; undefined: there is nothing that asks for TLS. */
export function tlsOfContext(configDirectory: string, name: string, skipsVerify: boolean): TlsOptions | undefined {
  const directory = join(contextPlaces(configDirectory, name).tls, 'docker');
  return skipsVerify || namesIn(directory).length > 0 ? tlsFilesIn(directory, !skipsVerify) : undefined;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** DOCKER_TLS_VERIFY, or DOCKER_TLS alone; undefined: neither. */
export function tlsOfEnvironment(environment: Environment, configDirectory: string): TlsOptions | undefined {
  const verify = isSet(environment, 'DOCKER_TLS_VERIFY');
  if (!verify && !isSet(environment, 'DOCKER_TLS')) return undefined;
  return tlsFilesIn(certificateDirectory(environment, configDirectory), verify);
}

/** DOCKER_CERT_PATH, or the configuration's own. */
export function certificateDirectory(environment: Environment, configDirectory: string): string {
  return environment['DOCKER_CERT_PATH'] || configDirectory;
}

export function isSet(environment: Environment, name: string): boolean {
  return (environment[name] ?? '') !== '';
}

/**
 * Name of the context that is meant: the one that was named; the default one for who names a host, himself or by
 * DOCKER_HOST; DOCKER_CONTEXT; the one that was chosen for good (`stored`, which is read last).
 */
export function meantContext(
  named: { context?: string | undefined; host?: string | undefined },
  environment: Environment,
  stored: () => string | undefined,
): string {
  if (named.context) return named.context;
  if (named.host || environment['DOCKER_HOST']) return defaultContextName;
  return environment['DOCKER_CONTEXT'] || stored() || defaultContextName;
}
