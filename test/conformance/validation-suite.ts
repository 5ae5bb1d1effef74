// Runs runtime-tools' validation programs, built already in the user's checkout, with one runtime.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { diagnosticErrors, oneLine, type TestResult, tapPoints } from './tap.ts';

const programTimeoutMs = 60_000;
/** A namespace of pids and one of mounts around each program: what it leaves behind goes with them. */
const jail = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];

export function validationPrograms(checkout: string): string[] {
  for (const needed of ['runtimetest', 'validation']) {
    if (!existsSync(join(checkout, needed))) {
      throw new Error(`${checkout} has no ${needed}: run "make runtimetest validation-executables" there`);
    }
  }
  return readdirSync(join(checkout, 'validation'))
    .filter((name) => existsSync(join(checkout, 'validation', name, `${name}.t`)))
    .sort();
}

export function runValidationProgram(checkout: string, name: string, runtime: string): TestResult {
  const { status, stdout, stderr } = spawnSync('unshare', [...jail, join('validation', name, `${name}.t`)], {
    cwd: checkout,
    env: { ...process.env, RUNTIME: runtime },
    encoding: 'utf8',
    timeout: programTimeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: 64 << 20,
  });
  return { name, ...judge(status, stdout, stderr) };
}

/**
 * Neither the points nor the exit status is enough alone: hooks' programs plan no points, end with 0 and say what
 * went wrong in a diagnostic only, others end without a plan.
 */
export function judge(status: number | null, stdout: string, stderr: string): Omit<TestResult, 'name'> {
  const points = tapPoints(stdout);
  const failed = points.filter(({ isOk }) => !isOk);
  if (failed.length > 0) {
    return { outcome: 'fail', reason: oneLine(`${failed.length} of ${points.length}: ${failed[0]?.description}`) };
  }
  if (status !== 0) {
    const last = stderr.trim().split('\n').at(-1) ?? '';
    return { outcome: 'fail', reason: oneLine(status === null ? `no end in ${programTimeoutMs} ms` : last) };
  }
  const plan = /^1\.\.(\d+)/m.exec(stdout);
  if (plan === null) return { outcome: 'fail', reason: oneLine(`ended without a plan ${stderr}`) };
  const [error] = diagnosticErrors(stdout);
  if (plan[1] === '0' && error !== undefined) return { outcome: 'fail', reason: oneLine(error) };
  if (points.length > 0 && points.every(({ skipReason }) => skipReason !== undefined)) {
    return { outcome: 'skip', reason: oneLine(points[0]?.description ?? '') };
  }
  return { outcome: 'pass', reason: '' };
}
