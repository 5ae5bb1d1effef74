// Work that wants a thread of its own where the kernel allows no further one: an error, and the process goes on.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';

const pids = '/sys/fs/cgroup/pids';
const group = `${pids}/tsc-threads-${randomBytes(4).toString('hex')}`;
/** cgroup v1's controller: the process sets its own bound once it is complete. */
const isThere = existsSync(`${pids}/cgroup.procs`);

beforeAll(() => {
  if (isThere) mkdirSync(group);
});
afterAll(() => {
  if (isThere) rmdirSync(group);
});

const program = `
  import { readFileSync, writeFileSync } from 'node:fs';
  import { applyLayer } from '${import.meta.dirname}/archive.ts';
  const layer = { blob: '/dev/null', target: '/nonexistent', whiteouts: 'overlay', maxBytes: 0 };
  const told = () => applyLayer(layer).then(() => 'applied', ({ code, message }) => code + ' ' + message);
  console.log(await told());
  writeFileSync('${group}/cgroup.procs', String(process.pid));
  writeFileSync('${group}/pids.max', readFileSync('${group}/pids.current'));
  console.log(await told());
  writeFileSync('${group}/pids.max', 'max');
  console.log(await told());
`;

it.skipIf(!isThere)('is refused without a thread to be had, and works again afterwards', () => {
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  });
  expect({ stderr, status, signal }).toEqual({ stderr: '', status: 0, signal: null });
  const [before, without, after] = stdout.split('\n');
  expect(without).toMatch(/^resource-exhausted start work.*EAGAIN/);
  expect(before).toMatch(/^not-found /);
  expect(after).toBe(before);
});
