// Where `tsctl build` takes its context from, a directory, stdin or a URL, and the archive that it sends of it.
import { readFileSync } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { IgnorePatterns, readIgnoreFile } from '@tscontainer/core/ignore-patterns';
import { compressionOf, peek } from '@tscontainer/platform/stream-head';
import { CommandFailure } from '../cli/failures.ts';
import { openFailure } from '../cli/open-failure.ts';
import { addDockerfile } from './added-dockerfile.ts';
import { listDirectory, packEntries } from './directory-archive.ts';
import { encodeHeader, padding } from './tar-header.ts';

export interface BuildSource {
  archive: Readable;
  /** In the context; '' lets the engine look for the usual names. */
  dockerfile: string;
}

/** Throws CommandFailure with docker's words. `file`: as given with -f, '' without. */
export async function openBuildSource(place: string, file: string, stdin: Readable): Promise<BuildSource> {
  if (file === '-' && place === '-')
    throw new CommandFailure("invalid argument: can't use stdin for both build context and dockerfile");
  if (place === '-') return fromStream(stdin, file);
  if (isGitUrl(place))
    throw new CommandFailure(
      `unable to prepare context: ${place} is a git repository, which this client does not clone: give it a directory`,
    );
  if (/^https?:\/\//.test(place)) return fromUrl(place, file, stdin);
  return fromDirectory(place, file, stdin);
}

function isGitUrl(text: string): boolean {
  return /^(git:\/\/|github\.com\/|git@)/.test(text) || /^https?:\/\/.*\.git(#.+)?$/.test(text);
}

function unprepared(why: string): CommandFailure {
  return new CommandFailure(`unable to prepare context: ${why}`);
}

async function fromDirectory(place: string, file: string, stdin: Readable): Promise<BuildSource> {
  await stat(place).catch(() => {
    throw unprepared(`path ${JSON.stringify(place)} not found`);
  });
  const root = await realpath(place);
  if (!(await lstat(root)).isDirectory()) throw unprepared(`context must be a directory: ${root}`);
  const name = file === '-' ? '-' : await dockerfileIn(root, file);
  const isOutside = name.startsWith('../');
  const excludes = excludesOf(root, name, file === '-');
  const entries = await listDirectory(root, excludes);
  const archive = Readable.from(packEntries(entries), { objectMode: false });
  if (file === '-') return addDockerfile(archive, await buffer(stdin));
  if (isOutside) return addDockerfile(archive, readDockerfile(file));
  return { archive, dockerfile: name };
}

function readDockerfile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CommandFailure(`unable to open Dockerfile: open ${path}: ${openFailure(error)}`);
  }
}

/** Relative to the context; `../…` when it lies outside. */
async function dockerfileIn(root: string, file: string): Promise<string> {
  let path = file === '' ? join(root, 'Dockerfile') : isAbsolute(file) ? file : resolve(file);
  if (file === '' && !(await exists(path)) && (await exists(join(root, 'dockerfile')))) path = join(root, 'dockerfile');
  try {
    return relative(root, await realpath(path));
  } catch (error) {
    throw unprepared(`unable to evaluate symlinks in Dockerfile path: lstat ${path}: ${openFailure(error)}`);
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** Dockerfile and .dockerignore are sent though they are named there: the engine takes them away itself. */
function excludesOf(root: string, dockerfile: string, isFromStdin: boolean): string[] {
  let text: string;
  try {
    text = readFileSync(join(root, '.dockerignore'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new CommandFailure(`open ${join(root, '.dockerignore')}: ${openFailure(error)}`);
  }
  const excludes = readIgnoreFile(text);
  const patterns = new IgnorePatterns(excludes);
  const kept = ['.dockerignore', ...(isFromStdin ? [] : [dockerfile])].filter((name) => patterns.matches(name));
  return [...excludes, ...kept.map((name) => `!${name}`)];
}

/** A tar, or the Dockerfile itself. */
async function fromStream(stream: Readable, file: string): Promise<BuildSource> {
  const { first, whole } = await peek(stream, 1024);
  if (isArchive(first)) return { archive: whole, dockerfile: file };
  if (file === '-') throw unprepared('build context is not an archive');
  const content = await buffer(whole);
  const entry = { name: 'Dockerfile', mode: 0o100600, size: content.length, modified: 0, type: 'file' } as const;
  const archive = [encodeHeader(entry), content, padding(content.length), Buffer.alloc(1024)];
  return { archive: Readable.from(archive, { objectMode: false }), dockerfile: 'Dockerfile' };
}

async function fromUrl(url: string, file: string, stdin: Readable): Promise<BuildSource> {
  const response = await fetch(url).catch((error: Error) => {
    throw unprepared(
      `unable to download remote context ${url}: ${(error.cause as Error | undefined)?.message ?? error}`,
    );
  });
  if (!response.ok || response.body === null) {
    const status = `${response.status} ${response.statusText}`;
    throw unprepared(
      `unable to download remote context ${url}: failed to GET ${url} with status ${status}: ${(await response.text()).trim()}`,
    );
  }
  const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
  const source = await fromStream(body, file === '-' ? '' : file);
  return file === '-' ? addDockerfile(source.archive, await buffer(stdin)) : source;
}

function isArchive(first: Buffer): boolean {
  if (compressionOf(first) !== undefined) return true;
  if (first.length < 512) return false;
  const stated = Number.parseInt(first.toString('latin1', 148, 156).replace(/[\0 ]/g, ''), 8);
  let sum = 0;
  for (let at = 0; at < 512; at++) sum += at >= 148 && at < 156 ? 0x20 : (first[at] ?? 0);
  return stated === sum;
}
