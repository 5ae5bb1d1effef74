// --security-opt: a seccomp profile named by a file is read here, since the daemon wants its content.
import { readFileSync } from 'node:fs';
import { CommandFailure } from '../cli/failures.ts';
import { openFailure } from '../cli/open-failure.ts';

export function securityOptions(entries: readonly string[]): string[] {
  return entries.map((entry) => {
    const [name = '', value] = entry.split(/[=:](.*)/s);
    if (value === undefined && name !== 'no-new-privileges')
      throw new CommandFailure(`Invalid --security-opt: ${JSON.stringify(entry)}`, 125);
    return name === 'seccomp' && value !== 'unconfined' && value !== 'builtin'
      ? `seccomp=${profile(value ?? '')}`
      : entry;
  });
}

/** One line of JSON. */
function profile(path: string): string {
  try {
    return JSON.stringify(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message : `open ${path}: ${openFailure(error)}`;
    throw new CommandFailure(`opening seccomp profile (${path}) failed: ${why}`, 125);
  }
}
