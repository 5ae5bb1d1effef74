// The host's ports that are published: each is held by a bound socket, so that nobody else takes it, and a taken one is
// a clear error. Addresses that the kernel cannot translate (IPv6 to a container without IPv6) are served by this socket.
import { closeSync, readFileSync } from 'node:fs';
import { ContainerError } from '@tscontainer/core/errors';
import { localPort, openBoundSocket } from '@tscontainer/linux/network-namespace';
import type { PortProtocol } from './network-record.ts';

export interface PortWish {
  protocol: PortProtocol;
  hostIp: string;
  /** Both 0: any free one; a range: the first free one of it. */
  firstPort: number;
  lastPort: number;
}

export interface HeldPort {
  protocol: PortProtocol;
  hostIp: string;
  port: number;
  /** Its socket; -1 once somebody else took it over. */
  fd: number;
}

/** How many ports of the dynamic range are tried. */
const maxTries = 1000;

export class HostPorts {
  #next: number;
  readonly #first: number;
  readonly #last: number;

  constructor() {
    [this.#first, this.#last] = dynamicRange();
    this.#next = this.#first;
  }

  /** The same port on each of `addresses` (a wish of all addresses is one for 0.0.0.0 and ::). */
  async hold(wish: PortWish, addresses: string[]): Promise<HeldPort[]> {
    let failure: unknown;
    for (const port of this.#candidates(wish)) {
      try {
        return await holdAll(wish.protocol, port, addresses);
      } catch (error) {
        if (!isTaken(error)) throw cannotAssign(wish, port, error);
        failure = cannotAssign(wish, port, error);
      }
    }
    throw failure;
  }

  *#candidates({ firstPort, lastPort }: PortWish): Generator<number> {
    if (firstPort !== 0) {
      for (let port = firstPort; port <= lastPort; port++) yield port;
      return;
    }
    for (let tries = 0; tries < maxTries; tries++) {
      const port = this.#next;
      this.#next = port >= this.#last ? this.#first : port + 1;
      yield port;
    }
  }
}

async function holdAll(protocol: PortProtocol, port: number, addresses: string[]): Promise<HeldPort[]> {
  const held: HeldPort[] = [];
  try {
    for (const address of addresses) {
      const fd = await openBoundSocket({ protocol, address, port });
      held.push({ protocol, hostIp: address, port: localPort(fd), fd });
    }
    return held;
  } catch (error) {
    for (const { fd } of held) closeSync(fd);
    throw error;
  }
}

export function letGo(held: HeldPort): void {
  if (held.fd >= 0) closeSync(held.fd);
  held.fd = -1;
}

function errnoOf(error: unknown): string {
  return error instanceof ContainerError ? String(error.details['errnoName'] ?? '') : '';
}

function isTaken(error: unknown): boolean {
  return errnoOf(error) === 'EADDRINUSE';
}

function cannotAssign(wish: PortWish, port: number, error: unknown): ContainerError {
  const where = `${wish.hostIp.includes(':') ? `[${wish.hostIp}]` : wish.hostIp || '0.0.0.0'}:${port}`;
  if (errnoOf(error) === 'EPROTONOSUPPORT')
    return new ContainerError(
      'failed-precondition',
      `publish ${where}/${wish.protocol}: this machine's kernel has no SCTP`,
      {
        cause: error,
      },
    );
  const why = isTaken(error)
    ? 'port is already allocated'
    : errnoOf(error) === 'EADDRNOTAVAIL'
      ? 'cannot assign requested address'
      : errnoOf(error);
  return new ContainerError('internal', `Bind for ${where} failed: ${why}`, {
    cause: error,
  });
}

function dynamicRange(): [number, number] {
  const [first = 32_768, last = 60_999] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
    .trim()
    .split(/\s+/)
    .map(Number);
  return [first, last];
}
