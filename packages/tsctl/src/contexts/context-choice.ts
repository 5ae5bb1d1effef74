// Which context a command line uses, by docker's rules, and the endpoint that it names; main.ts connects there.
import { defaultContextName, meantContext, tlsOfContext } from '@tsctl/client/docker-config';
import { type Endpoint, type TlsOptions, toEndpoint } from '@tsctl/client/endpoint';
import type { ConfigFile } from '../cli/config-file.ts';
import { CommandFailure } from '../cli/failures.ts';
import { defaultHost, type GlobalOptions } from '../cli/global-options.ts';
import { type ContextMeta, ContextStore } from './context-store.ts';

type Globals = Pick<GlobalOptions, 'contextName' | 'flagHost' | 'host' | 'tls'>;

/** --context, then -H or DOCKER_HOST (which mean the default one), DOCKER_CONTEXT, and what `context use` has chosen. */
export function currentContextName(globals: Globals, config: ConfigFile): string {
  const { contextName: context, flagHost: host } = globals;
  if (context !== '' && host !== '')
    throw new CommandFailure('Conflicting options: either specify --host or --context, not both');
  return meantContext({ context, host }, process.env, () => config.content.currentContext);
}

/** What `context use` has written. */
export function storedContextName(config: ConfigFile): string {
  return config.content.currentContext || defaultContextName;
}

/** Where to connect. Throws docker's words for a context that is not there or has no docker endpoint. */
export function currentEndpoint(globals: Globals, config: ConfigFile): Endpoint {
  const name = currentContextName(globals, config);
  if (name === defaultContextName) return resolved(globals.host, globals.tls);
  const store = new ContextStore(config.directory);
  if (!store.has(name)) throw new CommandFailure(unresolved(name, globals, config));
  const meta = store.get(name).Endpoints.docker;
  if (meta === undefined)
    throw new CommandFailure(
      `unable to resolve docker endpoint: no docker endpoint configuration found in context "${name}"`,
    );
  return resolved(meta.Host || globals.host, tlsOfContext(config.directory, name, meta.SkipTLSVerify) ?? globals.tls);
}

function resolved(host: string, tls: TlsOptions | undefined): Endpoint {
  try {
    return toEndpoint(host, tls);
  } catch (error) {
    throw new CommandFailure(`unable to resolve docker endpoint: ${(error as Error).message}`);
  }
}

function unresolved(name: string, globals: Globals, config: ConfigFile): string {
  const isStored = globals.contextName === '' && (process.env['DOCKER_CONTEXT'] ?? '') === '';
  return isStored
    ? `Current context "${name}" is not found on the file system, please check your config file at ${config.path}`
    : `unable to resolve docker endpoint: context "${name}" does not exist`;
}

/** The default one exists in no file: it is what the environment says. */
export function defaultContext(globals: Pick<GlobalOptions, 'host'>): ContextMeta {
  return {
    Name: defaultContextName,
    Metadata: {},
    Endpoints: { docker: { Host: globals.host || defaultHost, SkipTLSVerify: false } },
  };
}

/** One by name, the default one included. */
export function contextNamed(name: string, globals: GlobalOptions, config: ConfigFile): ContextMeta {
  return name === defaultContextName ? defaultContext(globals) : new ContextStore(config.directory).get(name);
}
