// Environment, labels and other NAME=VALUE flags, from the command line and from files.
import { readFileSync } from 'node:fs';
import { CommandFailure } from '../cli/failures.ts';
import type { FlagValues } from '../cli/flags.ts';
import { openFailure } from '../cli/open-failure.ts';

/** Files first, then flags: a name alone takes the value of our own environment, or is left out of it. */
export function environmentOf(flags: FlagValues): string[] {
  const fromFiles = flags.list('env-file').flatMap((path) => linesOf(path));
  return [...fromFiles, ...flags.list('env')].flatMap((entry) => resolved(entry));
}

/** A name without a value is kept: the daemon removes that variable of the image. */
function resolved(entry: string): string[] {
  if (entry === '' || entry.startsWith('=')) throw new CommandFailure(`invalid environment variable: ${entry}`);
  if (entry.includes('=')) return [entry];
  const own = process.env[entry];
  return [own === undefined ? entry : `${entry}=${own}`];
}

export function labelsOf(flags: FlagValues): Record<string, string> {
  const fromFiles = flags.list('label-file').flatMap((path) => linesOf(path));
  return keyValues([...fromFiles, ...flags.list('label')]);
}

/** `a=b=c` is a -> `b=c`; a bare name has ''. */
export function keyValues(entries: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    entries.map((entry) => {
      const equals = entry.indexOf('=');
      return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}

/** As keyValues, but each needs its `=`. */
export function pairsOf(entries: readonly string[], flagName: string): Record<string, string> {
  const bare = entries.find((entry) => !entry.includes('='));
  if (bare !== undefined) throw new CommandFailure(`invalid value for --${flagName}: ${bare}: expected key=value`);
  return keyValues(entries);
}

/** Lines that are neither empty nor comments, blanks in front removed. */
function linesOf(path: string): string[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CommandFailure(`open ${path}: ${openFailure(error)}`);
  }
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.trimStart());
  const kept = lines.filter((line) => line !== '' && !line.startsWith('#'));
  const broken = kept.find((line) => /\s/.test(line.split('=')[0] ?? ''));
  if (broken !== undefined)
    throw new CommandFailure(`poorly formatted environment: variable '${broken.split('=')[0]}' contains whitespaces`);
  return kept;
}
