// The engine's end of a process's stdin FIFO: written with back pressure, closed once.
import { constants, openSync } from 'node:fs';
import net from 'node:net';

/** Opened for reading too, so that it can be opened before the container's side is there, and no write fails. */
export class StdinPipe {
  readonly #socket: net.Socket;
  readonly #closed: Promise<void>;
  #isEnded = false;

  constructor(path: string) {
    const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    this.#socket = new net.Socket({ fd, readable: false, writable: true });
    this.#closed = new Promise((resolve) => this.#socket.once('close', () => resolve()));
    this.#socket.on('error', () => this.#socket.destroy()); // the container has ended: nobody reads any more
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Resolves when more may be written; at once after the end. */
  write(bytes: Buffer): Promise<void> {
    if (this.#isEnded || this.#socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.#socket.off('close', done);
        resolve();
      };
      this.#socket.once('close', done);
      this.#socket.write(bytes, done);
    });
  }

  /** Resolves once everything written is in the FIFO and this end of it is closed. */
  end(): Promise<void> {
    if (!this.#isEnded) {
      this.#isEnded = true;
      this.#socket.end();
    }
    return this.#closed;
  }

  /** Closes without waiting for what was not taken. */
  destroy(): void {
    this.#isEnded = true;
    this.#socket.destroy();
  }
}
