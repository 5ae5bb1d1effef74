// Compiles one of the small static programs in addon/src that need nothing but the C++ library.
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { filesBelow, isStale, rootPath } from './freshness.ts';
import { runTool } from './run-tool.ts';

// No build id, sections collected, stripped: equal sources give equal bytes, and little of them.
const flags = [
  ...['-std=c++20', '-Os', '-Wall', '-Wextra', '-fno-exceptions', '-ffunction-sections', '-fdata-sections'],
  ...['-static', '-s', '-Wl,--gc-sections', '-Wl,--build-id=none'],
];

/** Compiles `addon/src/<name>` into the file `output`. */
export function buildProgram(name: string, output: string): void {
  const sources = filesBelow(rootPath('addon/src', name));
  if (!isStale(output, sources)) return;
  mkdirSync(dirname(output), { recursive: true });
  runTool('g++', [...flags, '-o', output, ...sources.filter((path) => path.endsWith('.cc'))]);
  console.log(`program: ${name}`);
}
