// Puts the user's terminal into raw mode and always takes it back: on return, on exit, on a signal, on a crash.
import type { ReadStream } from 'node:tty';

let restore: (() => void) | undefined;

/** Idempotent; returns what restores. The exit hook covers process.exit, uncaught errors and signals that end us. */
export function enterRawMode(input: NodeJS.ReadStream = process.stdin): () => void {
  if (restore !== undefined) return restore;
  const terminal = input as ReadStream;
  if (!terminal.isTTY) return () => undefined;
  terminal.setRawMode(true);
  const leave = () => {
    if (restore === undefined) return;
    restore = undefined;
    process.off('exit', leave);
    terminal.setRawMode(false);
  };
  restore = leave;
  process.on('exit', leave);
  return leave;
}

/** For those who end the process themselves. */
export function restoreTerminal(): void {
  restore?.();
}
