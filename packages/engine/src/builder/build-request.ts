// POST /build's parameters: read once, checked, and handed to the builder.
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import { formatReference, parseReference, type Reference, withDefaultTag } from '@tscontainer/core/reference';
import { type DockerAuthConfig, type RegistryCredentials, toCredentials } from '@tscontainer/distribution/credentials';
import { isAtLeast } from '../http/api-version.ts';
import { type Query, queryBool, queryInt, queryText } from '../http/query.ts';
import type { GivenArgs } from './build-args.ts';
import { noBuildKit } from './control-refusal.ts';

export interface BuildRequest {
  /** Path in the context; '' is `Dockerfile`, or `dockerfile` where only that is. */
  dockerfile: string;
  /** Full record names, each once. */
  tags: string[];
  remote: string;
  args: GivenArgs;
  labels: Record<string, string>;
  cacheFrom: string[];
  target: string;
  platform: string;
  isQuiet: boolean;
  usesCache: boolean;
  /** Containers go after a step that went well. */
  removes: boolean;
  /** And after one that failed. */
  alwaysRemoves: boolean;
  pulls: boolean;
  /** As HostConfig of the containers that RUN is carried out in. */
  hostConfig: Record<string, unknown>;
  /** By registry, as the client's config.json has them. */
  credentials: Record<string, RegistryCredentials>;
  /** For POST /build/cancel; '' for none. */
  buildId: string;
}

function refused(message: string): ContainerError {
  return new ContainerError('invalid-argument', message, { reason: 'unsupported-setting' });
}

/** Throws invalid-argument naming what cannot be done. */
export function decodeBuildRequest(query: Query, apiVersion: string, registryConfig: string | undefined): BuildRequest {
  checkUnsupported(query);
  const text = (name: string) => queryText(query, name) ?? '';
  const alwaysRemoves = queryBool(query, 'forcerm');
  return {
    dockerfile: text('dockerfile'),
    tags: tagsOf(listOf(query, 't')),
    remote: text('remote'),
    args: new Map(Object.entries(jsonOf(query, 'buildargs', 'build args', isTextOrNull))),
    labels: jsonOf(query, 'labels', 'labels', isText) as Record<string, string>,
    cacheFrom: cacheFromOf(query),
    target: text('target'),
    platform: isAtLeast(apiVersion, '1.32') ? text('platform').toLowerCase() : '',
    isQuiet: queryBool(query, 'q'),
    usesCache: !queryBool(query, 'nocache'),
    removes: alwaysRemoves || text('rm') === '' || queryBool(query, 'rm'),
    alwaysRemoves,
    pulls: queryBool(query, 'pull'),
    hostConfig: hostConfigOf(query),
    credentials: credentialsOf(registryConfig),
    buildId: text('buildid'),
  };
}

function checkUnsupported(query: Query): void {
  const version = queryText(query, 'version') ?? '';
  if (version === '2') throw refused(`version=2: ${noBuildKit}`);
  if (queryText(query, 'remote') === 'client-session')
    throw refused(
      `remote=client-session: a context that the engine fetches from a session is BuildKit’s: ${noBuildKit}`,
    );
  if (version !== '' && version !== '1') throw refused(`invalid version ${JSON.stringify(version)}`);
  if (queryBool(query, 'squash')) throw refused('squash is only supported with experimental mode');
  if (query.securityopt !== undefined)
    throw refused('The daemon on this platform does not support setting security options on build');
  const isolation = queryText(query, 'isolation') ?? '';
  if (isolation !== '' && isolation !== 'default') throw refused(`Unsupported isolation: ${JSON.stringify(isolation)}`);
  const outputs = queryText(query, 'outputs') ?? '';
  if (outputs !== '' && outputs !== '[]' && outputs !== 'null')
    throw refused('outputs: custom outputs need BuildKit, the classic builder makes an image');
}

function listOf(query: Query, name: string): string[] {
  const value = query[name];
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

function tagsOf(names: string[]): string[] {
  const tags = names
    .filter((name) => name !== '')
    .map((name) => {
      const reference = tagReference(name);
      if (reference.digest !== undefined) throw refused('build tag cannot contain a digest');
      return formatReference(withDefaultTag(reference));
    });
  return [...new Set(tags)];
}

/** Docker's words for what is no name. */
function tagReference(name: string): Reference {
  try {
    return parseReference(name);
  } catch (error) {
    const isCase = name !== name.toLowerCase() && isReference(name.toLowerCase());
    const why = isCase ? ': repository name must be lowercase' : '';
    throw new ContainerError('invalid-argument', `invalid reference format${why}`, {
      reason: 'invalid-reference',
      cause: error,
    });
  }
}

function isReference(name: string): boolean {
  try {
    parseReference(name);
    return true;
  } catch {
    return false; // asked, not told
  }
}

function parsedJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ContainerError('invalid-argument', `error reading ${what}: ${errorMessageOf(error)}`, { cause: error });
  }
}

const isText = (value: unknown) => typeof value === 'string';
const isTextOrNull = (value: unknown) => value === null || isText(value);

function jsonOf(
  query: Query,
  name: string,
  what: string,
  isSound: (value: unknown) => boolean,
): Record<string, string | null> {
  const text = queryText(query, name) ?? '';
  const value = text === '' ? {} : (parsedJson(text, what) ?? {});
  if (typeof value !== 'object' || Array.isArray(value) || !Object.values(value).every(isSound))
    throw refused(`error reading ${what}: want an object of texts`);
  return value as Record<string, string | null>;
}

function cacheFromOf(query: Query): string[] {
  const text = queryText(query, 'cachefrom') ?? '';
  const value = text === '' ? [] : (parsedJson(text, 'cachefrom') ?? []);
  if (!Array.isArray(value) || !value.every(isText)) throw refused('error reading cachefrom: want a list of texts');
  return value;
}

function hostConfigOf(query: Query): Record<string, unknown> {
  const ulimits = queryText(query, 'ulimits') ?? '';
  const numbers = {
    Memory: queryInt(query, 'memory'),
    MemorySwap: queryInt(query, 'memswap'),
    CpuShares: queryInt(query, 'cpushares'),
    CpuPeriod: queryInt(query, 'cpuperiod'),
    CpuQuota: queryInt(query, 'cpuquota'),
    ShmSize: queryInt(query, 'shmsize'),
  };
  const texts = {
    CpusetCpus: queryText(query, 'cpusetcpus'),
    CpusetMems: queryText(query, 'cpusetmems'),
    CgroupParent: queryText(query, 'cgroupparent'),
    NetworkMode: queryText(query, 'networkmode'),
  };
  const given = Object.entries({ ...numbers, ...texts }).filter(([, value]) => value);
  return {
    ...Object.fromEntries(given),
    ExtraHosts: listOf(query, 'extrahosts').filter((host) => host !== ''),
    LogConfig: { Type: 'none', Config: {} },
    ...(ulimits === '' ? {} : { Ulimits: parsedJson(ulimits, 'ulimit settings') }),
  };
}

/** As docker does it, what cannot be read counts as no credentials. */
function credentialsOf(header: string | undefined): Record<string, RegistryCredentials> {
  if (header === undefined || header === '') return {};
  try {
    const parsed = JSON.parse(Buffer.from(header, 'base64url').toString('utf8')) as Record<string, DockerAuthConfig>;
    const entries = Object.entries(parsed ?? {}).map(([registry, entry]) => [registry, toCredentials(entry)] as const);
    return Object.fromEntries(entries.filter(([, credentials]) => credentials !== undefined)) as Record<
      string,
      RegistryCredentials
    >;
  } catch {
    return {}; // the pull that needs them says that it was refused
  }
}

/** Of a registry's host: by its name, or by the addresses under which docker's client stores a login. */
export function credentialsOfHost(
  credentials: Record<string, RegistryCredentials>,
  host: string,
): RegistryCredentials | undefined {
  const keys =
    host === 'docker.io'
      ? ['https://index.docker.io/v1/', 'docker.io', 'index.docker.io', 'registry-1.docker.io']
      : [host, `https://${host}`, `http://${host}`, `https://${host}/v1/`, `https://${host}/v2/`];
  for (const key of keys) if (Object.hasOwn(credentials, key)) return credentials[key];
  return undefined;
}
