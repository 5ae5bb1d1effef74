// Builds packages/client/dist, what of @tsctl/client is published: JavaScript for Node 20 and its types. `pnpm pack:client` runs it.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { filesBelow, rootPath } from './freshness.ts';

const source = rootPath('packages/client/src');
const output = rootPath('packages/client/dist');

rmSync(output, { recursive: true, force: true });
await build({
  entryPoints: [`${source}/index.ts`, `${source}/testing/index.ts`],
  outdir: output,
  outbase: source,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.16',
  logLevel: 'warning',
});
const { status } = spawnSync(
  rootPath('node_modules/.bin/tsc'),
  ['-p', rootPath('packages/client'), '--outDir', output, '--composite', 'false', '--incremental', 'false'],
  { stdio: 'inherit' },
);
for (const path of filesBelow(output).filter((file) => file.endsWith('.d.ts'))) {
  // compilers older than ours know no other ending
  const types = readFileSync(path, 'utf8').replaceAll(/(from|import\() ?'(\.[^']+)\.ts'/g, "$1 '$2.js'");
  if (path.endsWith('.test.d.ts')) rmSync(path);
  else writeFileSync(path, types);
}
process.exitCode = status ?? 1;
