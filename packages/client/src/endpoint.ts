// Where the daemon listens: turns DOCKER_HOST's forms into what node:http connects to.
import { readFileSync } from 'node:fs';
import { ConnectionError } from './errors.ts';

export interface Endpoint {
  /** As the user wrote it, for messages. */
  url: string;
  socketPath?: string;
  host?: string;
  port?: number;
  tls?: { ca?: Buffer; cert?: Buffer; key?: Buffer; rejectUnauthorized: boolean };
}

const plainPort = 2375;
const tlsPort = 2376;

/** Files of certificates; one that does not exist is left out. */
export interface TlsOptions {
  /** The server's certificate is checked. */
  verify: boolean;
  caPath: string;
  certPath: string;
  keyPath: string;
}

/** Throws ConnectionError when `url` is of no known form. */
export function toEndpoint(url: string, tls: TlsOptions | undefined): Endpoint {
  const unix = /^unix:\/\/(.+)$/.exec(url);
  if (unix?.[1] !== undefined) return { url, socketPath: unix[1] };
  if (url.startsWith('/')) return { url: `unix://${url}`, socketPath: url };
  const tcp = /^(?:(tcp|https?):\/\/)?(\[[0-9a-fA-F:]+\]|[^:/]*)(?::(\d+))?\/?$/.exec(url);
  if (tcp === null) throw new ConnectionError(`unable to parse docker host \`${url}\``);
  const isTls = tls !== undefined || tcp[1] === 'https';
  const address = {
    url,
    host: (tcp[2] || '127.0.0.1').replace(/^\[|\]$/g, ''),
    port: Number(tcp[3] ?? (isTls ? tlsPort : plainPort)),
  };
  return isTls ? { ...address, tls: readTls(tls) } : address;
}

function readTls(options: TlsOptions | undefined): NonNullable<Endpoint['tls']> {
  if (options === undefined) return { rejectUnauthorized: true };
  const files = {
    ca: readOptional(options.caPath),
    cert: readOptional(options.certPath),
    key: readOptional(options.keyPath),
  };
  const present = Object.entries(files).filter(([, content]) => content !== undefined);
  return { ...(Object.fromEntries(present) as { ca?: Buffer }), rejectUnauthorized: options.verify };
}

/** A client certificate is optional; a file that is there but unreadable is an error. */
function readOptional(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ConnectionError(`read ${path}: ${(error as Error).message}`, { cause: error });
  }
}
