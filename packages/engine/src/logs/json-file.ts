// One container's log file: appended by its pump, rotated by size, followed by readers who are told when it grows.
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';

export interface JsonFileOptions {
  path: string;
  /** Bytes after which the file is rotated; undefined: never. */
  maxSize: number | undefined;
  /** Files kept, the current one included. */
  maxFiles: number;
}

/** Told that the file has grown, was rotated, or will not grow any more. */
export type LogListener = (change: 'grown' | 'rotated' | 'ended') => void;

export class JsonFile {
  readonly path: string;
  readonly #options: JsonFileOptions;
  readonly #listeners = new Set<LogListener>();
  #fd: number;
  #size: number;
  #isEnded = false;

  /** Opens or makes the file. `keepBytes`: what is past it was not accounted for and is cut. */
  constructor(options: JsonFileOptions, keepBytes: number | undefined) {
    this.#options = options;
    this.path = options.path;
    this.#fd = openSync(options.path, 'a+', 0o640);
    this.#size = fstatSync(this.#fd).size;
    if (keepBytes !== undefined && keepBytes < this.#size) this.#truncate(keepBytes);
    else this.#cutTornLine();
  }

  get size(): number {
    return this.#size;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** All or nothing: a full disk leaves the file as it was, and throws resource-exhausted. */
  append(text: string): void {
    const bytes = Buffer.from(text);
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#fd, bytes, written);
    } catch (error) {
      this.#truncate(this.#size);
      throw new ContainerError('resource-exhausted', `append to log ${this.path}: ${errorMessageOf(error)}`, {
        cause: error,
      });
    }
    this.#size += bytes.length;
  }

  /** After the checkpoint: rotates when due, and tells the readers. True: rotated, so the checkpoint is to be renewed. */
  settle(): boolean {
    const { maxSize } = this.#options;
    const isDue = maxSize !== undefined && this.#size >= maxSize;
    this.#tell('grown');
    if (!isDue) return false;
    this.#rotate();
    this.#tell('rotated');
    return true;
  }

  subscribe(listener: LogListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    closeSync(this.#fd);
    this.#tell('ended');
  }

  #tell(change: Parameters<LogListener>[0]): void {
    for (const listener of [...this.#listeners]) listener(change);
  }

  #truncate(size: number): void {
    ftruncateSync(this.#fd, size);
    this.#size = size;
  }

  /** Power was lost, or the run-time directory: a line without its end is no line. */
  #cutTornLine(): void {
    const end = this.#endOfLastLine();
    if (end < this.#size) this.#truncate(end);
  }

  #endOfLastLine(): number {
    const block = Buffer.alloc(64 * 1024);
    for (let end = this.#size; end > 0; ) {
      const start = Math.max(0, end - block.length);
      const length = readSync(this.#fd, block, 0, end - start, start);
      const at = block.subarray(0, length).lastIndexOf(0x0a);
      if (at >= 0) return start + at + 1;
      end = start;
    }
    return 0;
  }

  #rotate(): void {
    closeSync(this.#fd);
    const { path, maxFiles } = this.#options;
    if (maxFiles <= 1) rmSync(path, { force: true });
    for (let n = maxFiles - 1; n >= 1; n--) {
      const from = n === 1 ? path : `${path}.${n - 1}`;
      if (existsSync(from)) renameSync(from, `${path}.${n}`);
    }
    this.#fd = openSync(path, 'a+', 0o640);
    this.#size = 0;
  }
}

/** The rotated files, the oldest first, then the current one: those that exist. */
export function logFilesOf(path: string, maxFiles: number): string[] {
  const files: string[] = [];
  for (let n = maxFiles - 1; n >= 1; n--) files.push(`${path}.${n}`);
  return [...files, path].filter((file) => existsSync(file));
}

/** Removes the file and all its rotated ones. */
export function removeLogFiles(path: string, maxFiles: number): void {
  for (const file of logFilesOf(path, maxFiles)) rmSync(file, { force: true });
}

/** `10m` as docker writes sizes; undefined when not set. Throws invalid-argument. */
export function parseLogOptions(config: Record<string, string>): { maxSize: number | undefined; maxFiles: number } {
  const size = config['max-size'];
  const files = config['max-file'];
  const maxFiles = files === undefined ? 1 : Number(files);
  if (!Number.isInteger(maxFiles) || maxFiles < 1)
    throw new ContainerError('invalid-argument', `max-file ${files}: must be a number from 1`);
  if (size === undefined || size === '-1') return { maxSize: undefined, maxFiles };
  const match = /^(\d+(?:\.\d+)?)\s*([kmg]?)i?b?$/i.exec(size);
  if (match === null) throw new ContainerError('invalid-argument', `max-size ${size}: must be a size such as 10m`);
  const unit = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[(match[2] ?? '').toLowerCase()] ?? 1;
  return { maxSize: Math.floor(Number(match[1]) * unit), maxFiles };
}
