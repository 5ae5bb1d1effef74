// The exit of a run, noted on the run-time tmpfs before its task is deleted: so no exit code is lost with a killed engine.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface TaskExitFacts {
  exitCode: number;
  exitedAtNs: bigint;
}

const noteName = 'exit';

/** One small write, so that it is there whole or not at all. */
export function noteExit(runDirectory: string, facts: TaskExitFacts): void {
  writeFileSync(join(runDirectory, noteName), `${facts.exitCode} ${facts.exitedAtNs}\n`, { mode: 0o600 });
}

/** Undefined when the run's exit was not seen. */
export function readExitNote(runDirectory: string): TaskExitFacts | undefined {
  try {
    const match = /^(\d+) (\d+)\n$/.exec(readFileSync(join(runDirectory, noteName), 'utf8'));
    return match === null ? undefined : { exitCode: Number(match[1]), exitedAtNs: BigInt(match[2] ?? '0') };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
