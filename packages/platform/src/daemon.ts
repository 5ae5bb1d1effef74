// What every daemon does around its work: pid file, single instance, orderly end on SIGTERM and SIGINT.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import type { Logger } from './logger.ts';

const maxHolderTries = 20;
const holderRetryMs = 50;

/** Writes our pid; throws already-exists when the file names a living process of the same command. */
export function claimPidFile(path: string): void {
  let holder = livingHolder(path);
  // a holder that was just killed takes a moment to be gone, and its successor is often started at once
  for (let tries = 0; holder !== undefined && tries < maxHolderTries; tries++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, holderRetryMs);
    holder = livingHolder(path);
  }
  if (holder !== undefined)
    throw new ContainerError('already-exists', `claim pid file ${path}: process ${holder} is running`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${process.pid}\n`, { mode: 0o644 });
}

export function releasePidFile(path: string): void {
  rmSync(path, { force: true });
}

function livingHolder(path: string): number | undefined {
  let pid: number;
  try {
    pid = Number.parseInt(readFileSync(path, 'utf8'), 10);
    const comm = readFileSync(`/proc/${pid}/comm`, 'utf8');
    // a pid that was given to another program since is not the holder
    if (pid === process.pid || comm !== readFileSync('/proc/self/comm', 'utf8')) return undefined;
    const isZombie = /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return isZombie ? undefined : pid;
  } catch {
    return undefined; // no file, or no such process
  }
}

/**
 * Runs `stop` once on SIGTERM or SIGINT, then exits 0; a second signal, or `timeoutMs`, exits 1. Returns what does the same
 * for another reason.
 */
export function onShutdown(log: Logger, timeoutMs: number, stop: () => Promise<void>): (reason: string) => void {
  let isStopping = false;
  const begin = (reason: string) => {
    isStopping = true;
    log.info({ reason }, 'stopping');
    setTimeout(() => process.exit(1), timeoutMs).unref();
    stop().then(
      () => process.exit(0),
      (error) => {
        log.error({ err: errorMessageOf(error) }, 'stop failed');
        process.exit(1);
      },
    );
  };
  const onSignal = (signal: NodeJS.Signals) => {
    if (isStopping) process.exit(1);
    begin(signal);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return (reason) => {
    if (!isStopping) begin(reason);
  };
}
