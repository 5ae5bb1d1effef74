// Runs everything that guards main: set-up, build, checks, unit and system tests; ends with one line of counts.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPackages, ensureDebianPackages, fuzzPackages, testPackages } from './debian-packages.ts';

interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  testResults: { name: string; status: string; message: string }[];
}

const scratch = mkdtempSync(join(tmpdir(), 'tsc-report-'));
const counts = { passed: 0, failed: 0, skipped: 0 };

function step(name: string, file: string, args: string[]): void {
  console.log(`\n== ${name}`);
  const began = Date.now();
  const { status } = spawnSync(file, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  console.log(`== ${name}: ${status === 0 ? 'ok' : `exit ${status}`} in ${((Date.now() - began) / 1000).toFixed(1)} s`);
  if (status !== 0) process.exitCode = 1;
}

function vitest(project: string): void {
  const report = join(scratch, `${project}.json`);
  step(`${project} tests`, 'vitest', [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]);
  const result = JSON.parse(readFileSync(report, 'utf8')) as VitestReport;
  counts.passed += result.numPassedTests;
  counts.failed +=
    result.numFailedTests + result.testResults.filter((file) => file.status === 'failed' && file.message !== '').length;
  counts.skipped += result.numPendingTests;
}

if (process.getuid?.() !== 0) {
  console.error('The tests make namespaces, mounts and cgroups: run them as root, on Debian 12.');
  process.exit(1);
}
ensureDebianPackages([...buildPackages, ...testPackages, ...fuzzPackages], 'the tests');
step('build', 'node', ['scripts/build.ts']);
if (process.exitCode === undefined) {
  step('check', 'node', ['scripts/check.ts']);
  step('fuzz', 'node', ['scripts/fuzz.ts', '10']);
  for (const project of ['unit', 'system']) vitest(project);
  // Its kernel is an amd64 one.
  if (process.arch === 'x64') step('second world', 'node', ['test/second-world/run.ts']);
}
rmSync(scratch, { recursive: true, force: true });
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
if (counts.failed > 0 || counts.passed === 0) process.exitCode = 1;
