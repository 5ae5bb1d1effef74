// The tables of docs/conformance.md, between its markers; reasons and all other words there are written by hand.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../harness/repository.ts';
import type { TestResult } from './tap.ts';

const page = join(repositoryRoot, 'docs/conformance.md');

/** The results of one runtime, by the name of the test. */
export type Column = Map<string, TestResult>;

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

function counts(column: Column): string {
  const of = (outcome: string) => [...column.values()].filter((result) => result.outcome === outcome).length;
  return `${of('pass')} pass, ${of('fail')} fail, ${of('skip')} skipped`;
}

/** Tests that the reference passes and ours does not. */
export function behind(ours: Column, reference: Column): string[] {
  return [...reference.values()]
    .filter(({ name, outcome }) => outcome === 'pass' && ours.get(name)?.outcome !== 'pass')
    .map(({ name }) => name);
}

function row(name: string, ours: Column, reference: Column): string {
  const mine = ours.get(name);
  const theirs = reference.get(name);
  const said = [mine, theirs].filter((result) => result !== undefined && result.reason !== '');
  const words = said[0] === undefined ? '' : said[0].reason;
  const marked = mine?.outcome === theirs?.outcome ? (mine?.outcome ?? '') : `**${mine?.outcome}**`;
  return `| ${cell(name)} | ${marked} | ${theirs?.outcome ?? ''} | ${cell(words)} |`;
}

export function writeTable(suite: string, ours: Column, reference: Column, referenceName: string): void {
  const begin = `<!-- ${suite} begin -->`;
  const end = `<!-- ${suite} end -->`;
  const text = readFileSync(page, 'utf8');
  if (!text.includes(begin) || !text.includes(end)) throw new Error(`${page}: no markers for ${suite}`);
  const table = [
    `tsrunc: ${counts(ours)}. ${referenceName}: ${counts(reference)}.`,
    '',
    `| test | tsrunc | ${referenceName} | what it says |`,
    '| --- | --- | --- | --- |',
    ...[...reference.keys()].map((name) => row(name, ours, reference)),
  ].join('\n');
  const [before = ''] = text.split(begin);
  const after = text.split(end)[1] ?? '';
  writeFileSync(page, `${before}${begin}\n${table}\n${end}${after}`);
}
