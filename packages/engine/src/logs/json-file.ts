// One container's log file: appended by its pump, rotated by size, followed by readers who are told when it grows.
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import { goBool } from '../go-bool.ts';
import { compressYoungest, removeUnfinished, shiftFiles } from './rotated-files.ts';

export interface JsonFileOptions {
  path: string;
  /** Bytes after which the file is rotated; undefined: never. */
  maxSize: number | undefined;
  /** Files kept, the current one included. */
  maxFiles: number;
  /** Rotated files are compressed. */
  isCompressed?: boolean;
  /** On every line: labels, variables and tag of the container. */
  attributes?: Record<string, string> | undefined;
}

/** Told that the file has grown, was rotated (the new one is there and empty), or will not grow any more. */
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
    if (options.isCompressed) void removeUnfinished(options.path).catch(() => undefined); // tried again at the next start
  }

  /** Bytes until the next line goes into a new file; 0: rotate first. A line that begins in time ends in this file. */
  get room(): number {
    const { maxSize } = this.#options;
    return maxSize === undefined ? Number.POSITIVE_INFINITY : Math.max(0, maxSize - this.#size);
  }

  /** Room of a new file. */
  get capacity(): number {
    return this.#options.maxSize ?? Number.POSITIVE_INFINITY;
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

  /** After the checkpoint. */
  tellGrown(): void {
    this.#tell('grown');
  }

  /** To be followed by a checkpoint. */
  rotate(): void {
    closeSync(this.#fd);
    const { path, maxFiles, isCompressed } = this.#options;
    shiftFiles(path, maxFiles);
    this.#fd = openSync(path, 'a+', 0o640);
    this.#size = 0;
    if (isCompressed && maxFiles > 1) void compressYoungest(path, maxFiles).catch(() => undefined); // it stays as it is
    this.#tell('rotated');
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
}

export interface RotationOptions {
  maxSize: number | undefined;
  maxFiles: number;
  isCompressed: boolean;
}

/** `10m` as docker writes sizes; undefined when not set. Throws invalid-argument in docker's words. */
export function parseLogOptions(config: Record<string, string>): RotationOptions {
  const { maxSize, maxFiles } = parseSizes(config);
  const isCompressed = parseBool('compress', config['compress']);
  if (isCompressed && (maxFiles === 1 || maxSize === undefined))
    throw new ContainerError(
      'invalid-argument',
      'compress cannot be true when max-file is less than 2 or max-size is not set',
    );
  return { maxSize, maxFiles, isCompressed };
}

function parseBool(option: string, text: string | undefined): boolean {
  if (text === undefined) return false;
  const value = goBool(text);
  if (value === undefined)
    throw new ContainerError('invalid-argument', `${option} ${JSON.stringify(text)}: invalid syntax`);
  return value;
}

function parseSizes(config: Record<string, string>): { maxSize: number | undefined; maxFiles: number } {
  const size = config['max-size'];
  const files = config['max-file'];
  const maxFiles = files === undefined ? 1 : Number(files);
  if (!Number.isInteger(maxFiles) || maxFiles < 1)
    throw new ContainerError('invalid-argument', `max-file ${files}: must be a number from 1`);
  if (size === undefined || size === '-1') return { maxSize: undefined, maxFiles };
  const match = /^(\d+(?:\.\d+)?)\s*([kmg]?)i?b?$/i.exec(size);
  if (match === null) throw new ContainerError('invalid-argument', `max-size ${size}: must be a size such as 10m`);
  // as docker counts here: decimal
  const unit = { '': 1, k: 1000, m: 1000 ** 2, g: 1000 ** 3 }[(match[2] ?? '').toLowerCase()] ?? 1;
  const maxSize = Math.floor(Number(match[1]) * unit);
  if (maxSize <= 0) throw new ContainerError('invalid-argument', 'max-size must be a positive number');
  return { maxSize, maxFiles };
}
