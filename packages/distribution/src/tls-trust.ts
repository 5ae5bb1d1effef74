// Whom a registry's endpoint is trusted by and as whom we come: CA files and client certificates, read from disk.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { AgentOptions } from 'node:https';
import { join } from 'node:path';
import tls from 'node:tls';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';

export interface TlsTrust {
  /** PEM, beside the system's own. */
  ca: string[];
  client?: { cert: string; key: string };
  isVerified: boolean;
}

/** A directory as docker and containerd have it: `*.crt` are CAs, `x.cert` with `x.key` is the client's. */
export function trustFromDirectory(directory: string): Pick<TlsTrust, 'ca' | 'client'> {
  if (!existsSync(directory)) return { ca: [] };
  const names = readdirSync(directory).sort();
  const client = names.find((name) => name.endsWith('.cert') && names.includes(keyNameOf(name)));
  const ca = names.filter((name) => name.endsWith('.crt')).map((name) => readPem(join(directory, name)));
  if (client === undefined) return { ca };
  return {
    ca,
    client: { cert: readPem(join(directory, client)), key: readPem(join(directory, keyNameOf(client))) },
  };
}

function keyNameOf(certificate: string): string {
  return certificate.replace(/\.cert$/, '.key');
}

/** Throws failed-precondition. */
export function readPem(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ContainerError('failed-precondition', `read certificate ${path}: ${errorMessageOf(error)}`, {
      cause: error,
    });
  }
}

export function toAgentOptions({ ca, client, isVerified }: TlsTrust): AgentOptions {
  return { ca: [...systemCertificates(), ...ca], rejectUnauthorized: isVerified, ...client };
}

let systemCache: string[] | undefined;

function systemCertificates(): string[] {
  systemCache ??= [...new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system')])];
  return systemCache;
}
