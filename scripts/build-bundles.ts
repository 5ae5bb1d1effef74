// Bundles each command's main.ts into one file, dist/lib/<command>.mjs, so that it starts without a tree of modules.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { build, type Plugin } from 'esbuild';
import { isStale, rootPath } from './freshness.ts';

export const bundles = [
  { name: 'tsctl', package: 'tsctl' },
  { name: 'tsengined', package: 'engine' },
  { name: 'tscontainerd', package: 'containerd' },
  { name: 'containerd-shim-ts-v2', package: 'shim' },
];

/** What stands before each bundle. */
const bannerOf = (name: string): string =>
  [
    // What CommonJS packages inside an ES module expect to find.
    `import { createRequire as createRequireOfBundle } from 'node:module';`,
    `import { fileURLToPath as pathOfBundleUrl } from 'node:url';`,
    'const require = createRequireOfBundle(import.meta.url);',
    'const __filename = pathOfBundleUrl(import.meta.url);',
    `const __dirname = pathOfBundleUrl(new URL('.', import.meta.url));`,
    // Node calls its main thread MainThread, and with it the process: `ps` shall say the command's name instead.
    `import { existsSync as existsOfBundle, writeFileSync as writeOfBundle } from 'node:fs';`,
    `if (existsOfBundle('/proc/self/comm')) writeOfBundle('/proc/self/comm', ${JSON.stringify(name)});`,
  ].join('\n');

/**
 * An `import` of node:http reads all that it exports, its WebSocket among it, for which Node loads undici: 14 MB and
 * 50 ms of every start. Asked for as a whole it loads what is used.
 */
const lazyHttp: Plugin = {
  name: 'lazy-http',
  setup(build) {
    build.onResolve({ filter: /^(node:)?http$/ }, () => ({ path: 'node:http', namespace: 'lazy-http' }));
    build.onLoad({ filter: /.*/, namespace: 'lazy-http' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

export async function buildBundles(): Promise<void> {
  mkdirSync(rootPath('build/bundles'), { recursive: true });
  const failures: string[] = [];
  for (const bundle of bundles) {
    // One that fails does not keep the others from being built.
    await buildBundle(bundle.name, rootPath('packages', bundle.package, 'src/main.ts')).catch((error: Error) => {
      failures.push(`bundle ${bundle.name}: ${error.message}`);
    });
  }
  if (failures.length > 0) throw new Error(failures.join('\n'));
}

async function buildBundle(name: string, entry: string): Promise<void> {
  if (!existsSync(entry)) {
    console.log(`bundle: ${name} is left out: ${entry} does not exist`);
    return;
  }
  const output = rootPath('dist/lib', `${name}.mjs`);
  const inputsFile = rootPath('build/bundles', `${name}.json`);
  if (!isStale(output, [...knownInputs(inputsFile), rootPath('scripts/build-bundles.ts')])) return;
  const result = await build({
    entryPoints: [entry],
    outfile: output,
    absWorkingDir: rootPath(),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: 'external',
    // a single letter that is not ASCII, of an author's name, would double the text that V8 keeps in memory
    legalComments: 'external',
    charset: 'ascii',
    plugins: [lazyHttp],
    banner: { js: bannerOf(name) },
    metafile: true,
    logLevel: 'warning',
  });
  const inputs = Object.keys(result.metafile.inputs)
    .filter((path) => !path.startsWith(`${lazyHttp.name}:`))
    .map((path) => rootPath(path));
  writeFileSync(inputsFile, JSON.stringify(inputs));
  console.log(`bundle: ${name} of ${inputs.length} files`);
}

/** What the bundle was made of the last time; a missing list names a missing file, which is always stale. */
function knownInputs(inputsFile: string): string[] {
  return existsSync(inputsFile) ? (JSON.parse(readFileSync(inputsFile, 'utf8')) as string[]) : [inputsFile];
}
