// A create that is killed at any of its durable steps: `delete --force` takes away whatever it had made, and the id is free.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tsrunc, Workbench } from './bundle.ts';

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
  mkdirSync(bench.stateRoot);
});
afterAll(() => bench.dispose());

/** Calls after which something is there that outlives the process, init among it. */
const durableCalls = ['mkdir', 'rename', 'mknodat', 'clone3'];
/** More of one than a create makes. */
const maxCalls = 100;

/** strace ends tsrunc at the n-th call; false when it has made fewer. */
function isKilledAt(call: string, count: number, args: string[]): boolean {
  const inject = `inject=${call}:signal=SIGKILL:when=${count}`;
  const traced = ['-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject, tsrunc, '--root', bench.stateRoot];
  return spawnSync('strace', [...traced, ...args], { stdio: 'ignore', timeout: 30_000 }).signal === 'SIGKILL';
}

test.each(durableCalls)('killed at each %s', (call) => {
  const id = `killed-${randomBytes(4).toString('hex')}`;
  // a group of its own below new parents, and one more than the usual ones
  const bundle = bench.bundle(['sleep', '60'], (config) => {
    config.linux.cgroupsPath = `/${id}/deeper/leaf`;
    config.linux.resources.cpu = { cpus: '0' };
  });
  let count = 1;
  while (isKilledAt(call, count, ['create', '-b', bundle, id])) {
    expect(bench.run(['delete', '--force', id])).toMatchObject({ status: 0, stderr: '' });
    expect({ call, count, left: bench.left(), cgroups: bench.cgroups(id) }).toMatchObject({ left: [], cgroups: [] });
    count += 1;
    expect(count).toBeLessThan(maxCalls);
  }
  expect(count, `${call} is made at least once`).toBeGreaterThan(1);
  expect(bench.status(id)).toBe('created');
  expect(bench.run(['delete', '--force', id]).stderr).toBe('');
  expect(bench.cgroups(id)).toEqual([]);
});
