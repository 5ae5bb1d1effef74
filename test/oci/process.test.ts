// The process object of config.json beyond user and command: scheduling, affinity, limits, HOME, and what is only
// warned of.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BundleConfig, tsrunc, Workbench } from './bundle.ts';

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
  for (const applet of ['chrt', 'ionice', 'taskset']) {
    spawnSync('ln', ['-sf', 'busybox', join(bench.rootfs, 'bin', applet)]);
  }
});
afterAll(() => {
  bench.dispose();
});

const shell = (script: string): string[] => ['sh', '-c', script];

const withProcess =
  (fields: Record<string, unknown>, change: (config: BundleConfig) => void = () => {}) =>
  (config: BundleConfig): void => {
    Object.assign(config.process, fields);
    change(config);
  };

const withUserNamespace = (config: BundleConfig): void => {
  const mapping = [{ containerID: 0, hostID: 100000, size: 65536 }];
  config.linux.namespaces.push({ type: 'user' });
  config.linux.uidMappings = mapping;
  config.linux.gidMappings = mapping;
};

/** Fields of /proc/PID/stat from the third on: [18 - 3] priority, [19 - 3] nice, [41 - 3] policy. */
const statFields = (text: string) => text.slice(text.lastIndexOf(')') + 2).split(' ');

describe('scheduling', () => {
  test('policy and nice value are those asked for, in init and in exec', () => {
    bench.start('batch', ['sleep', '60'], withProcess({ scheduler: { policy: 'SCHED_BATCH', nice: 7 } }));
    const { pid } = JSON.parse(bench.run(['state', 'batch']).stdout) as { pid: number };
    for (const text of [
      readFileSync(`/proc/${pid}/stat`, 'utf8'),
      bench.run(['exec', 'batch', 'cat', '/proc/self/stat']).stdout,
    ]) {
      expect(statFields(text)[19 - 3]).toBe('7');
      expect(statFields(text)[41 - 3]).toBe('3'); // SCHED_BATCH
    }
    bench.run(['delete', '-f', 'batch']);
  });

  test('SCHED_IDLE, and a negative nice value also in a user namespace', () => {
    const idle = bench.runOnce(
      'idle',
      ['cat', '/proc/self/stat'],
      withProcess({ scheduler: { policy: 'SCHED_IDLE' } }),
    );
    expect(statFields(idle.stdout)[41 - 3]).toBe('5');
    const favoured = bench.runOnce(
      'favoured',
      ['cat', '/proc/self/stat'],
      withProcess({ scheduler: { policy: 'SCHED_OTHER', nice: -5 } }, withUserNamespace),
    );
    expect(favoured.stderr).toBe('');
    expect(statFields(favoured.stdout)[19 - 3]).toBe('-5');
  });

  test('the flag to reset on fork lets children start over', () => {
    const { stdout } = bench.runOnce(
      'reset',
      shell('cat /proc/self/stat'),
      withProcess({ scheduler: { policy: 'SCHED_OTHER', nice: -3, flags: ['SCHED_FLAG_RESET_ON_FORK'] } }),
    );
    expect(statFields(stdout)[19 - 3]).toBe('-3'); // sh executes its only command itself
    const forked = bench.runOnce(
      'reset',
      shell('cat /proc/self/stat; true'),
      withProcess({ scheduler: { policy: 'SCHED_OTHER', nice: -3, flags: ['SCHED_FLAG_RESET_ON_FORK'] } }),
    );
    expect(statFields(forked.stdout)[19 - 3]).toBe('0');
  });

  test('I/O priority', () => {
    const priority = { class: 'IOPRIO_CLASS_IDLE', priority: 0 };
    expect(bench.runOnce('io', ['ionice'], withProcess({ ioPriority: priority })).stdout).toMatch(/^idle/);
    const best = { class: 'IOPRIO_CLASS_BE', priority: 6 };
    expect(bench.runOnce('io', ['ionice'], withProcess({ ioPriority: best })).stdout).toBe('best-effort: prio 6\n');
  });

  test.each([
    [{ scheduler: { policy: 'SCHED_FASTER' } }, 'process.scheduler.policy: unknown word SCHED_FASTER'],
    [{ scheduler: { policy: 'SCHED_OTHER', priority: 5 } }, 'process.scheduler.priority: only SCHED_FIFO'],
    [{ scheduler: { policy: 'SCHED_FIFO', priority: 100 } }, 'process.scheduler.priority: not within 1..99'],
    [{ scheduler: { policy: 'SCHED_OTHER', nice: 20 } }, 'process.scheduler.nice: not within'],
    [{ scheduler: { policy: 'SCHED_RR', priority: 1, runtime: 5 } }, 'process.scheduler.runtime: '],
    [{ scheduler: { policy: 'SCHED_OTHER', flags: ['SCHED_FLAG_X'] } }, 'process.scheduler.flags: unknown word'],
    [{ ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 8 } }, 'process.ioPriority.priority: not within 0..7'],
    [{ ioPriority: { class: 'IOPRIO_CLASS_X', priority: 0 } }, 'process.ioPriority.class: unknown word'],
    [{ execCPUAffinity: { initial: '0-' } }, 'process.execCPUAffinity.initial: not a list of numbers: 0-'],
    [{ execCPUAffinity: { final: '3-1' } }, 'process.execCPUAffinity.final: not a list of numbers: 3-1'],
  ])('%j is refused', (fields, message) => {
    const outcome = bench.runOnce('refused', ['true'], withProcess(fields));
    expect(outcome.status).toBe(1);
    expect(outcome.stderr).toContain(message);
    expect(bench.left()).toEqual([]);
  });

  const allowed = 'Cpus_allowed_list:';
  test.runIf(cpus().length > 1)('exec runs on the processors of execCPUAffinity, init on all', () => {
    const affinity = withProcess({ execCPUAffinity: { initial: '0', final: '1' } });
    bench.start('affinity', ['sleep', '60'], affinity);
    const { pid } = JSON.parse(bench.run(['state', 'affinity']).stdout) as { pid: number };
    const all = readFileSync('/proc/self/status', 'utf8').match(/Cpus_allowed_list:\t(.*)/)?.[1];
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toContain(`${allowed}\t${all}`);
    expect(bench.run(['exec', 'affinity', 'grep', allowed, '/proc/self/status']).stdout).toBe(`${allowed}\t1\n`);
    const file = join(bench.directory, 'process.json');
    const process = { args: ['grep', allowed, '/proc/self/status'], cwd: '/', env: ['PATH=/bin'], user: {} };
    writeFileSync(file, JSON.stringify({ ...process, execCPUAffinity: { initial: '0' } }));
    expect(bench.run(['exec', '-p', file, 'affinity']).stdout).toBe(`${allowed}\t0\n`);
    writeFileSync(file, JSON.stringify({ ...process, execCPUAffinity: { final: '4000' } }));
    expect(bench.run(['exec', '-p', file, 'affinity']).stderr).toContain(
      'set CPU affinity execCPUAffinity.final: EINVAL',
    );
    bench.run(['delete', '-f', 'affinity']);
  });

  test('a memory policy holds for init and exec', () => {
    const policy = { mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_STATIC_NODES'] };
    bench.start('policy', ['sleep', '60'], (config) => {
      config.linux.memoryPolicy = policy;
    });
    const { pid } = JSON.parse(bench.run(['state', 'policy']).stdout) as { pid: number };
    expect(readFileSync(`/proc/${pid}/numa_maps`, 'utf8')).toMatch(/ bind=static:0 /);
    expect(bench.run(['exec', 'policy', 'cat', '/proc/self/numa_maps']).stdout).toMatch(/ bind=static:0 /);
    bench.run(['delete', '-f', 'policy']);
    const refused = bench.runOnce('policy', ['true'], (config) => {
      config.linux.memoryPolicy = { mode: 'MPOL_BIND', nodes: '900' };
    });
    expect(refused.stderr).toContain('set memory policy: EINVAL');
    const unknown = bench.runOnce('policy', ['true'], (config) => {
      config.linux.memoryPolicy = { mode: 'MPOL_NEAR' };
    });
    expect(unknown.stderr).toContain('linux.memoryPolicy.mode: unknown word MPOL_NEAR');
    expect(bench.left()).toEqual([]);
  });
});

describe('limits', () => {
  test('soft and hard limits hold in init and exec, and in a user namespace', () => {
    const limits = [
      { type: 'RLIMIT_NOFILE', soft: 100, hard: 200 },
      { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
    ];
    for (const change of [() => {}, withUserNamespace]) {
      bench.start('limits', ['sleep', '60'], withProcess({ rlimits: limits }, change));
      const { pid } = JSON.parse(bench.run(['state', 'limits']).stdout) as { pid: number };
      for (const text of [
        readFileSync(`/proc/${pid}/limits`, 'utf8'),
        bench.run(['exec', 'limits', 'cat', '/proc/self/limits']).stdout,
      ]) {
        expect(text).toMatch(/Max open files\s+100\s+200/);
        expect(text).toMatch(/Max core file size\s+0\s+0/);
      }
      bench.run(['delete', '-f', 'limits']);
    }
  });

  test('hold for a further process that names none itself, and give way to its own', () => {
    bench.start('limits', ['sleep', '60'], withProcess({ rlimits: [{ type: 'RLIMIT_NOFILE', soft: 100, hard: 200 }] }));
    const file = join(bench.directory, 'process.json');
    const process = { args: ['cat', '/proc/self/limits'], cwd: '/', env: ['PATH=/bin'], user: {} };
    writeFileSync(file, JSON.stringify(process));
    expect(bench.run(['exec', '-p', file, 'limits']).stdout).toMatch(/Max open files\s+100\s+200/);
    writeFileSync(file, JSON.stringify({ ...process, rlimits: [{ type: 'RLIMIT_NOFILE', soft: 50, hard: 60 }] }));
    expect(bench.run(['exec', '-p', file, 'limits']).stdout).toMatch(/Max open files\s+50\s+60/);
    bench.run(['delete', '-f', 'limits']);
    expect(bench.left()).toEqual([]);
  });

  test('one that is given twice, unknown, or softer than hard is refused', () => {
    const limited = (...rlimits: unknown[]) => bench.runOnce('limited', ['true'], withProcess({ rlimits }));
    const files = { type: 'RLIMIT_NOFILE', soft: 100, hard: 200 };
    expect(limited(files, files).stderr).toContain('process.rlimits[1].type: RLIMIT_NOFILE is given twice');
    expect(limited({ ...files, type: 'RLIMIT_X' }).stderr).toContain('process.rlimits: unknown limit RLIMIT_X');
    expect(limited({ ...files, soft: 300 }).stderr).toContain('set limits: EINVAL');
    expect(bench.left()).toEqual([]);
  });
});

describe('warnings, not errors', () => {
  test('capabilities that are unknown or cannot be granted, told in the log', () => {
    const log = join(bench.directory, 'warnings.json');
    const bundle = bench.bundle(['grep', 'CapEff', '/proc/self/status'], (config) => {
      const names = ['CAP_KILL', 'CAP_LUNCH'];
      config.process.capabilities = { bounding: names, effective: names, permitted: names };
    });
    const outcome = bench.run(['--log', log, '--log-format', 'json', 'run', '-b', bundle, 'logged']);
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
    expect(outcome.stdout).toMatch(/CapEff:\t0+20\n/);
    const msg = 'unknown capabilities, which cannot be granted: CAP_LUNCH';
    expect(JSON.parse(readFileSync(log, 'utf8'))).toMatchObject({ level: 'warning', msg });
  });
});

describe('HOME', () => {
  const home = (uid: number, env: string[] = []) => {
    const change = withProcess({ user: { uid, gid: 0 }, env: ['PATH=/bin', ...env] });
    const { stdout, stderr } = bench.runOnce('home', shell('echo $HOME'), change);
    return stdout + stderr;
  };

  test('comes from the container’s /etc/passwd unless the environment has one', () => {
    expect(home(0)).toBe('/\n');
    mkdirSync(join(bench.rootfs, 'etc'));
    const passwd = join(bench.rootfs, 'etc/passwd');
    writeFileSync(passwd, `root:x:0:0:root:/root:/bin/sh\n${'#'.repeat(9000)}\nbroken\nu:x:1000:1000::/home/u:/bin/sh`);
    expect(home(0)).toBe('/root\n');
    expect(home(1000)).toBe('/home/u\n');
    expect(home(1001)).toBe('/\n');
    expect(home(1000, ['HOME=/given'])).toBe('/given\n');
    expect(home(1000, ['HOME='])).toBe('/home/u\n');
    rmSync(passwd);
    spawnSync('mkfifo', [passwd]);
    expect(home(1000)).toBe('/\n');
    rmSync(passwd);
  });
});

describe('stdio', () => {
  test('a pipe of the caller can be opened again by the container’s user', () => {
    const bundle = bench.bundle(
      shell('echo out > /dev/stdout; echo err > /dev/stderr'),
      withProcess({ user: { uid: 1000, gid: 1000 } }),
    );
    const command = [tsrunc, '--root', bench.stateRoot, 'run', '-b', bundle, 'pipes'];
    const { stdout } = spawnSync('sh', ['-c', '"$@" 2>&1 | cat', 'sh', ...command], { encoding: 'utf8' });
    expect(stdout).toBe('out\nerr\n');
  });
});

describe('labels of a security module that is not there', () => {
  test.each([
    ['apparmorProfile', 'process.apparmorProfile: AppArmor is not enabled'],
    ['selinuxLabel', 'process.selinuxLabel: SELinux is not enabled'],
  ])('%s is an error that names it', (field, message) => {
    const enabled = field === 'apparmorProfile' ? '/sys/module/apparmor/parameters/enabled' : '/sys/fs/selinux/enforce';
    const isThere = spawnSync('test', ['-e', enabled]).status === 0;
    const outcome = bench.runOnce('label', ['true'], withProcess({ [field]: 'no_such_label' }));
    expect(outcome.status).not.toBe(0);
    if (!isThere) expect(outcome.stderr).toContain(message);
    expect(bench.left()).toEqual([]);
  });
});
