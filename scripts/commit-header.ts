// Writes build/addon/commit.h: the commit that `tsrunc --version` names. Touched only when the commit is another one.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { rootPath } from './freshness.ts';

/** The file's path. Outside a checkout (a source archive, or without git) the commit is "unknown". */
export function writeCommitHeader(): string {
  const path = rootPath('build/addon/commit.h');
  const text = `#define TSRUNC_COMMIT "${currentCommit()}"\n`;
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return path;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

function currentCommit(): string {
  const hash = git('rev-parse', 'HEAD');
  if (hash.status !== 0) return 'unknown';
  const isChanged = git('diff', '--quiet', 'HEAD', '--', 'addon').status !== 0;
  return `${hash.stdout.trim()}${isChanged ? '-dirty' : ''}`;
}

const git = (...args: string[]) => spawnSync('git', ['-C', rootPath(), ...args], { encoding: 'utf8' });
