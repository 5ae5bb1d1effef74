// Ids of the stack: random container ids as Docker shows them, and containerd's rule for identifiers.
import { ContainerError } from './errors.ts';

declare const crypto: { getRandomValues<T extends Uint8Array>(array: T): T };

const identifierPattern = /^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$/;
const maxIdentifierLength = 76;

/** Asking the system for random bytes costs the same for many as for few: they are fetched ahead. */
const pool = new Uint8Array(4096);
let poolAt = pool.length;
const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** `bytes` random bytes (at most 4096) as lower-case hex; 32 give Docker's 64-character id. */
export function randomHex(bytes: number): string {
  if (poolAt + bytes > pool.length) {
    crypto.getRandomValues(pool);
    poolAt = 0;
  }
  let text = '';
  for (const end = poolAt + bytes; poolAt < end; poolAt++) text += hexOfByte[pool[poolAt] as number];
  return text;
}

/** A Docker object id: 64 hex characters, never all digits in its first 12 (it would read as a number). */
export function newId(): string {
  for (;;) {
    const id = randomHex(32);
    if (!/^\d{12}/.test(id)) return id;
  }
}

/** The 12 characters that people see. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}

/**
 * Throws invalid-argument, in containerd's words, unless `id` is a containerd identifier (at most 76 characters,
 * alphanumerics joined by one of ._-). `what` stands before them: `container.ID: `.
 */
export function checkIdentifier(what: string, id: string): void {
  const refuse = (cause: string) => new ContainerError('invalid-argument', `${what}${cause}: invalid argument`);
  if (id === '') throw refuse('identifier must not be empty');
  if (id.length > maxIdentifierLength) {
    throw refuse(`identifier "${id}" greater than maximum length (${maxIdentifierLength} characters)`);
  }
  if (!identifierPattern.test(id)) {
    throw refuse(`identifier "${id}" must match ${identifierPattern.source}`);
  }
}
