// Asks other DNS servers what the embedded one does not know: from inside the container's namespace, as if the container
// asked itself, or from the host's for servers on the host's loopback.
import dgram from 'node:dgram';
import net from 'node:net';
import { errorMessageOf } from '@tscontainer/core/errors';
import { openSocketIn } from '@tscontainer/linux/network-namespace';
import type { Logger } from '@tscontainer/platform/logger';
import { dnsCode } from './dns-message.ts';

export interface UpstreamServer {
  address: string;
  /** Reached from the host's namespace only. */
  isOnHostLoopback: boolean;
}

/** Longest wait for one server. */
const answerTimeoutMs = 4000;
/** Questions under way at once; more are refused. */
const maxPending = 1024;
const maxServers = 3;
const port = 53;

interface Pending {
  server: string;
  originalId: number;
  resolve(answer: Buffer | undefined): void;
  timer: NodeJS.Timeout;
}

/** One socket; answers find their question by id and server. */
class AskingSocket {
  readonly #socket: dgram.Socket;
  readonly #pending = new Map<number, Pending>();
  #nextId = Math.floor(Math.random() * 65_536);

  constructor(fd: number, isIpv6: boolean, log: Logger) {
    this.#socket = dgram.createSocket(isIpv6 ? 'udp6' : 'udp4');
    this.#socket.on('error', (error) => log.debug({ err: errorMessageOf(error) }, 'asking a DNS server failed'));
    this.#socket.on('message', (message, from) => this.#answered(message, from.address));
    this.#socket.bind({ fd });
    this.#socket.unref();
  }

  ask(query: Buffer, server: string): Promise<Buffer | undefined> {
    if (this.#pending.size >= maxPending) return Promise.resolve(undefined);
    while (this.#pending.has(this.#nextId)) this.#nextId = (this.#nextId + 1) & 0xffff;
    const id = this.#nextId;
    this.#nextId = (id + 1 + Math.floor(Math.random() * 16)) & 0xffff;
    const message = Buffer.from(query);
    message.writeUInt16BE(id, 0);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settle(id, undefined), answerTimeoutMs);
      this.#pending.set(id, { server, originalId: query.readUInt16BE(0), resolve, timer });
      this.#socket.send(message, port, server, (error) => {
        if (error !== null) this.#settle(id, undefined); // no route there: the next server may have one
      });
    });
  }

  close(): void {
    for (const id of [...this.#pending.keys()]) this.#settle(id, undefined);
    this.#socket.close();
  }

  #answered(message: Buffer, from: string): void {
    if (message.length < 12) return;
    const id = message.readUInt16BE(0);
    const pending = this.#pending.get(id);
    if (pending === undefined || pending.server !== from.split('%')[0]) return;
    message.writeUInt16BE(pending.originalId, 0);
    this.#settle(id, message);
  }

  #settle(id: number, answer: Buffer | undefined): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    pending.resolve(answer);
  }
}

/** Belongs to one sandbox. */
export class DnsUpstream {
  readonly #namespaceFd: number;
  readonly #log: Logger;
  readonly #sockets = new Map<string, Promise<AskingSocket>>();
  #isClosed = false;
  servers: UpstreamServer[] = [];

  constructor(namespaceFd: number, log: Logger) {
    this.#namespaceFd = namespaceFd;
    this.#log = log;
  }

  /** The first useful answer of the servers in their order; undefined when none has one. */
  async ask(query: Buffer, byTcp: boolean): Promise<Buffer | undefined> {
    let refused: Buffer | undefined;
    for (const server of this.servers.slice(0, maxServers)) {
      const answer = await (byTcp ? this.#askByTcp(query, server) : this.#askByUdp(query, server));
      if (answer === undefined) continue;
      const code = (answer[3] ?? 0) & 0xf;
      if (code !== dnsCode.serverFailure && code !== 5) return answer;
      refused ??= answer;
    }
    return refused;
  }

  close(): void {
    this.#isClosed = true;
    for (const socket of this.#sockets.values())
      socket.then(
        (opened) => opened.close(),
        () => undefined, // it was never opened
      );
    this.#sockets.clear();
  }

  #spaceOf(server: UpstreamServer): number | undefined {
    return server.isOnHostLoopback ? undefined : this.#namespaceFd;
  }

  async #askByUdp(query: Buffer, server: UpstreamServer): Promise<Buffer | undefined> {
    if (this.#isClosed) return undefined;
    const isIpv6 = server.address.includes(':');
    const key = `${server.isOnHostLoopback} ${isIpv6}`;
    let socket = this.#sockets.get(key);
    if (socket === undefined) {
      socket = openSocketIn(this.#spaceOf(server), 'udp', isIpv6).then((fd) => new AskingSocket(fd, isIpv6, this.#log));
      this.#sockets.set(key, socket);
    }
    try {
      return await (await socket).ask(query, server.address);
    } catch (error) {
      this.#sockets.delete(key);
      this.#log.debug({ server: server.address, err: errorMessageOf(error) }, 'asking a DNS server failed');
      return undefined;
    }
  }

  async #askByTcp(query: Buffer, server: UpstreamServer): Promise<Buffer | undefined> {
    try {
      const fd = await openSocketIn(this.#spaceOf(server), 'tcp', server.address.includes(':'));
      return await exchangeByTcp(new net.Socket({ fd }), query, server.address);
    } catch (error) {
      this.#log.debug({ server: server.address, err: errorMessageOf(error) }, 'asking a DNS server failed');
      return undefined;
    }
  }
}

function exchangeByTcp(socket: net.Socket, query: Buffer, server: string): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    const end = (answer: Buffer | undefined) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(answerTimeoutMs, () => end(undefined));
    socket.on('error', () => end(undefined));
    socket.on('close', () => resolve(undefined));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0))
        end(received.subarray(2, 2 + received.readUInt16BE(0)));
    });
    socket.connect({ host: server, port }, () => socket.write(withLength(query)));
  });
}

/** As DNS goes over TCP. */
export function withLength(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}
