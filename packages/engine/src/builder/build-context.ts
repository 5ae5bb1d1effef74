// The build context: a client's tar, kept as it came, with the sums of its files and an index of its names. It is unpacked
// when a step needs its files, which a build out of the cache never does.
import { createWriteStream, mkdirSync, mkdtempSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import { IgnorePatterns, readIgnoreFile } from '@tscontainer/core/ignore-patterns';
import { decompressed } from '@tscontainer/distribution/decompression';
import { extractTree } from '@tscontainer/linux/archive';
import { lookUpInRoot } from '@tscontainer/linux/mounts';
import { removeTree } from '@tscontainer/linux/tree';
import { isDirectory, resolveInRoot } from '../container-files/root-location.ts';
import { disposeTree } from '../containers/disposal.ts';
import type { EngineContext } from '../containers/engine-context.ts';
import { buildFailure } from './build-failure.ts';
import { ContextIndex } from './context-index.ts';
import { type TreeEntry, walkTree } from './copy-origin.ts';
import { type PathSums, TarSummer } from './tar-sums.ts';

const defaultDockerfile = 'Dockerfile';
/** Largest Dockerfile or .dockerignore, in bytes. */
const maxTextBytes = 16 * 1024 * 1024;

/** Story: `receiveContext`, `takeDockerfile`, use, `dispose`. Paths are relative, links in them followed by `resolve`. */
export class BuildContext {
  readonly sums: PathSums;
  readonly #scratch: string;
  readonly #texts: ReadonlyMap<string, Buffer>;
  /** Undefined: only the files themselves tell. */
  readonly #index: ContextIndex | undefined;
  readonly #engine: EngineContext;
  readonly #removed: string[] = [];
  #unpacked: Promise<string> | undefined;

  constructor(engine: EngineContext, scratch: string, summer: TarSummer, index: ContextIndex) {
    this.#engine = engine;
    this.#scratch = scratch;
    this.sums = summer.sums;
    this.#texts = summer.texts;
    this.#index = index.isPlain ? index : undefined;
  }

  /** The directory with the files, unpacked at the first call; valid until `dispose`. Rejects invalid-argument. */
  root(): Promise<string> {
    this.#unpacked ??= this.#unpack();
    return this.#unpacked;
  }

  async #unpack(): Promise<string> {
    const root = join(this.#scratch, 'files');
    mkdirSync(root, { mode: 0o755 });
    const request = { root, path: '', pipe: archiveIn(this.#scratch), keepsTypes: false, owner: undefined };
    await extractTree({ ...request, ids: undefined });
    for (const path of this.#removed) await removeTree(join(root, path));
    return root;
  }

  async resolve(path: string): Promise<string> {
    return this.#index?.resolve(path) ?? resolveInRoot(await this.root(), path);
  }

  /** Of a resolved path; undefined when nothing is there. */
  async kindOf(resolved: string): Promise<'file' | 'directory' | undefined> {
    if (this.#index !== undefined) {
      const kind = this.#index.kindOf(resolved);
      return kind === 'link' ? 'file' : kind;
    }
    const place = await lookUpInRoot(await this.root(), resolved);
    return place === null ? undefined : isDirectory(place) ? 'directory' : 'file';
  }

  async *walk(path: string): AsyncGenerator<TreeEntry> {
    if (this.#index !== undefined) yield* this.#index.walk(path);
    else yield* walkTree(await this.root(), path);
  }

  async remove(resolved: string): Promise<void> {
    this.#index?.remove(resolved);
    this.#removed.push(resolved);
    if (this.#unpacked !== undefined) await removeTree(join(await this.#unpacked, resolved));
  }

  /** Of a small file; undefined when there is none. */
  async textAt(path: string): Promise<string | undefined> {
    const resolved = await this.resolve(path);
    const kind = await this.kindOf(resolved);
    if (kind === undefined) return undefined;
    if (kind === 'directory') throw buildFailure(`read ${path}: not a regular file`);
    const text = this.#index === undefined ? undefined : this.#texts.get(resolved);
    if (text !== undefined) return text.toString('utf8');
    const root = await this.root();
    const place = await lookUpInRoot(root, resolved);
    if (place === null || (place.mode & 0o170000) !== 0o100000) throw buildFailure(`read ${path}: not a regular file`);
    if (place.size > maxTextBytes) throw buildFailure(`read ${path}: larger than ${maxTextBytes} bytes`);
    return await readFile(join(root, resolved), 'utf8');
  }

  dispose(): void {
    disposeTree(this.#scratch, this.#engine.log);
  }
}

function archiveIn(scratch: string): string {
  return join(scratch, 'context.tar');
}

/** Reads the client's body to its end. Rejects invalid-argument for what is no tar; nothing is left then. */
export async function receiveContext(engine: EngineContext, body: Readable, dockerfile: string): Promise<BuildContext> {
  mkdirSync(engine.paths.temporary, { recursive: true, mode: 0o700 });
  const scratch = mkdtempSync(join(engine.paths.temporary, 'context-'));
  const index = new ContextIndex();
  const name = posix.join('/', dockerfile || defaultDockerfile).slice(1);
  const summer = new TarSummer({
    onEntry: (header) => index.add(header.name, header.type ?? 'file', header.linkname ?? ''),
    keeps: new Set([name, name.toLowerCase(), '.dockerignore']),
    maxKeptBytes: maxTextBytes,
  });
  try {
    const passed = Readable.from(summed(await decompressed(body), summer), { objectMode: false });
    await pipeline(passed, createWriteStream(archiveIn(scratch), { mode: 0o600 }));
    await summer.end();
    const received = new BuildContext(engine, scratch, summer, index);
    if (!index.isPlain) await received.root();
    return received;
  } catch (error) {
    disposeTree(scratch, engine.log);
    throw error instanceof ContainerError
      ? error
      : buildFailure(`Error processing tar file: ${errorMessageOf(error)}`, error);
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
  context: BuildContext,
  wanted: string,
): Promise<{ content: string; name: string }> {
  const name = wanted || defaultDockerfile;
  const content = await context.textAt(name);
  if (content === undefined) {
    const lower = name.toLowerCase();
    if (name !== defaultDockerfile || (await context.textAt(lower)) === undefined)
      throw buildFailure(`Cannot locate specified Dockerfile: ${name}`);
    return takeDockerfile(context, lower);
  }
  const ignore = await context.textAt('.dockerignore');
  if (ignore !== undefined) {
    const patterns = new IgnorePatterns(readIgnoreFile(ignore));
    for (const path of ['.dockerignore', name])
      if (patterns.matches(posix.normalize(path))) await context.remove(await context.resolve(path));
  }
  return { content, name };
}
