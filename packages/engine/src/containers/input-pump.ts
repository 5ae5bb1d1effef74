// Carries what an attached client types to a process's stdin, with back pressure, watching for the detach keys.
import type { Readable } from 'node:stream';
import { ContainerError } from '@tscontainer/core/errors';
import type { StdinPipe } from './stdin-pipe.ts';

export interface InputOptions {
  /** The client's end of input closes stdin. */
  closesAtEnd: boolean;
  /** Resolves when the process holds its end: a FIFO that nobody else has open forgets what is in it when closed. */
  opened: Promise<unknown>;
  /** Called once stdin is closed on this side, to have the other side let go too. */
  onClosed: () => Promise<void>;
  /** Bytes that detach the client; undefined: none. */
  detachKeys: Buffer | undefined;
  onDetach: () => void;
}

/** Returns at once; runs until the input ends. */
export function pumpInput(input: Readable, stdin: StdinPipe, options: InputOptions): void {
  const keys = options.detachKeys === undefined ? undefined : new DetachKeys(options.detachKeys);
  input.on('data', (bytes: Buffer) => {
    const kept = keys === undefined ? bytes : keys.take(bytes);
    if (kept === undefined) {
      input.pause();
      options.onDetach();
      return;
    }
    if (kept.length === 0) return;
    input.pause();
    void stdin.write(kept).then(() => input.resume());
  });
  let isFinished = false;
  const finish = () => {
    if (isFinished) return;
    isFinished = true;
    if (options.closesAtEnd && !stdin.isEnded) void options.opened.then(() => stdin.end()).then(options.onClosed);
  };
  // an end without a byte before it is told at once, also to a socket that nobody reads yet
  if (input.readableEnded || input.destroyed) {
    finish();
    return;
  }
  input.once('end', finish);
  input.once('close', finish);
}

/** Finds the key sequence in what is typed; a part of it that goes on differently is passed on. */
export class DetachKeys {
  readonly #keys: Buffer;
  #matched = 0;

  constructor(keys: Buffer) {
    this.#keys = keys;
  }

  /** What is to be passed on; undefined: the whole sequence was typed. */
  take(bytes: Buffer): Buffer | undefined {
    const kept: number[] = [];
    for (const byte of bytes) {
      if (byte === this.#keys[this.#matched]) {
        this.#matched++;
        if (this.#matched === this.#keys.length) return undefined;
        continue;
      }
      kept.push(...this.#keys.subarray(0, this.#matched));
      this.#matched = byte === this.#keys[0] ? 1 : 0;
      if (this.#matched === 0) kept.push(byte);
    }
    return Buffer.from(kept);
  }
}

/** `ctrl-p,ctrl-q`: comma-separated, each a character or ctrl- with a letter or one of @[\]^_. */
export function parseDetachKeys(text: string | undefined): Buffer {
  const keys = (text === undefined || text === '' ? 'ctrl-p,ctrl-q' : text).split(',');
  return Buffer.from(
    keys.map((key) => {
      const control = /^ctrl-([a-z@[\\\]^_])$/i.exec(key)?.[1];
      if (control !== undefined) return control.toUpperCase().charCodeAt(0) & 0x1f;
      if (key.length === 1) return key.charCodeAt(0);
      throw new ContainerError('invalid-argument', `Invalid escape keys (${text}) provided`);
    }),
  );
}
