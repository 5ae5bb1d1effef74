// Compiles addon/ with cmake and ninja into build/addon, and puts runtime.node and tsrunc into dist/.
import { copyFileSync, existsSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pinnedNode } from './build-launchers.ts';
import { writeCommitHeader } from './commit-header.ts';
import { filesBelow, isStale, rootPath } from './freshness.ts';
import { runTool } from './run-tool.ts';

const products = [
  { built: 'build/addon/runtime.node', installed: 'dist/lib/runtime.node' },
  { built: 'build/addon/tsrunc', installed: 'dist/bin/tsrunc' },
];
/** At most this many compilers at once: the machine is shared with what is tested on it. */
const compilers = '2';

export function buildAddon(): void {
  const build = rootPath('build/addon');
  const sources = [...filesBelow(rootPath('addon')), rootPath('pnpm-lock.yaml'), writeCommitHeader()];
  if (!products.some(({ installed }) => isStale(rootPath(installed), sources))) return;
  // cmake looks for new files and is quick when nothing is new.
  // libuv's header comes with the Node whose libuv it is
  const nodeInclude = join(dirname(pinnedNode()), '../include/node');
  const settings = ['-DCMAKE_BUILD_TYPE=Release', `-DNODE_INCLUDE=${nodeInclude}`];
  runTool('cmake', ['-S', rootPath('addon'), '-B', build, '-G', 'Ninja', ...settings]);
  runTool('ninja', ['-C', build, '-j', compilers]);
  for (const { built, installed } of products) {
    if (!existsSync(rootPath(built))) throw new Error(`build addon: ninja made no ${built}`);
    install(rootPath(built), rootPath(installed));
  }
  console.log('addon: dist/lib/runtime.node, dist/bin/tsrunc');
}

/** By rename: a daemon that runs the old file keeps it. */
function install(built: string, installed: string): void {
  const fresh = `${installed}.new`;
  copyFileSync(built, fresh);
  renameSync(fresh, installed);
}
