// Holds the generated contracts to protos/.
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

it('finds every contract up to date', () => {
  const script = new URL('generate-contracts.ts', import.meta.url).pathname;
  // A stale file makes the script fail, and the failure shows which.
  expect(execFileSync(process.execPath, [script, '--check'], { encoding: 'utf8' })).toBe('');
});
