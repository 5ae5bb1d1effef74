// Messages to a syslog that listens on a datagram socket, over UDP or a unix path: one write each, kept a while when it is full.
import { createSocket, type Socket } from 'node:dgram';
import { closeSync, writeSync } from 'node:fs';
import net from 'node:net';
import { connectUnixDatagram } from '@tscontainer/linux/unix-datagram';

/** `send` never waits and never throws; trouble goes to whoever made the target. `close` at the end. */
export interface DatagramTarget {
  send(message: Buffer): void;
  close(): void;
}

export function udpTarget(host: string, port: number, onError: (error: Error) => void): DatagramTarget {
  const socket: Socket = createSocket(net.isIPv6(host) ? 'udp6' : 'udp4');
  socket.on('error', onError);
  return {
    send: (message) =>
      socket.send(message, port, host, (error) => {
        if (error) onError(error);
      }),
    // what was handed to the kernel a moment ago is to leave
    close: () => void setImmediate(() => socket.close()),
  };
}

/** Messages that wait for a receiver that does not keep up; the oldest goes first. */
const maxWaiting = 10_000;
const retryMs = 20;
/** How long they are still tried after the end. */
const lingerMs = 2000;

/** Throws when nobody listens at `path`. A receiver that was started anew is found again. */
export class UnixDatagramTarget implements DatagramTarget {
  readonly #path: string;
  readonly #onError: (error: unknown) => void;
  readonly #waiting: Buffer[] = [];
  #fd: number | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closeAtMs: number | undefined;

  constructor(path: string, onError: (error: unknown) => void) {
    this.#path = path;
    this.#onError = onError;
    this.#fd = connectUnixDatagram(path);
  }

  send(message: Buffer): void {
    this.#waiting.push(message);
    if (this.#waiting.length > maxWaiting) this.#waiting.shift();
    if (this.#retry === undefined) this.#flush();
  }

  close(): void {
    this.#closeAtMs = Date.now() + lingerMs;
    if (this.#retry === undefined) this.#disconnect();
  }

  #flush(): void {
    this.#retry = undefined;
    for (let message = this.#waiting[0]; message !== undefined; message = this.#waiting[0]) {
      if (!this.#write(message)) {
        if (Date.now() > (this.#closeAtMs ?? Number.POSITIVE_INFINITY)) break;
        this.#retry = setTimeout(() => this.#flush(), retryMs);
        return;
      }
      this.#waiting.shift();
    }
    if (this.#closeAtMs !== undefined) this.#disconnect();
  }

  /** False: not now. */
  #write(message: Buffer): boolean {
    try {
      this.#fd ??= connectUnixDatagram(this.#path);
      writeSync(this.#fd, message);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EMSGSIZE') {
        this.#onError(error);
        return true; // it will never fit
      }
      const isFull = code === 'EAGAIN';
      if (!isFull) {
        this.#disconnect();
        this.#onError(error);
      }
      return false;
    }
  }

  #disconnect(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}
