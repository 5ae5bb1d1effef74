// Which engine is meant when nobody says: docker's rules for DOCKER_HOST, contexts and certificates.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
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

type Environment = Record<string, string | undefined>;

/** Throws ConnectionError for a host of an unknown form and a context that is not there. */
export function chooseEndpoint(choice: EngineChoice, environment: Environment = process.env): Endpoint {
  const directory = choice.configDirectory || environment['DOCKER_CONFIG'] || join(homedir(), '.docker');
  const host = choice.host || (choice.context ? undefined : environment['DOCKER_HOST']);
  if (host) return toEndpoint(host, choice.tls ?? tlsOf(environment, directory));
  const context = choice.context || environment['DOCKER_CONTEXT'] || currentContext(directory);
  if (context && context !== 'default') return endpointOfContext(directory, context);
  const socket = defaultSockets.find((path) => existsSync(path)) ?? defaultSockets[0];
  return toEndpoint(`unix://${socket}`, undefined);
}

function tlsOf(environment: Environment, directory: string): TlsOptions | undefined {
  const verify = (environment['DOCKER_TLS_VERIFY'] ?? '') !== '';
  if (!verify && (environment['DOCKER_TLS'] ?? '') === '') return undefined;
  return tlsFiles(environment['DOCKER_CERT_PATH'] || directory, verify);
}

function tlsFiles(directory: string, verify: boolean): TlsOptions {
  const file = (name: string) => join(directory, name);
  return { verify, caPath: file('ca.pem'), certPath: file('cert.pem'), keyPath: file('key.pem') };
}

function currentContext(directory: string): string | undefined {
  const file = join(directory, 'config.json');
  if (!existsSync(file)) return undefined;
  return (readJson(file) as { currentContext?: string }).currentContext;
}

interface ContextFile {
  Endpoints?: { docker?: { Host?: string; SkipTLSVerify?: boolean } };
}

/** contexts/meta/<sha256 of the name>/meta.json, and its certificates below contexts/tls. */
function endpointOfContext(directory: string, name: string): Endpoint {
  const id = createHash('sha256').update(name).digest('hex');
  const file = join(directory, 'contexts', 'meta', id, 'meta.json');
  if (!existsSync(file)) throw new ConnectionError(`context ${JSON.stringify(name)}: not found in ${directory}`);
  const { Host, SkipTLSVerify = false } = (readJson(file) as ContextFile).Endpoints?.docker ?? {};
  if (!Host) throw new ConnectionError(`context ${JSON.stringify(name)}: it has no docker endpoint`);
  const certificates = join(directory, 'contexts', 'tls', id, 'docker');
  const hasTls = SkipTLSVerify || existsSync(certificates);
  return toEndpoint(Host, hasTls ? tlsFiles(certificates, !SkipTLSVerify) : undefined);
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ConnectionError(`read ${path}: ${(error as Error).message}`, { cause: error });
  }
}
