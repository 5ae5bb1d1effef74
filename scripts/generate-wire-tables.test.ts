// Holds the shim's field tables to protos/.
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

it('finds the tables up to date', () => {
  const script = new URL('generate-wire-tables.ts', import.meta.url).pathname;
  // A stale file makes the script fail, and the failure shows it.
  expect(execFileSync(process.execPath, [script, '--check'], { encoding: 'utf8' })).toBe('');
});
