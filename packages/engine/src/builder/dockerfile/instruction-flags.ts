// The flags of one instruction, `--from=x`, checked against those that it knows.
import { buildFailure } from '../build-failure.ts';

/** Values by name. Throws invalid-argument with docker's words. */
export function readFlags(flags: readonly string[], known: readonly string[]): Map<string, string> {
  const values = new Map<string, string>();
  for (const flag of flags) {
    const equals = flag.indexOf('=');
    const name = flag.slice(2, equals < 0 ? undefined : equals);
    if (!known.includes(name)) throw buildFailure(`Unknown flag: ${name}`);
    if (values.has(name)) throw buildFailure(`Duplicate flag specified: ${name}`);
    if (equals < 0) throw buildFailure(`Missing a value on flag: ${name}`);
    values.set(name, flag.slice(equals + 1));
  }
  return values;
}

export function refuseFlags(flags: readonly string[]): void {
  readFlags(flags, []);
}
