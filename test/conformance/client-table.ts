// The results of a client library's own suite on two daemons, as a table of docs/compatibility.md between its markers.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../harness/repository.ts';
import type { TestResult } from './tap.ts';

const page = join(repositoryRoot, 'docs/compatibility.md');

/** The results on one daemon, by the name of the test. */
export type Column = Map<string, TestResult>;

function counts(column: Column): string {
  const of = (outcome: string) => [...column.values()].filter((result) => result.outcome === outcome).length;
  return `${of('pass')} pass, ${of('fail')} fail, ${of('skip')} skipped`;
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').slice(0, 120);

/** The counts, and a row for each test that does not pass on both. */
export function writeClientTable(suite: string, version: string, ours: Column, theirs: Column): void {
  const begin = `<!-- ${suite} begin -->`;
  const end = `<!-- ${suite} end -->`;
  const text = readFileSync(page, 'utf8');
  if (!text.includes(begin) || !text.includes(end)) throw new Error(`${page}: no markers for ${suite}`);
  const names = [...new Set([...theirs.keys(), ...ours.keys()])];
  const open = names.filter((name) => theirs.get(name)?.outcome !== 'pass' || ours.get(name)?.outcome !== 'pass');
  const rows = open.map((name) => {
    const [mine, other] = [ours.get(name), theirs.get(name)];
    const reason = mine?.reason || other?.reason || '';
    return `| ${cell(name)} | ${mine?.outcome ?? 'absent'} | ${other?.outcome ?? 'absent'} | ${cell(reason)} |`;
  });
  const table = [
    `Version ${version}. This engine: ${counts(ours)}. dockerd 20.10: ${counts(theirs)}. Not passed on both:`,
    '',
    '| test | this engine | dockerd 20.10 | what it says |',
    '| --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
  const [before = ''] = text.split(begin);
  const after = text.split(end)[1] ?? '';
  writeFileSync(page, `${before}${begin}\n${table}\n${end}${after}`);
}
