// Holds the client's types to what the engine says of itself.
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

it('finds the types of the client up to date', () => {
  const script = new URL('generate-client-types.ts', import.meta.url).pathname;
  // A stale file makes the script fail, and the failure says what to run.
  expect(execFileSync(process.execPath, [script, '--check'], { encoding: 'utf8' })).toBe('');
});
