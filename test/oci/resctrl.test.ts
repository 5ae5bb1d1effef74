// linux.intelRdt on a directory of resctrl's shape, given by --resctrl: no machine here has the real one. The kernel's part
// (what `mkdir` puts into a group, whether a schema fits the processor) is played by files that are there before.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BundleConfig, Workbench } from './bundle.ts';

let bench: Workbench;
let resctrl: string;

const put = (path: string, content: string) => {
  mkdirSync(join(resctrl, path, '..'), { recursive: true });
  writeFileSync(join(resctrl, path), content);
};
const get = (path: string) => readFileSync(join(resctrl, path), 'utf8');
const run = (...args: string[]) => bench.run(['--resctrl', resctrl, ...args]);
const runDetached = (...args: string[]) =>
  bench.run(['--resctrl', resctrl, 'run', '-d', ...args], { stdio: 'ignore' }).status;
const runWith = (id: string, intelRdt: object, args = ['true']) =>
  run(
    'run',
    '-b',
    bench.bundle(args, (config: BundleConfig) => Object.assign(config.linux, { intelRdt })),
    id,
  );

beforeAll(() => {
  bench = new Workbench();
  resctrl = join(bench.directory, 'resctrl');
  put('info/L3/cbm_mask', 'fffff\n');
  put('info/L3/min_cbm_bits', '1\n');
  put('info/L3/num_closids', '16\n');
  put('info/MB/bandwidth_gran', '10\n');
  put('info/L3_MON/mon_features', 'llc_occupancy\nmbm_total_bytes\nmbm_local_bytes\n');
  put('info/last_cmd_status', 'ok\n');
  put('schemata', '    MB:0=100\n    L3:0=fffff\n');
  put('tasks', '');
});
afterAll(() => bench.dispose());

/** What the kernel would put there. */
function makeGroup(name: string): void {
  put(`${name}/schemata`, '    MB:0=100\n    L3:0=fffff\n');
  put(`${name}/tasks`, '');
}

test('a group by its closID takes the schemata and the processes, and stays', () => {
  makeGroup('gold');
  const asked = { closID: 'gold', l3CacheSchema: 'L3:0=f', memBwSchema: 'MB:0=50', schemata: ['L2:0=3'] };
  expect(runWith('gold-user', asked)).toMatchObject({ status: 0, stderr: '' });
  // "0": itself, written by the container's own process before its command
  expect(get('gold/tasks')).toBe('0');
  expect(get('gold/schemata')).toContain('L3:0=f\nMB:0=50\nL2:0=3\n');
  expect(existsSync(join(resctrl, 'gold'))).toBe(true);
});

test('without schemata the group has to be there', () => {
  const { stderr, status } = runWith('lost', { closID: 'silver' });
  expect(status).toBe(1);
  expect(stderr).toContain(`${resctrl}/silver: a group without schemata`);
  expect(existsSync(join(resctrl, 'silver'))).toBe(false);
  expect(bench.left()).toEqual([]);
});

test('"/" is the group that every process begins in; a path is refused', () => {
  expect(runWith('root-group', { closID: '/' })).toMatchObject({ status: 0, stderr: '' });
  expect(get('tasks')).toBe('0');
  expect(runWith('path', { closID: '../x' }).stderr).toContain('closID: not the name of a directory');
});

test('what the machine cannot do is refused by name, and nothing is left', () => {
  const before = readdirSync(resctrl);
  expect(
    run(
      '--resctrl',
      join(resctrl, 'gold'),
      'run',
      '-b',
      bench.bundle(['true'], (config) => {
        config.linux['intelRdt'] = { l3CacheSchema: 'L3:0=f' };
      }),
      'bare',
    ).stderr,
  ).toContain('linux.intelRdt.l3CacheSchema: Intel RDT/CAT is not enabled');
  // the group of the container's own name is made here, but no kernel puts `schemata` into it
  const { stderr } = runWith('own', { l3CacheSchema: 'L3:0=f' });
  expect(stderr).toContain(`resctrl ${resctrl}/own/schemata: ENOENT`);
  expect(readdirSync(resctrl)).toEqual(before);
  expect(bench.cgroups('own')).toEqual([]);
});

test('a running container: exec joins, update writes, events tell, and the counting group goes at the end', () => {
  makeGroup('iron');
  put('iron/mon_groups/live/tasks', '');
  put('iron/mon_groups/live/mon_data/mon_L3_00/llc_occupancy', '4096\n');
  put('iron/mon_groups/live/mon_data/mon_L3_00/mbm_total_bytes', '7\n');
  put('iron/mon_groups/live/mon_data/mon_L3_00/mbm_local_bytes', 'Unavailable\n');
  const asked = { closID: 'iron', enableMonitoring: true };
  const bundle = bench.bundle(['sleep', '60'], (config) => Object.assign(config.linux, { intelRdt: asked }));
  expect(runDetached('-b', bundle, 'live')).toBe(0);
  expect([get('iron/tasks'), get('iron/mon_groups/live/tasks')]).toEqual(['0', '0']);
  put('iron/tasks', '');
  expect(run('exec', 'live', 'true').status).toBe(0);
  expect(get('iron/tasks')).toBe('0');
  expect(run('update', '--l3-cache-schema', 'L3:0=3', '--mem-bw-schema', 'MB:0=20', 'live')).toMatchObject({
    stderr: '',
  });
  expect(get('iron/schemata')).toContain('L3:0=3\nMB:0=20\n');
  const told = JSON.parse(run('events', '--stats', 'live').stdout) as { data: { intel_rdt: unknown } };
  expect(told.data.intel_rdt).toMatchObject({
    l3_cache_info: { cbm_mask: 'fffff', min_cbm_bits: 1, num_closids: 16 },
    l3_cache_schema_root: 'L3:0=fffff',
    mem_bw_info: { bandwidth_gran: 10 },
    mem_bw_schema_root: 'MB:0=100',
    cmt_stats: [{ llc_occupancy: 4096 }],
    mbm_stats: [{ mbm_total_bytes: 7 }],
  });
  // rmdir(2) of a real group takes its files along; of this one it cannot, which delete tells
  expect(run('delete', '-f', 'live').stderr).toContain(`resctrl ${resctrl}/iron/mon_groups/live: ENOTEMPTY`);
  rmSync(join(resctrl, 'iron/mon_groups/live'), { recursive: true });
  mkdirSync(join(resctrl, 'iron/mon_groups/live'));
  expect(run('delete', '-f', 'live')).toMatchObject({ status: 0, stderr: '' });
  expect(readdirSync(join(resctrl, 'iron/mon_groups'))).toEqual([]);
});
