// The syslog driver's TLS options: authority, certificate and key files, and whether the server is verified.
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';

export const syslogTlsOptions = ['syslog-tls-ca-cert', 'syslog-tls-cert', 'syslog-tls-key', 'syslog-tls-skip-verify'];

function fileOf(options: Record<string, string>, option: string): Buffer | undefined {
  const path = options[option];
  if (!path) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ContainerError('invalid-argument', `${option}: ${errorMessageOf(error)}`, { cause: error });
  }
}

/** Throws invalid-argument for a file that cannot be read. */
export function tlsOptionsOf(options: Record<string, string>): ConnectionOptions {
  const [ca, cert, key] = ['syslog-tls-ca-cert', 'syslog-tls-cert', 'syslog-tls-key'].map((option) =>
    fileOf(options, option),
  );
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    // docker looks whether the option is there, not what it says
    rejectUnauthorized: options['syslog-tls-skip-verify'] === undefined,
  };
}
