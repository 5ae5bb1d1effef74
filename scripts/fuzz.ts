// Feeds the C++ parsers with libFuzzer: `pnpm fuzz [SECONDS] [--keep]`. A finding ends it with the input's path.
//
// It starts from the corpus in addon/fuzz/corpus, which it leaves alone; with --keep what is new and reaches new code
// is added to it, made small.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureDebianPackages, fuzzPackages } from './debian-packages.ts';
import { filesBelow, isStale, rootPath } from './freshness.ts';

const corpus = rootPath('addon/fuzz/corpus/config');
const program = rootPath('build/fuzz/config-fuzzer');
const findings = rootPath('build/fuzz/findings');
const defaultSeconds = 60;
/** Longest input; one that takes longer than `timeoutSeconds` is a finding. */
const maxInputBytes = 16_384;
const timeoutSeconds = 10;

const flags = [
  ...['-std=c++20', '-O1', '-g', '-D_GNU_SOURCE', '-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all'],
  ...['-iquote', rootPath('addon/src')],
];

function run(file: string, args: string[]): number {
  const { status, error } = spawnSync(file, args, { stdio: 'inherit' });
  if (error !== undefined) throw error;
  return status ?? 1;
}

/** The parsers and what they stand on, nothing of the runtime. */
function sources(): string[] {
  const parsers = filesBelow(rootPath('addon/src/oci')).filter((path) => path.endsWith('.cc'));
  const below = ['error', 'capabilities', 'file', 'seccomp', 'seccomp-words', 'seccomp-prologue'];
  return [
    rootPath('addon/fuzz/config-fuzzer.cc'),
    ...parsers,
    ...below.map((name) => rootPath('addon/src/linux', `${name}.cc`)),
  ];
}

function build(): void {
  const files = sources();
  if (!isStale(program, [...files, ...filesBelow(rootPath('addon/src')).filter((path) => path.endsWith('.h'))])) return;
  mkdirSync(rootPath('build/fuzz'), { recursive: true });
  console.log('fuzz: compiling');
  if (run('clang++', [...flags, '-o', program, ...files, '-l:libseccomp.a']) !== 0)
    throw new Error('fuzz: clang++ failed');
}

function fuzz(seconds: number): number {
  const work = mkdtempSync(join(tmpdir(), 'fuzz-'));
  mkdirSync(findings, { recursive: true });
  try {
    cpSync(corpus, work, { recursive: true });
    const status = run(program, [
      `-max_total_time=${seconds}`,
      `-max_len=${maxInputBytes}`,
      `-timeout=${timeoutSeconds}`,
      `-dict=${rootPath('addon/fuzz/config.dict')}`,
      `-artifact_prefix=${findings}/`,
      '-print_final_stats=1',
      '-verbosity=0',
      work,
    ]);
    if (status === 0 && process.argv.includes('--keep')) keep(work);
    return status;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The smallest set of inputs that reaches all that these reach. */
function keep(work: string): void {
  const merged = mkdtempSync(join(tmpdir(), 'fuzz-'));
  try {
    if (
      run(program, [
        '-set_cover_merge=1',
        '-use_counters=0',
        '-verbosity=0',
        `-max_len=${maxInputBytes}`,
        merged,
        corpus,
        work,
      ]) !== 0
    )
      return;
    rmSync(corpus, { recursive: true });
    cpSync(merged, corpus, { recursive: true });
    console.log(`fuzz: the corpus has ${readdirSync(corpus).length} inputs`);
  } finally {
    rmSync(merged, { recursive: true, force: true });
  }
}

const seconds = Number(process.argv.slice(2).find((word) => !word.startsWith('-')) ?? defaultSeconds);
if (!Number.isInteger(seconds) || seconds < 1) throw new Error('usage: pnpm fuzz [SECONDS] [--keep]');
ensureDebianPackages(fuzzPackages, 'fuzzing');
build();
const status = fuzz(seconds);
console.log(status === 0 ? `fuzz: ${seconds} s without a finding` : `fuzz: a finding, see ${findings}`);
process.exitCode = status === 0 ? 0 : 1;
