// The OCI command line as a user of runc would drive it: life cycle, isolation, limits, errors, nothing left behind.
import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BundleConfig, printedOnTerminal, tsrunc, until, Workbench } from './bundle.ts';

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => {
  bench.dispose();
});

const shell = (script: string): string[] => ['sh', '-c', script];

const withUserNamespace = (config: BundleConfig): void => {
  const mapping = [{ containerID: 0, hostID: 100000, size: 65536 }];
  config.linux.namespaces.push({ type: 'user' });
  config.linux.uidMappings = mapping;
  config.linux.gidMappings = mapping;
};

describe('life cycle', () => {
  test('a container is created, runs, stops and goes, and each status is told', async () => {
    expect(bench.create('life', ['sleep', '60']).status).toBe(0);
    expect(bench.status('life')).toBe('created');
    expect(bench.run(['start', 'life']).status).toBe(0);
    expect(bench.status('life')).toBe('running');
    expect(bench.run(['start', 'life']).stderr).toContain('started already');
    expect(bench.run(['delete', 'life']).stderr).toContain('that is not stopped: running');
    expect(bench.run(['kill', 'life', 'KILL']).status).toBe(0);
    await until(() => bench.status('life') === 'stopped');
    expect(bench.run(['kill', 'life', 'KILL']).stderr).toContain('container not running');
    expect(bench.run(['delete', 'life']).status).toBe(0);
    expect(bench.status('life')).toBe('absent');
    expect(bench.cgroups('life')).toEqual([]);
  });

  test('a taken id is refused and the container that has it lives on', () => {
    bench.start('taken', ['sleep', '60']);
    expect(bench.create('taken', ['true']).stderr).toContain('exists');
    expect(bench.status('taken')).toBe('running');
    expect(bench.run(['delete', '-f', 'taken']).status).toBe(0);
  });

  test('run gives the exit status, 128 and the signal for a killed one', () => {
    expect(bench.runOnce('seven', shell('exit 7')).status).toBe(7);
    expect(bench.runOnce('killed', shell('kill -9 $$')).status).toBe(0); // pid 1 is deaf to its own SIGKILL
    expect(bench.runOnce('child', shell('sh -c "kill -9 \\$\\$"; exit $?')).status).toBe(137);
  });

  test('pause stops and resume continues', () => {
    bench.start('paused', ['sleep', '60']);
    expect(bench.run(['pause', 'paused']).status).toBe(0);
    expect(bench.status('paused')).toBe('paused');
    expect(bench.run(['exec', 'paused', 'true']).stderr).toContain('cannot exec in a paused container');
    expect(bench.run(['resume', 'paused']).status).toBe(0);
    expect(bench.status('paused')).toBe('running');
    expect(bench.run(['delete', '-f', 'paused']).status).toBe(0);
  });
});

describe('isolation', () => {
  test('the process is pid 1, sees its hostname, its own /dev and no fd of the host', () => {
    const { stdout } = bench.runOnce('own', shell('echo $$; hostname; ls /dev; ls /proc/self/fd'));
    const lines = stdout.split('\n');
    expect(lines[0]).toBe('1');
    expect(lines[1]).toBe('tsrunc');
    expect(stdout).toContain('full\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero');
    expect(lines.slice(-5, -1)).toEqual(['0', '1', '2', '3']); // 3 is ls reading the directory
  });

  test('the root is read-only, masked paths are empty and read-only paths cannot be written', () => {
    const script = 'touch /x; cat /proc/keys | wc -c; ls /sys/firmware | wc -l; echo 1 > /proc/sys/vm/swappiness';
    const { stdout, stderr } = bench.runOnce('closed', shell(script));
    expect(stderr.match(/Read-only file system/g)).toHaveLength(2);
    expect(stdout).toBe('0\n0\n');
  });

  test('loopback is up in a new network namespace', () => {
    expect(bench.runOnce('lo', ['cat', '/sys/class/net/lo/flags']).stdout).toBe('0x9\n');
  });

  test('a user namespace maps root to an unprivileged user, and the host keeps its /dev/null', () => {
    const before = spawnSync('stat', ['-c', '%u:%g:%a', '/dev/null'], { encoding: 'utf8' }).stdout;
    const { stdout } = bench.runOnce(
      'mapped',
      shell('id; head -1 /proc/self/uid_map; echo x > /dev/null'),
      withUserNamespace,
    );
    expect(stdout).toContain('uid=0 gid=0');
    expect(stdout).toMatch(/0\s+100000\s+65536/);
    expect(spawnSync('stat', ['-c', '%u:%g:%a', '/dev/null'], { encoding: 'utf8' }).stdout).toBe(before);
  });

  test('user, groups, umask, working directory and limits are those of the configuration', () => {
    const { stdout } = bench.runOnce(
      'user',
      shell('id; umask; pwd; ulimit -n; grep -h CapEff /proc/self/status'),
      (config) => {
        config.process.user = { uid: 1000, gid: 1001, additionalGids: [5, 6], umask: 0o77 };
        config.process.cwd = '/work/here';
        config.root.readonly = false;
      },
    );
    expect(stdout).toBe('uid=1000 gid=1001 groups=5,6\n0077\n/work/here\n1024\nCapEff:\t0000000000000000\n');
  });

  test('capabilities are exactly those asked for, and no-new-privileges holds', () => {
    const { stdout } = bench.runOnce('caps', ['grep', '-E', 'Cap|NoNew', '/proc/self/status']);
    expect(stdout).toMatch(/CapInh:\t0+\nCapPrm:\t0+20000420\nCapEff:\t0+20000420\nCapBnd:\t0+20000420\nCapAmb:\t0+\n/);
    expect(stdout).toContain('NoNewPrivs:\t1');
  });

  test('a seccomp profile refuses what it names', () => {
    const { stderr, status } = bench.runOnce('filter', ['mkdir', '/tmp/x'], (config) => {
      config.root.readonly = false;
      config.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 }],
      };
    });
    expect(stderr).toContain('No space left on device');
    expect(status).toBe(1);
  });

  test('sysctls of own namespaces are set; those of the machine are refused', () => {
    const set = (key: string, value: string) => (config: BundleConfig) => {
      config.linux.sysctl = { [key]: value };
    };
    expect(bench.runOnce('sysctl', ['cat', '/proc/sys/kernel/msgmax'], set('kernel.msgmax', '4000')).stdout).toBe(
      '4000\n',
    );
    expect(bench.runOnce('sysctl', ['true'], set('vm.swappiness', '1')).stderr).toContain("the whole machine's");
  });

  test('a time namespace has its offsets', () => {
    const { stdout } = bench.runOnce('time', ['cat', '/proc/uptime'], (config) => {
      config.linux.namespaces.push({ type: 'time' });
      config.linux.timeOffsets = { boottime: { secs: 1000000 } };
    });
    expect(Number.parseFloat(stdout)).toBeGreaterThan(1000000);
  });
});

describe('resources', () => {
  test('limits are in force, can be changed, and memory is really limited', () => {
    bench.start('limits', ['sleep', '60'], (config) => {
      config.linux.resources.memory = { limit: 33554432 };
      config.linux.resources.pids = { limit: 12 };
    });
    const read = (file: string) => bench.run(['exec', 'limits', 'cat', `/sys/fs/cgroup/${file}`]).stdout.trim();
    expect(read('memory/memory.limit_in_bytes')).toBe('33554432');
    expect(read('pids/pids.max')).toBe('12');
    expect(bench.run(['update', '--memory', '41943040', 'limits']).status).toBe(0);
    expect(read('memory/memory.limit_in_bytes')).toBe('41943040');
    const hungry = bench.run(['exec', 'limits', 'dd', 'if=/dev/zero', 'of=/dev/null', 'bs=100M', 'count=1']);
    expect(hungry.status).toBe(137);
    const { stdout } = bench.run(['events', '--stats', 'limits']);
    expect(JSON.parse(stdout)).toMatchObject({
      type: 'stats',
      data: { memory: { usage: { limit: 41943040 } }, pids: { limit: 12 } },
    });
    expect(bench.run(['delete', '-f', 'limits']).status).toBe(0);
    expect(bench.cgroups('limits')).toEqual([]);
  });
});

describe('exec', () => {
  test('a further process has the namespaces, the cgroup and the limits of the container', () => {
    bench.start('exec', ['sleep', '60'], withUserNamespace);
    const { stdout, status } = bench.run([
      'exec',
      '--cwd',
      '/bin',
      '-e',
      'A=b',
      'exec',
      'sh',
      '-c',
      'id; pwd; echo $A; ps; exit 3',
    ]);
    expect(status).toBe(3);
    expect(stdout).toMatch(/^uid=0 gid=0\n\/bin\nb\n/);
    expect(stdout).toContain('1 0        sleep 60');
    const outside = bench.run(['ps', '-f', 'json', 'exec']);
    expect(JSON.parse(outside.stdout)).toHaveLength(1);
    const [pid] = JSON.parse(outside.stdout) as number[];
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/Uid:\s+100000/);
    expect(bench.run(['delete', '-f', 'exec']).status).toBe(0);
  });
});

describe('terminal', () => {
  test('the process has a controlling terminal of its own devpts, and the console is bound', () => {
    const bundle = bench.bundle(
      shell('tty; stty size; stat -c %t:%T /dev/console; : < /dev/tty && echo controlled'),
      (config) => {
        config.process.terminal = true;
        config.process.consoleSize = { height: 33, width: 99 };
      },
    );
    const command = `${tsrunc} --root ${bench.stateRoot} run -b ${bundle} tty`;
    const { stdout } = spawnSync('script', ['-qec', `stty rows 33 cols 99; ${command}`, '/dev/null'], {
      encoding: 'utf8',
      input: '',
      timeout: 20_000,
    });
    expect(printedOnTerminal(stdout)).toBe('/dev/pts/0\n33 99\n88:0\ncontrolled\n');
  });

  test('create without anybody to hold the terminal is refused', () => {
    const { status, stderr } = bench.create('notty', ['true'], (config) => {
      config.process.terminal = true;
    });
    expect(status).toBe(1);
    expect(stderr).toContain('--console-socket');
  });
});

describe('errors leave nothing behind', () => {
  const cases: [string, number, string, string[], ((config: BundleConfig) => void)?][] = [
    ['a missing command', 127, 'executable file not found in $PATH', ['no-such-command']],
    ['a missing path', 127, 'no such file or directory', ['/no/such/command']],
    ['a directory as command', 126, 'permission denied', ['/bin']],
    ['a file that is not executable', 126, 'permission denied', ['/plain']],
    ['a file that is no program', 126, 'exec format error', ['/garbage']],
    [
      'an unknown file system',
      1,
      'mount nofs on /mnt/x: ENODEV',
      ['true'],
      (c) => c.mounts.push({ destination: '/mnt/x', type: 'nofs' }),
    ],
    [
      'a bind without source',
      1,
      'bind /no/such/source on /mnt/y: ENOENT',
      ['true'],
      (c) => c.mounts.push({ destination: '/mnt/y', type: 'bind', source: '/no/such/source', options: ['bind'] }),
    ],
    [
      'a mount in /proc',
      1,
      'lies in /proc',
      ['true'],
      (c) => c.mounts.push({ destination: '/proc/sys', type: 'tmpfs' }),
    ],
    ['a namespace twice', 1, 'pid is given twice', ['true'], (c) => c.linux.namespaces.push({ type: 'pid' })],
    [
      'an unsupported field',
      1,
      'intelRdt is specified in config, but Intel RDT is not enabled: resctrl is not mounted on this machine',
      ['true'],
      (c) => {
        c.linux.intelRdt = { closID: 'guaranteed' };
      },
    ],
    [
      'an impossible limit',
      1,
      'memory.limit_in_bytes',
      ['true'],
      (c) => {
        c.linux.resources.memory = { limit: 33554432, swap: 33554432, swappiness: 500 };
      },
    ],
    [
      'a working directory through a leaked fd',
      1,
      'change directory',
      ['true'],
      (c) => {
        c.process.cwd = '/proc/self/fd/9';
      },
    ],
  ];

  beforeAll(() => {
    writeFileSync(join(bench.rootfs, 'plain'), 'text');
    writeFileSync(join(bench.rootfs, 'garbage'), 'text');
    chmodSync(join(bench.rootfs, 'garbage'), 0o755);
  });

  test.each(cases)('%s', (name, status, message, args, change) => {
    const id = `bad-${name.replaceAll(/\W+/g, '-')}`;
    const outcome = bench.runOnce(id, args, (config) => {
      config.root.readonly = false;
      change?.(config);
    });
    expect(outcome.status === status ? '' : outcome.stderr).toBe('');
    expect(outcome.stderr).toContain(message === 'memory.limit_in_bytes' ? 'memory.swappiness' : message);
    expect(bench.left()).toEqual([]);
    expect(bench.cgroups(id)).toEqual([]);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(bench.directory);
  });
});
