// Listening sockets as `-H` names them: unix://path and tcp://host:port.
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import type http from 'node:http';
import net from 'node:net';
import { dirname } from 'node:path';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import type { Logger } from '@tscontainer/platform/logger';

export interface ListenOptions {
  host: string;
  /** Owner of a unix socket, by name or id. */
  group: string | undefined;
}

const socketMode = 0o660;
const backlog = 1024;

/** Rejects already-exists when another daemon answers there. */
export async function listen(server: http.Server, options: ListenOptions, log: Logger): Promise<void> {
  const { host } = options;
  if (host.startsWith('unix://')) return listenUnix(server, host.slice('unix://'.length), options.group);
  if (host.startsWith('/')) return listenUnix(server, host, options.group);
  const match = /^tcp:\/\/([^:]*|\[[^\]]+\]):(\d+)$/.exec(host);
  if (match === null)
    throw new ContainerError('invalid-argument', `listen on ${host}: must be unix:///path or tcp://host:port`);
  const address = (match[1] ?? '').replace(/^\[|\]$/g, '') || '127.0.0.1';
  log.warn({ host }, 'anyone who reaches this address is root on this machine: there is no TLS on it');
  await listenOn(server, host, { host: address, port: Number(match[2]), backlog });
}

async function listenUnix(server: http.Server, path: string, group: string | undefined): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  if (await isAnswering(path))
    throw new ContainerError('already-exists', `listen on ${path}: another daemon answers there`);
  rmSync(path, { force: true });
  await listenOn(server, path, { path, backlog });
  if (group !== undefined) chownSync(path, 0, groupId(group));
  chmodSync(path, socketMode);
}

function listenOn(server: http.Server, name: string, options: net.ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) =>
      reject(new ContainerError('failed-precondition', `listen on ${name}: ${error.message}`, { cause: error }));
    server.once('error', fail);
    server.listen(options, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

function isAnswering(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}

function groupId(group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  try {
    const line = readFileSync('/etc/group', 'utf8')
      .split('\n')
      .find((entry) => entry.startsWith(`${group}:`));
    const id = Number(line?.split(':')[2]);
    if (Number.isInteger(id)) return id;
  } catch (error) {
    throw new ContainerError('failed-precondition', `look up group ${group}: ${errorMessageOf(error)}`, {
      cause: error,
    });
  }
  throw new ContainerError('invalid-argument', `group ${group} not found`);
}
