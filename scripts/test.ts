// Runs everything that guards main: set-up, build, checks, unit and system tests; ends with one line of counts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { buildPackages, ensureDebianPackages, fuzzPackages, testPackages } from './debian-packages.ts';

interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  testResults: {
    /** The file's absolute path. */
    name: string;
    status: string;
    /** Why the file itself could not be run; empty where its tests ran. */
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

const outputs = { live: ['inherit', 'inherit'], 'at-end': ['pipe', 'pipe'] } as const;
const scratch = mkdtempSync(join(tmpdir(), 'tsc-report-'));
const counts = { passed: 0, failed: 0, skipped: 0 };
/** What failed, told once more below the last step: the end of a long log is what its reader is given. */
const failures: string[] = [];

/** Told as it comes, or whole at its end: then others may run beside it. */
async function step(name: string, file: string, args: string[], telling: 'live' | 'at-end' = 'live'): Promise<void> {
  const header = `\n== ${name}`;
  if (telling === 'live') console.log(header);
  const began = Date.now();
  const child = spawn(file, args, { stdio: ['ignore', ...outputs[telling]] });
  const pieces: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (piece: Buffer) => pieces.push(piece));
  const [status] = await once(child, 'close');
  if (telling === 'at-end') console.log(`${header}\n${Buffer.concat(pieces).toString()}`);
  console.log(`== ${name}: ${status === 0 ? 'ok' : `exit ${status}`} in ${((Date.now() - began) / 1000).toFixed(1)} s`);
  if (status !== 0) {
    process.exitCode = 1;
    failures.push(`${name}: exit ${status}`);
  }
}

async function vitest(project: string): Promise<void> {
  const report = join(scratch, `${project}.json`);
  await step(`${project} tests`, 'vitest', [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]);
  const result = JSON.parse(readFileSync(report, 'utf8')) as VitestReport;
  counts.passed += result.numPassedTests;
  counts.failed += result.numFailedTests;
  counts.skipped += result.numPendingTests;
  for (const file of result.testResults) {
    const path = relative(process.cwd(), file.name);
    if (file.status === 'failed' && file.message !== '') {
      counts.failed += 1;
      failures.push(`${path}: ${file.message}`);
    }
    for (const { fullName, status, failureMessages } of file.assertionResults) {
      if (status === 'failed') failures.push(`${path}: ${fullName}\n${failureMessages.join('\n')}`);
    }
  }
}

if (process.getuid?.() !== 0) {
  console.error('The tests make namespaces, mounts and cgroups: run them as root, on Debian 12.');
  process.exit(1);
}
ensureDebianPackages([...buildPackages, ...testPackages, ...fuzzPackages], 'the tests');
await step('build', 'node', ['scripts/build.ts']);
if (process.exitCode === undefined) {
  await step('check', 'node', ['scripts/check.ts']);
  for (const project of ['unit', 'system']) await vitest(project);
  // A compiler and an emulated machine, one processor each: nothing in them looks at this machine's state.
  const fuzzing = step('fuzz', 'node', ['scripts/fuzz.ts', '10'], 'at-end');
  // Its kernel is an amd64 one.
  if (process.arch === 'x64') await step('second world', 'node', ['test/second-world/run.ts']);
  await fuzzing;
}
rmSync(scratch, { recursive: true, force: true });
if (failures.length > 0) console.log(`\n== failed\n${failures.join('\n')}`);
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
if (counts.failed > 0 || counts.passed === 0) process.exitCode = 1;
