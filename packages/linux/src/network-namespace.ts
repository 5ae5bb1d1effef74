// Network namespaces held by a file descriptor, and sockets in them: the engine's sandboxes stand on these.
import { native } from './native.ts';

/** A namespace with nothing in it but a loopback interface that is up; it lives as long as the fd or a process in it. */
export function createNetworkNamespace(sysctls: Record<string, string>): Promise<number> {
  return native().createNetworkNamespace(sysctls);
}

/** Writes values by their path below /proc/sys/net, as that namespace sees it. */
export function writeNetworkSysctls(namespaceFd: number, sysctls: Record<string, string>): Promise<void> {
  return native().writeNetworkSysctls(namespaceFd, sysctls);
}

export type SocketProtocol = 'tcp' | 'udp' | 'sctp';

export interface BoundSocket {
  protocol: SocketProtocol;
  address: string;
  /** 0: the kernel chooses. */
  port: number;
}

const inet = 2;
const inet6 = 10;
const stream = 1;
const datagram = 2;
const sctp = 132;

/** Bound and, for tcp and sctp, listening; without a namespace in this process's own. Rejects with EADDRINUSE's details. */
export function openBoundSocket(wanted: BoundSocket, namespaceFd?: number): Promise<number> {
  const isDatagram = wanted.protocol === 'udp';
  return native().openBoundSocket(namespaceFd ?? -1, {
    family: wanted.address.includes(':') ? inet6 : inet,
    type: isDatagram ? datagram : stream,
    protocol: wanted.protocol === 'sctp' ? sctp : 0,
    address: wanted.address,
    port: wanted.port,
    listens: !isDatagram,
  });
}

/** Neither bound nor connected. */
export function openSocketIn(
  namespaceFd: number | undefined,
  protocol: 'tcp' | 'udp',
  isIpv6: boolean,
): Promise<number> {
  return native().openSocketIn(namespaceFd ?? -1, isIpv6 ? inet6 : inet, protocol === 'udp' ? datagram : stream);
}

export function localPort(fd: number): number {
  return native().localPort(fd);
}
