// Builds all that dist/ holds; `pnpm build` runs it. Each part is made anew only when what it is made of has changed.
//
//   node scripts/build.ts [addon|bundles|image]   a part by itself
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { buildAddon } from './build-addon.ts';
import { buildBundles } from './build-bundles.ts';
import { buildLaunchers } from './build-launchers.ts';
import { buildProgram } from './build-program.ts';
import { buildPackages, ensureDebianPackages } from './debian-packages.ts';
import { writeEmbeddedImage } from './embedded-image.ts';
import { isStale, rootPath } from './freshness.ts';

const parts: Record<string, () => void | Promise<void>> = {
  addon: buildAddon,
  bundles: buildBundles,
  image: buildImage,
};

function buildImage(): void {
  const program = rootPath('build/whoami');
  const image = rootPath('dist/lib/embedded-image.tar');
  buildProgram('whoami', program);
  if (!isStale(image, [program, rootPath('scripts/embedded-image.ts'), rootPath('scripts/tar-writer.ts')])) return;
  writeEmbeddedImage(program, image);
  console.log('embedded image: dist/lib/embedded-image.tar');
}

async function build(part: string | undefined): Promise<void> {
  if (part !== undefined && !(part in parts)) {
    throw new Error(`build ${part}: no such part; there are ${Object.keys(parts).join(', ')}`);
  }
  mkdirSync(rootPath('dist/lib'), { recursive: true });
  mkdirSync(rootPath('dist/bin'), { recursive: true });
  ensureDebianPackages(buildPackages, 'the build');
  for (const [name, run] of Object.entries(parts)) if (part === undefined || part === name) await run();
  if (part !== undefined) return;
  buildLaunchers();
  if (existsSync(rootPath('protos'))) cpSync(rootPath('protos'), rootPath('dist/lib/protos'), { recursive: true });
}

try {
  await build(process.argv[2]);
} catch (error) {
  console.error(`build: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
