// The value of `--docker host=…,ca=…,cert=…,key=…,skip-tls-verify=…,from=…` of `tsctl context create` and `update`.
import { readFileSync } from 'node:fs';
import type { ConfigFile } from '../cli/config-file.ts';
import { CommandFailure, FlagError } from '../cli/failures.ts';
import type { GlobalOptions } from '../cli/global-options.ts';
import { contextNamed } from './context-choice.ts';
import { ContextStore, type DockerEndpointMeta, type TlsMaterial } from './context-store.ts';

const known = new Set(['from', 'host', 'ca', 'cert', 'key', 'skip-tls-verify']);

export interface EndpointRequest {
  meta: DockerEndpointMeta;
  tls: TlsMaterial;
}

/** Throws FlagError for what is not `key=value,…`, CommandFailure for what it names and is not there. */
export function readEndpointFlag(text: string, globals: GlobalOptions, config: ConfigFile): EndpointRequest {
  const values = parsePairs(text);
  for (const key of values.keys())
    if (!known.has(key))
      throw new CommandFailure(`unable to create docker endpoint config: ${key}: unrecognized config key`);
  const from = values.get('from');
  if (from !== undefined) return endpointFrom(from, globals, config);
  const files = Object.entries({ 'ca.pem': 'ca', 'cert.pem': 'cert', 'key.pem': 'key' })
    .filter(([, key]) => (values.get(key) ?? '') !== '')
    .map(([file, key]): [string, Buffer] => [file, readMaterial(values.get(key) ?? '')]);
  return {
    meta: { Host: values.get('host') ?? '', SkipTLSVerify: isTrue(values.get('skip-tls-verify') ?? 'false') },
    tls: files.length === 0 ? {} : { docker: Object.fromEntries(files) },
  };
}

/** The endpoint of another context, with its certificates. */
export function endpointFrom(name: string, globals: GlobalOptions, config: ConfigFile): EndpointRequest {
  const { docker } = contextNamed(name, globals, config).Endpoints;
  if (docker === undefined)
    throw new CommandFailure(`unable to get endpoint from context "${name}": it has no docker endpoint`);
  const tls = new ContextStore(config.directory).tlsOf(name)['docker'];
  return { meta: docker, tls: tls === undefined ? {} : { docker: tls } };
}

function parsePairs(text: string): Map<string, string> {
  const pairs = text.split(',').map((part): [string, string] => {
    const at = part.indexOf('=');
    if (at < 0)
      throw new FlagError(`invalid argument "${text}" for "--docker" flag: ${part} must be formatted as key=value`);
    return [part.slice(0, at).trim().toLowerCase(), part.slice(at + 1)];
  });
  return new Map(pairs);
}

function readMaterial(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = isMissing ? 'no such file or directory' : (error as Error).message;
    throw new CommandFailure(`unable to create docker endpoint config: open ${path}: ${why}`);
  }
}

function isTrue(text: string): boolean {
  if (/^(1|t|true)$/i.test(text)) return true;
  if (/^(0|f|false)?$/i.test(text)) return false;
  throw new CommandFailure(
    `unable to create docker endpoint config: skip-tls-verify: parsing "${text}": invalid syntax`,
  );
}
