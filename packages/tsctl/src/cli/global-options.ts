// The flags before the command (`tsctl -H unix:///x.sock ps`) and the environment they default to.
import { certificateDirectory, configDirectoryOf, isSet, tlsFilesIn } from '@tsctl/client/docker-config';
import type { TlsOptions } from '@tsctl/client/endpoint';
import { type FlagDefinition, type FlagValues, flag } from './flags.ts';

export const defaultHost = 'unix:///run/tscontainer/engine.sock';

export const globalFlags: readonly FlagDefinition[] = [
  flag('string', 'config', 'Location of client config files (default "~/.docker")'),
  flag(
    'string',
    'context,c',
    'Name of the context to use (overrides DOCKER_HOST, DOCKER_CONTEXT and "tsctl context use")',
  ),
  flag('bool', 'debug,D', 'Enable debug mode'),
  flag('list', 'host,H', 'Daemon socket(s) to connect to'),
  flag('string', 'log-level,l', 'Set the logging level ("debug"|"info"|"warn"|"error"|"fatal")', 'info'),
  flag('bool', 'tls', 'Use TLS; implied by --tlsverify'),
  flag('string', 'tlscacert', 'Trust certs signed only by this CA (default "~/.docker/ca.pem")'),
  flag('string', 'tlscert', 'Path to TLS certificate file (default "~/.docker/cert.pem")'),
  flag('string', 'tlskey', 'Path to TLS key file (default "~/.docker/key.pem")'),
  flag('bool', 'tlsverify', 'Use TLS and verify the remote'),
  flag('bool', 'trace', 'Print the id of the trace of this command on stderr'),
  flag('bool', 'version,v', 'Print version information and quit'),
];

export interface GlobalOptions {
  /** `unix:///path`, `tcp://host:port`: what the default context means. */
  host: string;
  /** What -H said, else ''. */
  flagHost: string;
  /** What --context said, else ''. */
  contextName: string;
  configDirectory: string;
  tls: TlsOptions | undefined;
  /** DOCKER_API_VERSION: no negotiation then. */
  apiVersion: string | undefined;
  isTraced: boolean;
  isDebug: boolean;
}

export function toGlobalOptions(flags: FlagValues): GlobalOptions {
  const environment = process.env;
  const directory = configDirectoryOf(flags.text('config'), environment);
  const flagHost = flags.list('host').at(-1) ?? '';
  return {
    flagHost,
    contextName: flags.text('context'),
    host: flagHost || environment['DOCKER_HOST'] || environment['TSCTL_HOST'] || defaultHost,
    configDirectory: directory,
    tls: tlsOptions(flags, certificateDirectory(environment, directory)),
    apiVersion: environment['DOCKER_API_VERSION'] || undefined,
    isTraced: flags.bool('trace') || (environment['TSCTL_TRACE'] ?? '') !== '',
    isDebug: flags.bool('debug') || flags.text('log-level') === 'debug',
  };
}

function tlsOptions(flags: FlagValues, directory: string): TlsOptions | undefined {
  const verify = flags.has('tlsverify') ? flags.bool('tlsverify') : isSet(process.env, 'DOCKER_TLS_VERIFY');
  if (!verify && !flags.bool('tls') && !isSet(process.env, 'DOCKER_TLS')) return undefined;
  const files = tlsFilesIn(directory, verify);
  return {
    verify,
    caPath: flags.text('tlscacert') || files.caPath,
    certPath: flags.text('tlscert') || files.certPath,
    keyPath: flags.text('tlskey') || files.keyPath,
  };
}
