// Watches what the user types for the detach sequence (ctrl-p,ctrl-q unless told otherwise) and holds back its first keys.
import { ContainerError } from '@tscontainer/core/errors';

export const defaultDetachKeys = 'ctrl-p,ctrl-q';

/** Bytes of `ctrl-p,ctrl-q` or `a,b`. Throws invalid-argument. */
export function parseDetachKeys(text: string): number[] {
  return text.split(',').map((key) => {
    if (key.length === 1) return key.charCodeAt(0);
    const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key);
    if (control?.[1] === undefined)
      throw new ContainerError('invalid-argument', `invalid detach keys (${text}): Unknown character: '${key}'`);
    return control[1].toUpperCase().charCodeAt(0) - 64;
  });
}

export class DetachWatcher {
  readonly #keys: readonly number[];
  #matched = 0;

  constructor(keys: readonly number[]) {
    this.#keys = keys;
  }

  /** What of `chunk` may go to the container, and whether the sequence is complete. */
  push(chunk: Buffer): { pass: Buffer; isDetached: boolean } {
    const pass: number[] = [];
    for (const byte of chunk) {
      if (byte === this.#keys[this.#matched]) {
        this.#matched += 1;
        if (this.#matched === this.#keys.length) return { pass: Buffer.from(pass), isDetached: true };
        continue;
      }
      pass.push(...this.#keys.slice(0, this.#matched));
      this.#matched = 0;
      if (byte === this.#keys[0]) this.#matched = 1;
      else pass.push(byte);
    }
    return { pass: Buffer.from(pass), isDetached: false };
  }
}
