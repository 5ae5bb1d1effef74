// Tells when a pipe has bytes without taking any: the engine then moves them itself, by splice(2).
import { native } from './native.ts';

interface NativeReadinessWatch {
  arm(fd: number, token: number): void;
  forget(fd: number): void;
  close(): void;
}

interface Watched {
  fd: number;
  ready: () => void;
}

let watch: NativeReadinessWatch | undefined;
let nextToken = 1;
const maxToken = 0xffff_fffe;
const byToken = new Map<number, Watched>();
const tokenByFd = new Map<number, number>();

/** Calls `ready` once, when `fd` has bytes or has lost its last writer; arm again for the next time. */
export function onceReadable(fd: number, ready: () => void): void {
  watch ??= (
    native() as unknown as { openReadinessWatch(tell: (tokens: number[]) => void): NativeReadinessWatch }
  ).openReadinessWatch(tell);
  drop(fd);
  const token = nextToken;
  nextToken = nextToken >= maxToken ? 1 : nextToken + 1;
  byToken.set(token, { fd, ready });
  tokenByFd.set(fd, token);
  watch.arm(fd, token);
}

/** Before `fd` is closed: what was armed is never called. */
export function forgetReadable(fd: number): void {
  drop(fd);
  watch?.forget(fd);
}

/** A token told after its fd was forgotten, and perhaps given to another file, finds nothing here. */
function tell(tokens: number[]): void {
  for (const token of tokens) {
    const watched = byToken.get(token);
    if (watched === undefined) continue;
    drop(watched.fd);
    watched.ready();
  }
}

function drop(fd: number): void {
  const token = tokenByFd.get(fd);
  if (token === undefined) return;
  tokenByFd.delete(fd);
  byToken.delete(token);
}
