// What lies behind a URL: the source of an ADD, or a whole build context (`remote=`).
import { createWriteStream } from 'node:fs';
import { mkdtemp, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import { progressBar } from '../images/pull-reporter.ts';
import { buildFailure } from './build-failure.ts';
import type { BuildOutput } from './build-output.ts';

/** Pause between two lines of progress. */
const barPauseMs = 100;
/** What a server says with its refusal, in characters. */
const maxRefusalLength = 4096;

export function isUrl(text: string): boolean {
  return /^https?:\/\//.test(text);
}

export function isGitUrl(text: string): boolean {
  return /^(?:git:\/\/|github\.com\/|git@)/.test(text) || (isUrl(text) && /\.git(?:#.+)?$/.test(text));
}

/** Rejects with docker's words for a refusal. */
export async function openUrl(url: string, signal: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    throw new ContainerError('unavailable', `Get ${JSON.stringify(url)}: ${errorMessageOf(cause ?? error)}`, {
      cause: error,
    });
  }
  if (response.ok) return response;
  const text = (await response.text()).slice(0, maxRefusalLength).trim();
  throw new ContainerError(
    response.status === 404 ? 'not-found' : response.status === 400 ? 'invalid-argument' : 'unavailable',
    `failed to GET ${url} with status ${response.status} ${response.statusText}: ${text}`,
  );
}

export function bodyOf(response: Response): Readable {
  if (response.body === null) return Readable.from([]);
  return Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
}

export interface Download {
  directory: string;
  /** In `directory`. */
  fileName: string;
  /** False: neither the URL nor the server has told a name. */
  isNamed: boolean;
}

const unnamed = '__unnamed__';

/** Into a directory of its own below `scratch`, which the caller removes. The file's time is that of Last-Modified, or none. */
export async function download(url: string, scratch: string, output: BuildOutput): Promise<Download> {
  const response = await openUrl(url, output.signal);
  const directory = await mkdtemp(join(scratch, 'remote-'));
  const name = fileNameOf(url, response);
  const fileName = name === '' ? unnamed : name;
  const path = join(directory, fileName);
  const total = Number(response.headers.get('content-length') ?? 0);
  const source = Readable.from(reported(bodyOf(response), total, output), { objectMode: false });
  await pipeline(source, createWriteStream(path, { mode: 0o600, flags: 'wx' }));
  output.out.write('\n');
  const modified = Date.parse(response.headers.get('last-modified') ?? '');
  const time = Number.isNaN(modified) ? 0 : modified / 1000;
  await utimes(path, time, time);
  return { directory, fileName, isNamed: name !== '' };
}

async function* reported(source: Readable, total: number, output: BuildOutput): AsyncGenerator<Buffer> {
  let current = 0;
  let lastMs = 0;
  const tell = () =>
    output.line({
      status: 'Downloading',
      progressDetail: total > 0 ? { current, total } : { current },
      ...(total > 0 ? { progress: progressBar(current, total) } : {}),
    });
  for await (const piece of source as AsyncIterable<Buffer>) {
    current += piece.length;
    if (Date.now() - lastMs >= barPauseMs) {
      lastMs = Date.now();
      tell();
    }
    yield piece;
  }
  tell();
}

function fileNameOf(url: string, response: Response): string {
  const path = decodeURIComponent(new URL(url).pathname);
  if (path !== '' && !path.endsWith('/')) return checkedName(basename(path));
  const disposition = response.headers.get('content-disposition') ?? '';
  const given = /filename="?([^";]+)"?/.exec(disposition)?.[1] ?? '';
  return given === '' || given.endsWith('/') ? '' : checkedName(basename(given));
}

function checkedName(name: string): string {
  if (name === '.' || name === '..' || name.includes('\0')) throw buildFailure(`cannot use the file name ${name}`);
  return name;
}
