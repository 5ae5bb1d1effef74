// Build contexts for tests: a directory made of a description, and what docker's client says when it builds it.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runOk } from './command.ts';

/** A text is a file; `{ link }` a symbolic link; `{ text, mode }` a file with its permissions. */
export type ContextEntry = string | Buffer | { link: string } | { text: string; mode: number };

export type ContextFiles = Record<string, ContextEntry>;

/** Whole seconds long ago: the same on every run. */
const modified = new Date('2020-02-02T02:02:02Z');

export function makeContext(files: ContextFiles): string {
  const directory = mkdtempSync('/tmp/tsc-context-');
  for (const [name, entry] of Object.entries(files)) {
    const path = join(directory, name);
    if (name.endsWith('/')) {
      mkdirSync(path, { recursive: true });
      continue;
    }
    mkdirSync(dirname(path), { recursive: true });
    if (typeof entry === 'object' && 'link' in entry) symlinkSync(entry.link, path);
    else {
      writeFileSync(path, typeof entry === 'object' && 'text' in entry ? entry.text : entry);
      chmodSync(path, typeof entry === 'object' && 'text' in entry ? entry.mode : 0o644);
      utimesSync(path, modified, modified);
    }
  }
  return directory;
}

/** The same as a tar in a file of its own, for a client that talks to the engine itself. */
export async function contextArchive(files: ContextFiles): Promise<string> {
  const directory = makeContext(files);
  try {
    await runOk('tar', ['-C', directory, '--owner=0', '--group=0', '-cf', `${directory}.tar`, '.']);
    return `${directory}.tar`;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Ids become ID, so that two builds can be compared. */
export function maskIds(text: string): string {
  return text
    .replace(/\r/g, '')
    .replace(/sha256:[0-9a-f]{64}/g, 'sha256:ID')
    .replace(/(---> |Running in |container |Successfully built )[0-9a-f]{12}\b/g, '$1ID')
    .replace(/^Sending build context to Docker daemon .*\n+/gm, '');
}
