// Makes dist/bin's commands: one static launcher under each command's name, and the pinned Node under the same names.
import { linkSync, mkdirSync, readlinkSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { bundles } from './build-bundles.ts';
import { buildProgram } from './build-program.ts';
import { rootPath } from './freshness.ts';

export function buildLaunchers(): void {
  const launcher = rootPath('build/launcher');
  buildProgram('launcher', launcher);
  buildProgram('init', rootPath('dist/lib/tsinit')); // the engine binds it into containers started with --init
  const node = pinnedNode();
  mkdirSync(rootPath('dist/lib/node-bin'), { recursive: true });
  for (const { name } of bundles) {
    hardLink(launcher, rootPath('dist/bin', name));
    symbolicLink(node, rootPath('dist/lib/node-bin', name));
  }
}

/** The binary itself: the kernel names a process after the path it is executed by, so each command has its own link. */
export function pinnedNode(): string {
  const shim = rootPath('node_modules/.bin/node');
  if (statSync(shim, { throwIfNoEntry: false }) === undefined) {
    throw new Error(`find the pinned Node: ${shim} is missing: run \`npx pnpm@12 install\``);
  }
  return realpathSync(shim);
}

function hardLink(source: string, path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.ino === statSync(source).ino) return;
  rmSync(path, { force: true });
  linkSync(source, path);
}

/** Relative, so that a checkout may be moved as a whole. */
function symbolicLink(target: string, path: string): void {
  const wanted = relative(dirname(path), target);
  if (linkOf(path) === wanted) return;
  rmSync(path, { force: true });
  symlinkSync(wanted, path);
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EINVAL') return undefined;
    throw error;
  }
}
