// Serves a published port from the engine itself where the kernel cannot: at the host's ::1, which no packet may have
// outside of the host, and at its other IPv6 addresses when the container has IPv4 only. It takes the socket over that holds the port.
import dgram from 'node:dgram';
import net from 'node:net';
import { errorMessageOf } from '@tscontainer/core/errors';
import type { Logger } from '@tscontainer/platform/logger';
import type { HeldPort } from './host-ports.ts';

export interface ProxyTarget {
  address: string;
  port: number;
}

export interface PortProxy {
  close(): void;
}

const maxConnections = 4096;
const maxUdpClients = 1024;
const udpIdleMs = 90_000;

/** Undefined for protocols that Node does not speak (sctp): the port stays held, and refuses. */
export function openPortProxy(held: HeldPort, target: ProxyTarget, log: Logger): PortProxy | undefined {
  const { fd } = held;
  if (held.protocol === 'sctp') return undefined;
  held.fd = -1;
  return held.protocol === 'tcp' ? tcpProxy(fd, target, log) : udpProxy(fd, target, log);
}

function tcpProxy(fd: number, target: ProxyTarget, log: Logger): PortProxy {
  const open = new Set<net.Socket>();
  const track = (socket: net.Socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  };
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const upstream = net.connect({ host: target.address, port: target.port, allowHalfOpen: true, noDelay: true });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      track(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => other.destroy());
      socket.pipe(other);
    }
  });
  server.maxConnections = maxConnections;
  server.on('error', (error) => log.warn({ err: errorMessageOf(error) }, 'published port not served'));
  server.listen({ fd });
  return {
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

interface UdpClient {
  socket: dgram.Socket;
  timer: NodeJS.Timeout;
}

function udpProxy(fd: number, target: ProxyTarget, log: Logger): PortProxy {
  const server = dgram.createSocket('udp6');
  const clients = new Map<string, UdpClient>();
  const forget = (key: string) => {
    const client = clients.get(key);
    clients.delete(key);
    clearTimeout(client?.timer);
    client?.socket.close();
  };
  const clientOf = (from: dgram.RemoteInfo): UdpClient => {
    const key = `${from.address} ${from.port}`;
    const known = clients.get(key);
    if (known !== undefined) {
      known.timer.refresh();
      return known;
    }
    const oldest = clients.size >= maxUdpClients ? clients.keys().next().value : undefined;
    if (oldest !== undefined) forget(oldest);
    const socket = dgram.createSocket(target.address.includes(':') ? 'udp6' : 'udp4');
    socket.on('error', () => forget(key));
    socket.on('message', (message) => server.send(message, from.port, from.address));
    const client = { socket, timer: setTimeout(() => forget(key), udpIdleMs).unref() };
    clients.set(key, client);
    return client;
  };
  server.on('error', (error) => log.warn({ err: errorMessageOf(error) }, 'published port not served'));
  server.on('message', (message, from) => clientOf(from).socket.send(message, target.port, target.address));
  server.bind({ fd });
  return {
    close: () => {
      server.close();
      for (const key of [...clients.keys()]) forget(key);
    },
  };
}
