// Runs a public conformance suite with tsrunc and with runc in turn, and writes the table into docs/conformance.md.
//
//   node test/conformance/main.ts validation|bats|rootless CHECKOUT [--only NAME,NAME] [--runtime tsrunc|runc] [--keep DIR]
//
// CHECKOUT is the user's own, built already (docs/conformance.md says how). With --only the results are printed and the
// page stays; with --keep they are kept in DIR, so that a later run may do the other runtime, or a part again.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { OrdinaryUser } from '../harness/ordinary-user.ts';
import { binDirectory } from '../harness/repository.ts';
import { batsFiles, runBatsFile } from './bats-suite.ts';
import { behind, type Column, writeTable } from './table.ts';
import type { TestResult } from './tap.ts';
import { runValidationProgram, validationPrograms } from './validation-suite.ts';

const reference = { path: '/usr/sbin/runc', title: 'runc 1.1.5' };

interface Suite {
  parts(checkout: string): string[];
  run(checkout: string, part: string, runtime: string): TestResult[];
}

let user: OrdinaryUser | undefined;

const suites: Record<string, Suite> = {
  validation: {
    parts: validationPrograms,
    run: (checkout, part, runtime) => [runValidationProgram(checkout, part, runtime)],
  },
  bats: { parts: batsFiles, run: runBatsFile },
  rootless: { parts: batsFiles, run: (checkout, part, runtime) => runBatsFile(checkout, part, runtime, user) },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, runtime: { type: 'string' }, keep: { type: 'string' } },
});
const [suiteName = '', checkoutArgument = ''] = positionals;
const suite = suites[suiteName];
if (suite === undefined || checkoutArgument === '') {
  console.error(
    'usage: conformance validation|bats|rootless CHECKOUT [--only NAME,NAME] [--runtime tsrunc|runc] [--keep DIR]',
  );
  process.exit(2);
}
const checkout = resolve(checkoutArgument);
const only = values.only?.split(',');
const scratch = mkdtempSync(join(tmpdir(), 'tsc-conformance-'));
// a copy: a build meanwhile does not change what is tested
copyFileSync(join(binDirectory, 'tsrunc'), join(scratch, 'tsrunc'));
chmodSync(scratch, 0o755);
const runtimes: Record<string, string> = { tsrunc: join(scratch, 'tsrunc'), runc: reference.path };

function runAll(runtime: string, chosen: Suite): Column {
  const column: Column = new Map();
  for (const part of chosen.parts(checkout)) {
    if (only !== undefined && !only.includes(part.replace(/\.bats$/, ''))) continue;
    for (const result of chosen.run(checkout, part, runtimes[runtime] ?? runtime)) {
      column.set(result.name, result);
      console.log(`${runtime}: ${result.outcome} ${result.name}${result.reason === '' ? '' : ` (${result.reason})`}`);
    }
  }
  return column;
}

function kept(runtime: string): string {
  return join(values.keep ?? scratch, `${suiteName}-${runtime}.json`);
}

function load(runtime: string): Column {
  const results = JSON.parse(readFileSync(kept(runtime), 'utf8')) as TestResult[];
  return new Map(results.map((result) => [result.name, result]));
}

try {
  if (suiteName === 'rootless') user = await OrdinaryUser.make();
  if (values.keep !== undefined) mkdirSync(values.keep, { recursive: true });
  for (const runtime of values.runtime === undefined ? ['tsrunc', 'runc'] : [values.runtime]) {
    const column = runAll(runtime, suite);
    const whole = only !== undefined && existsSync(kept(runtime)) ? load(runtime) : new Map<string, TestResult>();
    for (const [name, result] of column) whole.set(name, result);
    if (only === undefined || values.keep !== undefined)
      writeFileSync(kept(runtime), JSON.stringify([...whole.values()], null, 1));
  }
  if ((only === undefined || values.keep !== undefined) && existsSync(kept('tsrunc')) && existsSync(kept('runc'))) {
    const ours = load('tsrunc');
    const theirs = load('runc');
    writeTable(suiteName, ours, theirs, reference.title);
    console.log(`runc passes and tsrunc does not: ${behind(ours, theirs).join(', ') || 'none'}`);
  }
} finally {
  user?.dispose();
  rmSync(scratch, { recursive: true, force: true });
}
