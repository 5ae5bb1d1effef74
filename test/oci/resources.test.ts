// linux.resources on this machine: v1 hierarchies, with a v2 tree beside them where it is hybrid. Version 2 alone is in
// test/second-world.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BundleConfig, until, Workbench } from './bundle.ts';

const cgroupRoot = '/sys/fs/cgroup';
const unified = join(cgroupRoot, 'unified');
const isHybrid = existsSync(join(unified, 'cgroup.controllers'));
const unifiedControllers = isHybrid ? readFileSync(join(unified, 'cgroup.controllers'), 'utf8').trim().split(' ') : [];
/** Turned on for children by whoever needs them first; put back at the end. */
const delegatedBefore = isHybrid ? readFileSync(join(unified, 'cgroup.subtree_control'), 'utf8').trim() : '';

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => {
  bench.dispose();
  for (const controller of unifiedControllers) {
    if (!delegatedBefore.split(' ').includes(controller))
      spawnSync('sh', ['-c', `echo -${controller} > ${unified}/cgroup.subtree_control`]);
  }
});

const withResources =
  (resources: Record<string, unknown>) =>
  (config: BundleConfig): void => {
    Object.assign(config.linux.resources, resources);
  };

/** A file of the container's group, wherever the hierarchy has it. */
function value(id: string, hierarchy: string, file: string): string {
  const directory = bench.cgroups(id).find((path) => path.startsWith(`${join(cgroupRoot, hierarchy)}/`));
  if (directory === undefined) throw new Error(`${id} has no group in ${hierarchy}`);
  return readFileSync(join(directory, file), 'utf8').trim();
}

function remove(id: string): void {
  expect(bench.run(['delete', '-f', id]).stderr).toBe('');
  expect(bench.cgroups(id)).toEqual([]);
}

describe('limits', () => {
  test('of memory, processor, processes and block devices are written', () => {
    bench.start(
      'all',
      ['sleep', '60'],
      withResources({
        memory: { limit: 67108864, swap: 134217728, reservation: 33554432, swappiness: 10, useHierarchy: true },
        cpu: { shares: 512, quota: 20000, period: 50000, burst: 10000, cpus: '0', mems: '0' },
        pids: { limit: 33 },
        blockIO: { throttleReadBpsDevice: [{ major: 7, minor: 0, rate: 1000000 }] },
      }),
    );
    expect(value('all', 'memory', 'memory.limit_in_bytes')).toBe('67108864');
    expect(value('all', 'memory', 'memory.memsw.limit_in_bytes')).toBe('134217728');
    expect(value('all', 'memory', 'memory.soft_limit_in_bytes')).toBe('33554432');
    expect(value('all', 'memory', 'memory.swappiness')).toBe('10');
    expect(value('all', 'cpu', 'cpu.shares')).toBe('512');
    expect(value('all', 'cpu', 'cpu.cfs_quota_us')).toBe('20000');
    expect(value('all', 'cpu', 'cpu.cfs_period_us')).toBe('50000');
    expect(value('all', 'cpu', 'cpu.cfs_burst_us')).toBe('10000');
    expect(value('all', 'cpuset', 'cpuset.cpus')).toBe('0');
    expect(value('all', 'pids', 'pids.max')).toBe('33');
    expect(value('all', 'blkio', 'blkio.throttle.read_bps_device')).toBe('7:0 1000000');
    remove('all');
  });

  test('a weight goes to BFQ where CFQ is gone', () => {
    bench.start('weight', ['sleep', '60'], withResources({ blockIO: { weight: 500 } }));
    const group = bench.cgroups('weight').find((path) => path.includes('/blkio/')) ?? '';
    const file = existsSync(join(group, 'blkio.weight')) ? 'blkio.weight' : 'blkio.bfq.weight';
    expect(readFileSync(join(group, file), 'utf8').trim()).toBe('500');
    remove('weight');
  });

  test('an obsolete limit is no error, whether the kernel still takes it or not', () => {
    const outcome = bench.runOnce(
      'kernel',
      ['true'],
      withResources({ memory: { kernel: 16777216, kernelTCP: 8388608 } }),
    );
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
  });

  test('quota and burst are taken in whatever order the kernel wants', () => {
    bench.start('order', ['sleep', '60'], withResources({ cpu: { quota: 10000, burst: 10000 } }));
    expect(bench.run(['update', '--cpu-quota', '50000', '--cpu-burst', '50000', 'order']).stderr).toBe('');
    expect(bench.run(['update', '--cpu-quota', '5000', '--cpu-burst', '1000', 'order']).stderr).toBe('');
    expect(value('order', 'cpu', 'cpu.cfs_burst_us')).toBe('1000');
    remove('order');
  });

  test('memory grows and shrinks together with memory and swap', () => {
    bench.start('grow', ['sleep', '60'], withResources({ memory: { limit: 33554432, swap: 33554432 } }));
    expect(bench.run(['update', '--memory', '128M', '--memory-swap', '128M', 'grow']).stderr).toBe('');
    expect(bench.run(['update', '--memory', '64M', '--memory-swap', '64M', 'grow']).stderr).toBe('');
    expect(value('grow', 'memory', 'memory.memsw.limit_in_bytes')).toBe('67108864');
    expect(bench.run(['update', '--memory', '-1', 'grow']).stderr).toBe('');
    expect(Number(value('grow', 'memory', 'memory.memsw.limit_in_bytes'))).toBeGreaterThan(2 ** 60);
    remove('grow');
  });

  test('a controller that create left alone is joined when update asks for it', () => {
    bench.start('late', ['sleep', '60']);
    expect(bench.cgroups('late').some((path) => path.includes('/cpuset/'))).toBe(false);
    expect(bench.run(['update', '--cpuset-cpus', '0', 'late']).stderr).toBe('');
    expect(value('late', 'cpuset', 'cpuset.cpus')).toBe('0');
    expect(value('late', 'cpuset', 'cgroup.procs')).toBe(value('late', 'pids', 'cgroup.procs'));
    remove('late');
  });

  test('a group that update makes goes with the container, with its parents, also when the limit cannot be kept', () => {
    bench.start('unmet', ['sleep', '60'], (config) => {
      config.linux.cgroupsPath = '/tsrunc-test-unmet/inner';
    });
    expect(bench.run(['update', '--cpuset-cpus', '4000', 'unmet']).stderr).toContain('cpuset.cpus');
    expect(bench.run(['exec', 'unmet', 'cat', '/proc/self/cgroup']).stdout).toContain(
      ':cpuset:/tsrunc-test-unmet/inner\n',
    );
    expect(bench.run(['delete', '-f', 'unmet']).stderr).toBe('');
    expect(bench.cgroups('tsrunc-test-unmet')).toEqual([]);
  });

  test('a limit below what is in use is refused when that is asked for', () => {
    bench.start('check', ['sleep', '60'], withResources({ memory: { limit: 67108864 } }));
    bench.run(['exec', 'check', 'sh', '-c', 'head -c 8000000 /dev/zero > /dev/shm/x']);
    const file = join(bench.directory, 'check.json');
    writeFileSync(file, JSON.stringify({ memory: { limit: 1048576, checkBeforeUpdate: true } }));
    expect(bench.run(['update', '-r', file, 'check']).stderr).toContain('rejecting memory limit 1048576 < usage');
    expect(value('check', 'memory', 'memory.limit_in_bytes')).toBe('67108864');
    remove('check');
  });
});

describe('device rules', () => {
  test('allow what is listed and the default devices, and nothing else', () => {
    bench.start('rules', ['sleep', '60'], (config) => {
      config.root.readonly = false;
      config.linux.resources.devices = [
        { allow: false, access: 'rwm' },
        { allow: true, type: 'c', major: 10, minor: 200, access: 'rw' },
      ];
    });
    const list = value('rules', 'devices', 'devices.list').split('\n');
    expect(list).toContain('c 10:200 rw');
    expect(list).toContain('c 1:3 rwm');
    expect(list).toContain('c 136:* rwm');
    expect(list).not.toContain('a *:* rwm');
    remove('rules');
  });

  test('stay as they are when update brings others', () => {
    bench.start('kept', ['sleep', '60']);
    const before = value('kept', 'devices', 'devices.list');
    const file = join(bench.directory, 'devices.json');
    writeFileSync(file, JSON.stringify({ devices: [{ allow: true, access: 'rwm' }], pids: { limit: 7 } }));
    expect(bench.run(['update', '-r', file, 'kept']).stderr).toBe('');
    expect(value('kept', 'devices', 'devices.list')).toBe(before);
    expect(value('kept', 'pids', 'pids.max')).toBe('7');
    remove('kept');
  });
});

describe('what cannot be kept is refused by name and leaves nothing', () => {
  const missing = (controller: string) =>
    !existsSync(join(cgroupRoot, controller)) && !unifiedControllers.includes(controller);
  const cases: [string, Record<string, unknown>, string][] = [
    ['a page size that does not exist', { hugepageLimits: [{ pageSize: '3MB', limit: 1 }] }, 'hugepageLimits'],
    ['a page size that is a path', { hugepageLimits: [{ pageSize: '../x', limit: 1 }] }, 'is not a size'],
    ['a file that is a path', { unified: { '../x.y': '1' } }, 'must be a file name'],
    ['a file without a controller', { unified: { memory: '1' } }, 'CONTROLLER.PARAMETER'],
    ['v2 files of a v1 controller', { unified: { 'memory.min': '131072' } }, 'invalid configuration'],
    ['too few shares', { cpu: { shares: 1 } }, 'the minimum allowed cpu-shares is 2'],
    ['a leaf weight', { blockIO: { leafWeight: 10 } }, 'blockIO.leafWeight'],
    ['a weight beyond 16 bits', { blockIO: { weight: 70000 } }, 'blockIO.weight: larger than 16 bits'],
    ['an interface name with a blank', { network: { priorities: [{ name: 'a b', priority: 1 }] } }, 'not an interface'],
  ];
  if (missing('net_cls')) cases.push(['a network class', { network: { classID: 7 } }, 'network.classID']);
  if (missing('net_prio'))
    cases.push(['priorities', { network: { priorities: [{ name: 'lo', priority: 1 }] } }, 'network.priorities']);
  if (missing('rdma')) cases.push(['rdma', { rdma: { mlx5_1: { hcaHandles: 3 } } }, 'linux.resources.rdma']);

  test.each(cases)('%s', (name, resources, message) => {
    const id = `refused-${name.replaceAll(/\W+/g, '-')}`;
    const outcome = bench.runOnce(id, ['true'], withResources(resources));
    expect(outcome.stderr).toContain(message);
    expect(outcome.status).toBe(1);
    expect(bench.left()).toEqual([]);
    expect(bench.cgroups(id)).toEqual([]);
  });
});

describe('where the groups are', () => {
  test('an absolute path counts from the root, its new parents go with the container', () => {
    bench.start('absolute', ['sleep', '60'], (config) => {
      config.linux.cgroupsPath = '/tsrunc-test-parent/deeper/leaf';
    });
    expect(existsSync(join(cgroupRoot, 'pids/tsrunc-test-parent/deeper/leaf'))).toBe(true);
    expect(bench.run(['delete', '-f', 'absolute']).status).toBe(0);
    expect(bench.cgroups('tsrunc-test-parent')).toEqual([]);
  });

  test('a path that cannot be made leaves nothing of its parents', () => {
    const outcome = bench.runOnce('too-long', ['true'], (config) => {
      config.linux.cgroupsPath = `/tsrunc-test-unmade/${'x'.repeat(5000)}`;
    });
    expect(outcome.stderr).toContain('ENAMETOOLONG');
    expect(bench.cgroups('tsrunc-test-unmade')).toEqual([]);
    expect(bench.left()).toEqual([]);
  });

  test('parents with names longer than a file’s go with the container, too', () => {
    const long = (letter: string) => `tsrunc-test-${letter.repeat(300)}`;
    const outcome = bench.runOnce('long', ['true'], (config) => {
      config.linux.cgroupsPath = `/${long('a')}/${long('b')}/leaf`;
    });
    expect(outcome.stderr).toBe('');
    expect(bench.cgroups(long('a'))).toEqual([]);
  });

  test('a path may not leave its hierarchy', () => {
    for (const path of ['/../../x', 'a/../../b', '/']) {
      const outcome = bench.runOnce('outside', ['true'], (config) => {
        config.linux.cgroupsPath = path;
      });
      expect(outcome.stderr).toContain('linux.cgroupsPath');
    }
  });

  test.skipIf(!isHybrid /* needs v1 hierarchies and cgroup2 beside them */)(
    'on a hybrid machine the v2 group is the same for init and exec, and carries what is on v2',
    () => {
      const hasPages = unifiedControllers.includes('hugetlb');
      bench.start('hybrid', ['sleep', '60'], (config) => {
        config.linux.cgroupsPath = '/tsrunc-test-hybrid';
        if (hasPages) config.linux.resources.hugepageLimits = [{ pageSize: '2MB', limit: 4194304 }];
        config.linux.resources.unified = { 'cgroup.max.depth': '3' };
      });
      const group = join(unified, 'tsrunc-test-hybrid');
      expect(readFileSync(join(group, 'cgroup.max.depth'), 'utf8').trim()).toBe('3');
      if (hasPages) expect(readFileSync(join(group, 'hugetlb.2MB.max'), 'utf8').trim()).toBe('4194304');
      const { pid } = JSON.parse(bench.run(['state', 'hybrid']).stdout) as { pid: number };
      expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toContain('0::/tsrunc-test-hybrid');
      expect(bench.run(['exec', 'hybrid', 'cat', '/proc/self/cgroup']).stdout).toContain('0::/tsrunc-test-hybrid\n');
      expect(bench.run(['delete', '-f', 'hybrid']).stderr).toBe('');
      expect(bench.cgroups('tsrunc-test-hybrid')).toEqual([]);
    },
  );

  test('a group that others are in is shared: a warning, and they outlive the container', async () => {
    const inShared = (config: BundleConfig): void => {
      config.linux.cgroupsPath = '/tsrunc-test-shared';
    };
    bench.start('first', ['sleep', '60'], inShared);
    const log = join(bench.directory, 'shared.log');
    const bundle = bench.bundle(['true'], inShared);
    expect(bench.run(['--log', log, 'run', '-b', bundle, 'second']).status).toBe(0);
    expect(readFileSync(log, 'utf8')).toContain("container's cgroup is not empty: 1 process(es) found");
    expect(bench.status('first')).toBe('running');
    expect(bench.run(['delete', '-f', 'first']).stderr).toBe('');
    await until(() => bench.cgroups('tsrunc-test-shared').length === 0);
  });

  test('a group that is frozen already is refused and stays', () => {
    const group = join(cgroupRoot, 'freezer/tsrunc-test-frozen');
    mkdirSync(group);
    writeFileSync(join(group, 'freezer.state'), 'FROZEN');
    try {
      const outcome = bench.runOnce('frozen', ['true'], (config) => {
        config.linux.cgroupsPath = '/tsrunc-test-frozen';
      });
      expect(outcome.stderr).toContain("container's cgroup unexpectedly frozen");
      expect(readdirSync(group)).toContain('freezer.state');
      expect(bench.cgroups('tsrunc-test-frozen')).toEqual([group]);
    } finally {
      rmdirSync(group);
    }
  });

  // where it is, the driver works: test/second-world
  test.skipIf(existsSync('/run/systemd/system'))('the systemd driver says that systemd is not init', () => {
    const bundle = bench.bundle(['true'], (config) => {
      config.linux.cgroupsPath = 'system.slice:tsrunc:nobody';
    });
    const outcome = bench.run(['--systemd-cgroup', 'run', '-b', bundle, 'nobody']);
    expect(outcome.stderr).toContain('systemd is not the init of this machine');
    expect(bench.left()).toEqual([]);
  });
});
