// Feeds the C++ readers with libFuzzer: `pnpm fuzz [config|tar] [SECONDS] [--keep]`, without a name all of them in turn.
// A finding ends it with the input's path.
//
// It starts from the corpus in addon/fuzz/corpus, which it leaves alone; with --keep what is new and reaches new code
// is added to it, made small.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureDebianPackages, fuzzPackages } from './debian-packages.ts';
import { filesBelow, isStale, rootPath } from './freshness.ts';

interface Target {
  /** What it stands on, nothing of the runtime: directories, and files by their stem. */
  sources: string[];
  libraries: string[];
  /** libFuzzer's own flags. */
  flags: string[];
}

const targets: Record<string, Target> = {
  config: {
    sources: [
      'oci',
      ...linux('error', 'capabilities', 'file', 'seccomp', 'seccomp-words', 'seccomp-prologue', 'seccomp-fold'),
    ],
    libraries: ['-l:libseccomp.a'],
    flags: [`-dict=${rootPath('addon/fuzz/config.dict')}`],
  },
  tar: {
    sources: [
      ...archive('blob-stream', 'directory', 'layer-applier', 'layer-entry', 'sha256', 'tar-reader'),
      ...archive(
        'tree-removal',
        'tree-root',
        'lower-layers',
        'directory-tree',
        'erofs-tree',
        'erofs-writer',
        'image-file',
      ),
      ...linux('error', 'file'),
    ],
    libraries: ['-l:libarchive.a', '-l:libz.so.1', '-l:libzstd.so.1', '-lnettle'],
    flags: [],
  },
};

function linux(...stems: string[]): string[] {
  return stems.map((stem) => `linux/${stem}.cc`);
}

function archive(...stems: string[]): string[] {
  return stems.map((stem) => `archive/${stem}.cc`);
}

const corpusOf = (name: string) => rootPath('addon/fuzz/corpus', name);
const programOf = (name: string) => rootPath('build/fuzz', `${name}-fuzzer`);
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

function sourcesOf(name: string, { sources }: Target): string[] {
  const own = rootPath('addon/fuzz', `${name}-fuzzer.cc`);
  return [own, ...sources.flatMap((path) => filesIn(rootPath('addon/src', path)))];
}

function filesIn(path: string): string[] {
  return path.endsWith('.cc') ? [path] : filesBelow(path).filter((file) => file.endsWith('.cc'));
}

function build(name: string, target: Target): void {
  const files = sourcesOf(name, target);
  const program = programOf(name);
  if (!isStale(program, [...files, ...filesBelow(rootPath('addon/src')).filter((path) => path.endsWith('.h'))])) return;
  mkdirSync(rootPath('build/fuzz'), { recursive: true });
  console.log(`fuzz: compiling ${name}`);
  if (run('clang++', [...flags, '-o', program, ...files, ...target.libraries]) !== 0)
    throw new Error('fuzz: clang++ failed');
}

function fuzz(name: string, target: Target, seconds: number): number {
  const work = mkdtempSync(join(tmpdir(), 'fuzz-'));
  mkdirSync(findings, { recursive: true });
  try {
    cpSync(corpusOf(name), work, { recursive: true });
    const status = run(programOf(name), [
      `-max_total_time=${seconds}`,
      `-max_len=${maxInputBytes}`,
      `-timeout=${timeoutSeconds}`,
      ...target.flags,
      `-artifact_prefix=${findings}/`,
      '-print_final_stats=1',
      '-verbosity=0',
      work,
    ]);
    if (status === 0 && process.argv.includes('--keep')) keep(name, work);
    return status;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The smallest set of inputs that reaches all that these reach. */
function keep(name: string, work: string): void {
  const corpus = corpusOf(name);
  const merged = mkdtempSync(join(tmpdir(), 'fuzz-'));
  try {
    if (
      run(programOf(name), [
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

const words = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const named = words.filter((word) => word in targets);
const seconds = Number(words.find((word) => !(word in targets)) ?? defaultSeconds);
if (!Number.isInteger(seconds) || seconds < 1) throw new Error('usage: pnpm fuzz [config|tar] [SECONDS] [--keep]');
ensureDebianPackages(fuzzPackages, 'fuzzing');
for (const [name, target] of Object.entries(targets)) {
  if (named.length > 0 && !named.includes(name)) continue;
  build(name, target);
  const status = fuzz(name, target, seconds);
  console.log(
    status === 0 ? `fuzz: ${name}: ${seconds} s without a finding` : `fuzz: ${name}: a finding, see ${findings}`,
  );
  if (status !== 0) process.exitCode = 1;
}
