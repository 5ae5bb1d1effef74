// Which engine is meant when nobody says: docker's rules for DOCKER_HOST, contexts and certificates.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  configDirectoryOf,
  contextPlaces,
  defaultContextName,
  type Environment,
  meantContext,
  tlsOfContext,
  tlsOfEnvironment,
} from './docker-config.ts';
import { type Endpoint, type TlsOptions, toEndpoint } from './endpoint.ts';
import { ConnectionError } from './errors.ts';

export interface EngineChoice {
  /** `unix:///path`, `tcp://host:port` or a path; before all else. */
  host?: string | undefined;
  /** Name of a context of docker's. */
  context?: string | undefined;
  /** With a TLS connection; for tcp:// alone. */
  tls?: TlsOptions | undefined;
  /** Where docker's client keeps its settings; DOCKER_CONFIG or ~/.docker by default. */
  configDirectory?: string | undefined;
}

/** In this order, when nothing is said. */
const defaultSockets = ['/run/tscontainer/engine.sock', '/var/run/docker.sock'];

/** Throws ConnectionError for a host of an unknown form and a context that is not there. */
export function chooseEndpoint(choice: EngineChoice, environment: Environment = process.env): Endpoint {
  const directory = configDirectoryOf(choice.configDirectory, environment);
  // a host stands before a context here: a program may say both
  const named = choice.host ? { host: choice.host } : { context: choice.context };
  const name = meantContext(named, environment, () => currentContext(directory));
  if (name !== defaultContextName) return endpointOfContext(directory, name);
  const host = choice.host || (choice.context ? undefined : environment['DOCKER_HOST']);
  if (host) return toEndpoint(host, choice.tls ?? tlsOfEnvironment(environment, directory));
  const socket = defaultSockets.find((path) => existsSync(path)) ?? defaultSockets[0];
  return toEndpoint(`unix://${socket}`, undefined);
}

function currentContext(directory: string): string | undefined {
  const file = join(directory, 'config.json');
  if (!existsSync(file)) return undefined;
  return (readJson(file) as { currentContext?: string }).currentContext;
}

interface ContextFile {
  Endpoints?: { docker?: { Host?: string; SkipTLSVerify?: boolean } };
}

function endpointOfContext(directory: string, name: string): Endpoint {
  const file = join(contextPlaces(directory, name).metadata, 'meta.json');
  if (!existsSync(file)) throw new ConnectionError(`context ${JSON.stringify(name)}: not found in ${directory}`);
  const { Host, SkipTLSVerify = false } = (readJson(file) as ContextFile).Endpoints?.docker ?? {};
  if (!Host) throw new ConnectionError(`context ${JSON.stringify(name)}: it has no docker endpoint`);
  return toEndpoint(Host, tlsOfContext(directory, name, SkipTLSVerify));
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ConnectionError(`read ${path}: ${(error as Error).message}`, { cause: error });
  }
}
