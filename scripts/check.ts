// One command for all rules: format and lint (biome), types (tsc), the architecture and tidy tests. `pnpm check` runs it.
import { spawnSync } from 'node:child_process';
import { rootPath } from './freshness.ts';

const steps = [
  { name: 'format and lint', tool: 'biome', args: ['ci', '--error-on-warnings', '.'] },
  { name: 'types', tool: 'tsc', args: ['-b'] },
  { name: 'architecture and tidiness', tool: 'vitest', args: ['run', '--project', 'tidy'] },
];

let failures = 0;
for (const { name, tool, args } of steps) {
  const { status } = spawnSync(rootPath('node_modules/.bin', tool), args, {
    cwd: rootPath(),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  console.log(`check: ${name}: ${status === 0 ? 'ok' : `failed (status ${status})`}`);
  if (status !== 0) failures += 1;
}
process.exitCode = failures === 0 ? 0 : 1;
