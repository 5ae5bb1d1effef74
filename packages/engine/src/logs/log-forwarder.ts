// Carries log entries to a program elsewhere over one connection: made again when it breaks, with a bound on what waits.
import net from 'node:net';
import tls from 'node:tls';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import type { Logger } from '@tscontainer/platform/logger';
import { type DatagramTarget, UnixDatagramTarget, udpTarget } from './datagram-target.ts';
import type { LogEntry } from './log-lines.ts';

/** `local`: of syslog's own socket, datagrams if it takes them. */
export type Target =
  | { kind: 'tcp' | 'tls' | 'udp'; host: string; port: number }
  | { kind: 'unix' | 'unixgram' | 'local'; path: string };

export interface ForwarderOptions {
  target: Target;
  tls?: tls.ConnectionOptions;
  /** Datagrams, or pieces of a stream. */
  encode(entry: LogEntry): Buffer[];
  /** From a failed connection to the next; a second by default. */
  reconnectMs?: number;
  /** In a row, then what waits is given up until there is more to send; as many as it takes by default. */
  maxReconnects?: number;
  /** What is said when nobody listens. */
  absence?: string;
  log: Logger;
}

/** What waits for a connection at most; the oldest goes first. */
const maxWaitingBytes = 1024 * 1024;
/** What one connection holds at most of what its peer has not taken yet. */
const maxInFlightBytes = 1024 * 1024;
/** How long a peer may take for the rest, after the end. */
const lingerMs = 10_000;
const defaultReconnectMs = 1000;
const connectTimeoutMs = 5000;

/** Story: `open` (or not, to begin without a connection), `send`s, `close`. */
export class LogForwarder {
  readonly #options: ForwarderOptions;
  #stream: net.Socket | undefined;
  #datagrams: DatagramTarget | undefined;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #retry: NodeJS.Timeout | undefined;
  #reconnects = 0;
  #hasGivenUp = false;
  #isClosed = false;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** Rejects unavailable when nobody listens. */
  async open(): Promise<void> {
    const { target } = this.#options;
    if (this.#openDatagrams(target)) return;
    const socket =
      'path' in target
        ? net.connect(target.path)
        : target.kind === 'tls'
          ? tls.connect({ ...this.#options.tls, host: target.host, port: target.port })
          : net.connect(target.port, target.host);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => socket.destroy(new Error('timed out')), connectTimeoutMs);
      socket.once(target.kind === 'tls' ? 'secureConnect' : 'connect', () => {
        clearTimeout(timer);
        resolve();
      });
      socket.once('error', (error) => {
        clearTimeout(timer);
        reject(
          new ContainerError('unavailable', `dial ${describe(target)}: ${errorMessageOf(error)}`, { cause: error }),
        );
      });
    });
    this.#stream = socket;
    this.#reconnects = 0;
    socket.resume();
    socket.on('error', (error) => this.#warn(error));
    socket.once('close', () => {
      this.#stream = undefined;
      this.#plan();
    });
    socket.on('drain', () => this.#flush());
    if (this.#isClosed) this.#endStream();
    else this.#flush();
  }

  /** Tries to connect in the background until it succeeds. */
  begin(): void {
    this.open().catch((error) => {
      this.#warn(error);
      this.#plan();
    });
  }

  send(entry: LogEntry): void {
    for (const bytes of this.#options.encode(entry)) this.#sendBytes(bytes);
  }

  #sendBytes(bytes: Buffer): void {
    if (this.#datagrams !== undefined) {
      this.#datagrams.send(bytes);
      return;
    }
    if (this.#hasGivenUp) {
      this.#hasGivenUp = false;
      this.begin();
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    while (this.#waitingBytes > maxWaitingBytes) this.#waitingBytes -= this.#waiting.shift()?.length ?? 0;
    this.#flush();
  }

  /** What waits is still sent, if there is a connection or one is being made. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#datagrams?.close();
    this.#endStream();
  }

  /** False for a target that takes a stream. */
  #openDatagrams(target: Target): boolean {
    const onError = (error: unknown) => this.#warn(error);
    if (target.kind === 'udp') this.#datagrams = udpTarget(target.host, target.port, onError);
    if (target.kind === 'unixgram') this.#datagrams = this.#connectUnix(target.path, onError);
    if (target.kind === 'local') {
      try {
        this.#datagrams = this.#connectUnix(target.path, onError);
      } catch (error) {
        this.#options.log.debug({ err: errorMessageOf(error) }, 'logging: no datagrams, so a stream is tried');
      }
    }
    return this.#datagrams !== undefined;
  }

  #connectUnix(path: string, onError: (error: unknown) => void): UnixDatagramTarget {
    try {
      return new UnixDatagramTarget(path, onError);
    } catch (error) {
      const message = this.#options.absence ?? `dial unixgram ${path}: ${errorMessageOf(error)}`;
      throw new ContainerError('unavailable', message, { cause: error });
    }
  }

  /** In their order, as long as the peer keeps up; `drain` goes on. */
  #flush(): void {
    const stream = this.#stream;
    while (stream !== undefined && this.#waiting.length > 0 && stream.writableLength < maxInFlightBytes) {
      const bytes = this.#waiting.shift() as Buffer;
      this.#waitingBytes -= bytes.length;
      stream.write(bytes);
    }
  }

  #endStream(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    for (const bytes of this.#waiting) stream.write(bytes);
    this.#drop();
    stream.end();
    const timer = setTimeout(() => stream.destroy(), lingerMs).unref();
    stream.once('close', () => clearTimeout(timer));
  }

  #drop(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #plan(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#retry);
    const { reconnectMs = defaultReconnectMs, maxReconnects = Number.POSITIVE_INFINITY } = this.#options;
    if (this.#reconnects >= maxReconnects) {
      this.#reconnects = 0;
      this.#hasGivenUp = true;
      this.#drop();
      return;
    }
    this.#reconnects++;
    this.#retry = setTimeout(() => this.begin(), reconnectMs);
  }

  #warn(error: unknown): void {
    if (!this.#isClosed) this.#options.log.warn({ err: errorMessageOf(error) }, 'logging: not delivered for now');
  }
}

function describe(target: Target): string {
  return 'path' in target ? `unix ${target.path}` : `${target.kind} ${target.host}:${target.port}`;
}

/** `tcp://host:port`, `udp://`, `tcp+tls://`, `unix:///path`, `unixgram:///path`, `host:port`. Throws invalid-argument. */
export function parseTarget(option: string, text: string, defaultPort: number): Target {
  const match = /^(?:([a-z+]+):\/\/)?(.*)$/.exec(text);
  const scheme = match?.[1] ?? 'tcp';
  const rest = match?.[2] ?? '';
  if ((scheme === 'unix' || scheme === 'unixgram') && rest.startsWith('/')) return { kind: scheme, path: rest };
  const kind = { tcp: 'tcp', udp: 'udp', 'tcp+tls': 'tls' }[scheme] as 'tcp' | 'udp' | 'tls' | undefined;
  const place = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(rest);
  if (kind === undefined || place === null)
    throw new ContainerError(
      'invalid-argument',
      `${option}: ${text}: must be tcp, tcp+tls, udp, unix or unixgram, with an address`,
    );
  return { kind, host: (place[1] ?? '').replace(/^\[|\]$/g, ''), port: Number(place[2] ?? defaultPort) };
}
