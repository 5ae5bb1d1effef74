// Formats source that a generator has written, as `pnpm format` would.
import { spawnSync } from 'node:child_process';
import { rootPath } from './freshness.ts';

/** `path`: what the text will be, for the rules that hold there. */
export function formatted(source: string, path: string): string {
  const { status, stdout, stderr } = spawnSync(
    rootPath('node_modules/.bin/biome'),
    ['format', `--stdin-file-path=${path}`],
    { input: source, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`format ${path}: ${stderr}`);
  return stdout;
}
