// How far the log has taken the spools in: 24 bytes, written in one system call after each append, read after a crash.
import { closeSync, constants, existsSync, openSync, readSync, writeSync } from 'node:fs';

export interface Checkpoint {
  /** Bytes of each spool that the log file holds. */
  stdout: number;
  stderr: number;
  /** Size of the log file. */
  logSize: number;
}

const checkpointBytes = 24;

/** The file is made by the first write: a container that prints nothing needs none. */
export class LogCheckpoint {
  readonly #path: string;
  #fd: number | undefined;
  readonly #bytes = Buffer.alloc(checkpointBytes);

  constructor(path: string) {
    this.#path = path;
    if (existsSync(path)) this.#open();
  }

  /** Undefined before the first write. */
  read(): Checkpoint | undefined {
    if (this.#fd === undefined) return undefined;
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
    writeSync(this.#fd ?? this.#open(), this.#bytes, 0, checkpointBytes, 0);
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #open(): number {
    this.#fd = openSync(this.#path, constants.O_RDWR | constants.O_CREAT, 0o600);
    return this.#fd;
  }
}
