// How far the log has taken the spools in: 24 bytes, written in one system call after each append, read after a crash.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

export interface Checkpoint {
  /** Bytes of each spool that the log file holds. */
  stdout: number;
  stderr: number;
  /** Size of the log file. */
  logSize: number;
}

const checkpointBytes = 24;

export class LogCheckpoint {
  readonly #fd: number;
  readonly #bytes = Buffer.alloc(checkpointBytes);

  constructor(path: string) {
    this.#fd = openSync(path, 'a+', 0o600);
    closeSync(this.#fd);
    this.#fd = openSync(path, 'r+');
  }

  /** Undefined before the first write. */
  read(): Checkpoint | undefined {
    if (readSync(this.#fd, this.#bytes, 0, checkpointBytes, 0) < checkpointBytes) return undefined;
    return {
      stdout: Number(this.#bytes.readBigUInt64LE(0)),
      stderr: Number(this.#bytes.readBigUInt64LE(8)),
      logSize: Number(this.#bytes.readBigUInt64LE(16)),
    };
  }

  write(checkpoint: Checkpoint): void {
    this.#bytes.writeBigUInt64LE(BigInt(checkpoint.stdout), 0);
    this.#bytes.writeBigUInt64LE(BigInt(checkpoint.stderr), 8);
    this.#bytes.writeBigUInt64LE(BigInt(checkpoint.logSize), 16);
    writeSync(this.#fd, this.#bytes, 0, checkpointBytes, 0);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
