// The DNS server at 127.0.0.11 of one container: names of its networks, and everything else asked of others.
//
// Its sockets are in the container's namespace on ports that the kernel chose, and a rule there leads port 53 to them, so
// that the container may have a server of its own on port 53.

import dgram from 'node:dgram';
import { closeSync } from 'node:fs';
import net from 'node:net';
import { errorMessageOf } from '@tscontainer/core/errors';
import { NetlinkSocket, u8, u16be } from '@tscontainer/linux/netlink';
import { localPort, openBoundSocket } from '@tscontainer/linux/network-namespace';
import { action, match, NftBatch, netfilterProtocol } from '@tscontainer/linux/nftables';
import type { Logger } from '@tscontainer/platform/logger';
import {
  addressAnswer,
  addressOfReverseName,
  type DnsQuestion,
  dnsCode,
  dnsType,
  nameAnswer,
  readQuestion,
  writeAnswer,
} from './dns-message.ts';
import { type DnsUpstream, withLength } from './dns-upstream.ts';
import { toBytes } from './ip-address.ts';
import type { FoundName } from './name-directory.ts';

export const dnsAddress = '127.0.0.11';
const dnsPort = 53;
/** As docker has it. */
const ttlSeconds = 600;
const receiveBufferBytes = 1 << 20;
const maxTcpConnections = 100;
const tcpIdleMs = 10_000;

/** What a server answers from. */
export interface DnsNames {
  find(name: string): FoundName | undefined;
  /** The name of who has the address. */
  reverse(address: string): string | undefined;
  /** Single names are not asked of others: the user wants a search domain for them. */
  keepsSingleNames: boolean;
}

/** Listening sockets of a namespace, and the rule that leads port 53 to them. */
export interface DnsSockets {
  udp: number;
  tcp: number;
}

export async function openDnsSockets(namespaceFd: number): Promise<DnsSockets> {
  const udp = await openBoundSocket({ protocol: 'udp', address: dnsAddress, port: 0 }, namespaceFd);
  let tcp = -1;
  try {
    tcp = await openBoundSocket({ protocol: 'tcp', address: dnsAddress, port: 0 }, namespaceFd);
    await redirect(namespaceFd, { udp, tcp });
    return { udp, tcp };
  } catch (error) {
    closeDnsSockets({ udp, tcp });
    throw error;
  }
}

export function closeDnsSockets({ udp, tcp }: DnsSockets): void {
  closeSync(udp);
  if (tcp >= 0) closeSync(tcp);
}

async function redirect(namespaceFd: number, sockets: DnsSockets): Promise<void> {
  const netfilter = await NetlinkSocket.open(netfilterProtocol, namespaceFd);
  try {
    const batch = new NftBatch('ip', 'tscontainer-dns').replaceTable();
    batch.chain('output', { type: 'nat', hook: 'output', priority: -100 });
    for (const [protocol, fd] of [
      [17, sockets.udp],
      [6, sockets.tcp],
    ] as const)
      batch.rule(
        'output',
        match.payload(1, 16, 4),
        match.equal(toBytes(dnsAddress)),
        match.meta('l4proto'),
        match.equal(u8(protocol)),
        match.payload(2, 2, 2),
        match.equal(u16be(dnsPort)),
        action.load(toBytes(dnsAddress), 1),
        action.load(u16be(localPort(fd)), 2),
        action.dnat('ip', 1, 2),
      );
    await batch.commit(netfilter);
  } finally {
    netfilter.close();
  }
}

export class DnsServer {
  readonly #names: DnsNames;
  readonly #upstream: DnsUpstream;
  readonly #log: Logger;
  readonly #udp: dgram.Socket;
  readonly #tcp: net.Server;
  readonly #connections = new Set<net.Socket>();

  /** Takes the sockets over. */
  constructor(sockets: DnsSockets, names: DnsNames, upstream: DnsUpstream, log: Logger) {
    this.#names = names;
    this.#upstream = upstream;
    this.#log = log;
    this.#udp = dgram.createSocket('udp4');
    this.#udp.on('error', (error) => log.debug({ err: errorMessageOf(error) }, 'DNS socket'));
    this.#udp.on('message', (message, from) => {
      void this.#answer(message, false).then((answer) => {
        if (answer !== undefined && this.#isOpen) this.#udp.send(answer, from.port, from.address);
      });
    });
    this.#udp.bind({ fd: sockets.udp }, () => {
      if (this.#isOpen) this.#udp.setRecvBufferSize(receiveBufferBytes);
    });
    this.#udp.unref();
    this.#tcp = net.createServer((socket) => this.#serve(socket));
    this.#tcp.maxConnections = maxTcpConnections;
    this.#tcp.on('error', (error) => log.debug({ err: errorMessageOf(error) }, 'DNS socket'));
    this.#tcp.listen({ fd: sockets.tcp });
    this.#tcp.unref();
  }

  #isOpen = true;

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#udp.close();
    this.#tcp.close();
    for (const socket of this.#connections) socket.destroy();
    this.#upstream.close();
  }

  #serve(socket: net.Socket): void {
    this.#connections.add(socket);
    socket.setTimeout(tcpIdleMs, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#connections.delete(socket));
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0);
        const message = received.subarray(2, end);
        received = received.subarray(end);
        void this.#answer(message, true).then((answer) => {
          if (answer !== undefined && socket.writable) socket.write(withLength(answer));
        });
      }
    });
  }

  async #answer(message: Buffer, byTcp: boolean): Promise<Buffer | undefined> {
    const question = readQuestion(message);
    if (question === undefined) return undefined;
    try {
      const own = this.#ownAnswer(question, byTcp ? 65_535 : question.maxBytes);
      if (own !== undefined) return own;
      const answer = await this.#upstream.ask(Buffer.from(message), byTcp);
      return answer ?? writeAnswer(question, dnsCode.serverFailure, []);
    } catch (error) {
      this.#log.warn({ name: question.name, err: errorMessageOf(error) }, 'DNS question not answered');
      return writeAnswer(question, dnsCode.serverFailure, []);
    }
  }

  #ownAnswer(question: DnsQuestion, limitBytes: number): Buffer | undefined {
    const { name, type } = question;
    if (question.class !== 1) return undefined;
    if (type === dnsType.ptr) {
      const address = addressOfReverseName(name);
      const found = address === undefined ? undefined : this.#names.reverse(address);
      if (found === undefined) return undefined;
      return writeAnswer(question, dnsCode.noError, [nameAnswer(found, ttlSeconds)], limitBytes);
    }
    const found = this.#names.find(name);
    if (found === undefined) {
      const isKept = this.#names.keepsSingleNames && !name.includes('.');
      return isKept && (type === dnsType.a || type === dnsType.aaaa)
        ? writeAnswer(question, dnsCode.noError, [])
        : undefined;
    }
    // a name of ours has addresses only: what else is asked of it is answered by nothing, and by nobody else
    const addresses = type === dnsType.a ? found.ipv4 : type === dnsType.aaaa ? found.ipv6 : [];
    const answers = shuffled(addresses).map((address) => addressAnswer(address, ttlSeconds));
    return writeAnswer(question, dnsCode.noError, answers, limitBytes);
  }
}

/** Round robin for clients that take the first. */
function shuffled(addresses: string[]): string[] {
  const list = [...addresses];
  for (let last = list.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    const kept = list[last] as string;
    list[last] = list[other] as string;
    list[other] = kept;
  }
  return list;
}
