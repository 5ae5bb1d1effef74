// The build context on disk: a client's tar unpacked into a scratch directory, with the sums of its files beside it.
import { mkdirSync, mkdtempSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Readable } from 'node:stream';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import { IgnorePatterns, readIgnoreFile } from '@tscontainer/core/ignore-patterns';
import { lookUpInRoot } from '@tscontainer/linux/mounts';
import { removeTree } from '@tscontainer/linux/tree';
import { resolveInRoot } from '../container-files/root-location.ts';
import { extractStream } from '../container-files/tree-streams.ts';
import { disposeTree } from '../containers/disposal.ts';
import type { EngineContext } from '../containers/engine-context.ts';
import { buildFailure } from './build-failure.ts';
import { decompressed } from './decompression.ts';
import { type PathSums, TarSummer } from './tar-sums.ts';

export interface BuildContext {
  /** Directory, valid until `dispose`. */
  root: string;
  sums: PathSums;
  dispose(): void;
}

const defaultDockerfile = 'Dockerfile';
/** Largest Dockerfile or .dockerignore, in bytes. */
const maxTextBytes = 16 * 1024 * 1024;

/** Reads the client's body to its end. Rejects invalid-argument for what is no tar; nothing is left then. */
export async function receiveContext(context: EngineContext, body: Readable): Promise<BuildContext> {
  mkdirSync(context.paths.temporary, { recursive: true, mode: 0o700 });
  const root = mkdtempSync(join(context.paths.temporary, 'context-'));
  const dispose = () => disposeTree(root, context.log);
  try {
    const summer = new TarSummer();
    const plain = await decompressed(body);
    const passed = Readable.from(summed(plain, summer), { objectMode: false });
    await extractStream(context.paths.temporary, passed, {
      root,
      path: '',
      keepsTypes: false,
      owner: undefined,
      ids: undefined,
    }).catch((error) => {
      throw error instanceof ContainerError
        ? error
        : buildFailure(`Error processing tar file: ${errorMessageOf(error)}`, error);
    });
    return { root, sums: await summer.end(), dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

async function* summed(plain: AsyncIterable<Buffer>, summer: TarSummer): AsyncGenerator<Buffer> {
  for await (const piece of plain) {
    await summer.write(piece);
    yield piece;
  }
}

/** The Dockerfile's text; it goes from the context when .dockerignore names it. Rejects invalid-argument. */
export async function takeDockerfile(
  { root }: BuildContext,
  wanted: string,
): Promise<{ content: string; name: string }> {
  const name = wanted || defaultDockerfile;
  const content = await textAt(root, name);
  if (content === undefined) {
    const lower = name.toLowerCase();
    if (name !== defaultDockerfile || (await textAt(root, lower)) === undefined)
      throw buildFailure(`Cannot locate specified Dockerfile: ${name}`);
    return takeDockerfile({ root } as BuildContext, lower);
  }
  const ignore = await textAt(root, '.dockerignore');
  if (ignore !== undefined) {
    const patterns = new IgnorePatterns(readIgnoreFile(ignore));
    for (const path of ['.dockerignore', name])
      if (patterns.matches(posix.normalize(path))) await removeTree(join(root, await resolveInRoot(root, path)));
  }
  return { content, name };
}

async function textAt(root: string, path: string): Promise<string | undefined> {
  const resolved = await resolveInRoot(root, path);
  const place = await lookUpInRoot(root, resolved);
  if (place === null) return undefined;
  if ((place.mode & 0o170000) !== 0o100000) throw buildFailure(`read ${path}: not a regular file`);
  if (place.size > maxTextBytes) throw buildFailure(`read ${path}: larger than ${maxTextBytes} bytes`);
  return await readFile(join(root, resolved), 'utf8');
}
