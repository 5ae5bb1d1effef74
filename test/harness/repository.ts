// Where the checkout is and which files git knows in it; for the tests that look at the code itself.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Tracked files and new ones that git does not ignore, relative to the root. */
export function repositoryFiles(): string[] {
  const output = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: repositoryRoot,
    encoding: 'utf8',
  });
  return output.split('\n').filter((path) => path !== '' && existsSync(join(repositoryRoot, path)));
}

export const binDirectory = join(repositoryRoot, 'dist/bin');
