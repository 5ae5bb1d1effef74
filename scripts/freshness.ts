// Says whether a built file is older than what it is made of; every part of the build asks.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** An absolute path in the checkout. */
export function rootPath(...parts: string[]): string {
  return join(root, ...parts);
}

/** Milliseconds since the epoch; undefined when there is no such file. */
function changedMs(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

/** True when `made` is missing, or a source is newer or missing. */
export function isStale(made: string, sources: Iterable<string>): boolean {
  const madeMs = changedMs(made);
  if (madeMs === undefined) return true;
  for (const source of sources) {
    const sourceMs = changedMs(source);
    if (sourceMs === undefined || sourceMs > madeMs) return true;
  }
  return false;
}

/** Every file below a directory, as absolute paths. */
export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
