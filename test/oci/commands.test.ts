// The commands that make no container, beside the real runc's: forms of their output, exit codes, messages.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tsrunc, until, Workbench } from './bundle.ts';

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => {
  bench.dispose();
});

/** The same words to the real runc, in a root of its own. */
function runc(args: string[], cwd?: string): { status: number | null; stdout: string; stderr: string } {
  return spawnSync('runc', ['--root', join(bench.directory, 'runc'), ...args], { encoding: 'utf8', cwd });
}

/** Names of all fields, also of inner ones: what a reader of runc's output relies on. */
function shape(value: unknown, path = ''): string[] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([key, inner]) => shape(inner, `${path}.${key}`));
}

describe('list, ps and state', () => {
  test('list as a table has columns as wide as they need to be, and the owner by name', () => {
    bench.start('listed-with-a-rather-long-name', ['sleep', '60']);
    const lines = bench.run(['list']).stdout.split('\n');
    expect(lines[0]).toMatch(/^ID {29,}PID {9}STATUS {6}BUNDLE {3,}CREATED {3,}OWNER$/);
    expect(lines[1]).toMatch(/^listed-with-a-rather-long-name {3}\d+ +running {5}\S+ {3}\S+Z {3}root$/);
    const [item] = JSON.parse(bench.run(['list', '-f', 'json']).stdout);
    expect(Object.keys(item)).toEqual('ociVersion id pid status bundle rootfs created owner'.split(' '));
    expect(bench.run(['list', '-q']).stdout).toBe('listed-with-a-rather-long-name\n');
    expect(bench.run(['list', '-f', 'xml'])).toMatchObject({ status: 1 });
    bench.run(['delete', '-f', 'listed-with-a-rather-long-name']);
    expect(bench.run(['list', '-f', 'json']).stdout).toBe('[]\n');
  });

  test('ps shows the container’s processes only, with whatever options ps has', () => {
    bench.start('ps', ['sh', '-c', 'sleep 60; true']);
    const table = bench.run(['ps', 'ps']).stdout.trim().split('\n');
    expect(table[0]).toMatch(/^UID +PID +PPID/);
    expect(table.slice(1).every((line) => /sleep 60/.test(line))).toBe(true);
    const columns = bench.run(['ps', 'ps', '-e', '-o', 'pid,comm']).stdout.trim().split('\n');
    expect(columns).toHaveLength(table.length);
    expect(columns[0]).toBe('PID COMMAND');
    const pids = JSON.parse(bench.run(['ps', '--format=json', 'ps']).stdout) as number[];
    expect(pids).toHaveLength(table.length - 1);
    expect(bench.run(['ps', 'ps', '-o', 'comm']).stderr).toContain("couldn't find PID field in ps output");
    expect(bench.run(['ps', 'ps', '--no-such-option']).status).toBe(1);
    bench.run(['delete', '-f', 'ps']);
  });

  test('state has runc’s fields', () => {
    bench.start('state', ['sleep', '60'], (config) => {
      config.annotations = { a: 'b' };
    });
    const state = JSON.parse(bench.run(['state', 'state']).stdout);
    expect(Object.keys(state)).toEqual('ociVersion id pid status bundle rootfs created annotations owner'.split(' '));
    bench.run(['delete', '-f', 'state']);
  });
});

describe('kill, pause, resume and delete', () => {
  test('signals go by number and by name in any form', async () => {
    for (const signal of ['9', 'KILL', 'SIGKILL', 'kill', 'sigkill']) {
      bench.start('signal', ['sleep', '60']);
      expect(bench.run(['kill', 'signal', signal]).stderr).toBe('');
      await until(() => bench.status('signal') === 'stopped');
      expect(bench.run(['delete', 'signal']).stderr).toBe('');
    }
    bench.start('signal', ['sleep', '60']);
    for (const wrong of ['SIGLUNCH', 'RTMIN+99', '-1']) expect(bench.run(['kill', 'signal', wrong]).status).not.toBe(0);
    expect(bench.run(['kill', 'signal', 'RTMIN+3']).stderr).toBe('');
    bench.run(['delete', '-f', 'signal']);
  });

  test('what shims look for in a failure is there', async () => {
    const { stderr } = bench.run(['kill', 'nobody', 'KILL']);
    expect(stderr).toContain('container does not exist');
    expect(bench.run(['delete', 'nobody'])).toMatchObject({ status: 1 });
    expect(bench.run(['delete', '--force', 'nobody'])).toMatchObject({ status: 0, stderr: '' });
    bench.start('gone', ['true']);
    await until(() => bench.status('gone') === 'stopped');
    expect(bench.run(['kill', 'gone']).stderr).toMatch(/container not running/);
    expect(bench.run(['pause', 'gone']).stderr).toContain('container not running');
    expect(bench.run(['resume', 'gone']).stderr).toContain('container not paused');
    expect(bench.run(['events', '--stats', 'gone']).stderr).toContain('is not running');
    bench.run(['delete', 'gone']);
  });

  test('kill --all reaches every process of a container without a pid namespace', async () => {
    bench.start('tree', ['sh', '-c', 'sleep 61 & sleep 62 & sleep 63'], (config) => {
      config.linux.namespaces = config.linux.namespaces.filter((item) => item.type !== 'pid');
      config.mounts = config.mounts.filter((mount) => mount.destination !== '/proc');
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
    });
    await until(() => JSON.parse(bench.run(['ps', '-f', 'json', 'tree']).stdout).length >= 3);
    expect(bench.run(['kill', '--all', 'tree', 'KILL']).stderr).toBe('');
    await until(() => JSON.parse(bench.run(['ps', '-f', 'json', 'tree']).stdout).length === 0);
    expect(bench.run(['delete', 'tree']).stderr).toBe('');
  });
});

describe('events', () => {
  test('--stats has every field that runc’s has', () => {
    bench.start('stats', ['sleep', '60'], (config) => {
      config.linux.resources.memory = { limit: 67108864 };
    });
    // a figure of zero is left out, by runc too: whose page cache a file is in is decided by who reads it first
    bench.run(['exec', 'stats', 'sh', '-c', 'head -c 1000000 /dev/zero > /dev/shm/x']);
    const ours = JSON.parse(bench.run(['events', '--stats', 'stats']).stdout);
    expect(ours).toMatchObject({ type: 'stats', id: 'stats', data: { memory: { usage: { limit: 67108864 } } } });
    const bundle = bench.bundle(['sleep', '60'], (config) => {
      config.linux.resources.memory = { limit: 67108864 };
      config.ociVersion = '1.0.2';
    });
    const log = join(bench.directory, 'runc.out');
    spawnSync('sh', ['-c', `runc --root ${bench.directory}/runc run -d -b ${bundle} real </dev/null >${log} 2>&1`]);
    try {
      const theirs = JSON.parse(runc(['events', '--stats', 'real']).stdout);
      const isFigure = (path: string) => !/\.raw\.|hugetlb|blkio|percpu|cpuset\.(cpus|mems)|throttling/.test(path);
      const known = new Set(shape(ours));
      expect(shape(theirs).filter((path) => isFigure(path) && !known.has(path))).toEqual([]);
    } finally {
      runc(['delete', '-f', 'real']);
      bench.run(['delete', '-f', 'stats']);
    }
  });

  test('follows figures and OOM kills, and ends with the container', async () => {
    bench.start('follow', ['sleep', '60'], (config) => {
      config.linux.resources.memory = { limit: 33554432, swap: 33554432 };
    });
    const watcher = spawn(tsrunc, ['--root', bench.stateRoot, 'events', '--interval', '100ms', 'follow']);
    let output = '';
    watcher.stdout.on('data', (chunk) => {
      output += chunk;
    });
    const ended = new Promise<number | null>((resolve) => watcher.on('exit', resolve));
    const types = () =>
      output
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line).type as string);
    await until(() => types().filter((type) => type === 'stats').length >= 2);
    bench.run(['exec', 'follow', 'dd', 'if=/dev/zero', 'of=/dev/null', 'bs=100M', 'count=1']);
    await until(() => types().includes('oom'));
    bench.run(['kill', 'follow', 'KILL']);
    expect(await ended).toBe(0);
    bench.run(['delete', '-f', 'follow']);
  });

  test('an interval must be a duration above zero', () => {
    bench.start('interval', ['sleep', '60']);
    expect(bench.run(['events', '--interval', '0s', 'interval']).stderr).toContain('must be greater than 0');
    expect(bench.run(['events', '--interval', 'soon', 'interval']).stderr).toContain('not a duration');
    bench.run(['delete', '-f', 'interval']);
  });
});

describe('update', () => {
  test('sizes have units; what is wrong is refused by its flag', () => {
    bench.start('update', ['sleep', '60']);
    for (const size of ['64M', '64m', '64MiB', '0.0625g', '67108864'])
      expect(bench.run(['update', '--memory', size, 'update']).stderr).toBe('');
    const group = bench.cgroups('update').find((path) => path.includes('/memory/')) ?? '';
    expect(readFileSync(join(group, 'memory.limit_in_bytes'), 'utf8').trim()).toBe('67108864');
    for (const wrong of ['64X', '0x40', '--'])
      expect(bench.run(['update', `--memory=${wrong}`, 'update']).stderr).toContain('memory');
    expect(bench.run(['update', '--cpu-quota', 'much', 'update']).stderr).toContain('cpu-quota');
    expect(bench.run(['update', '-r', '-', 'update'], { input: '{"pids":{"limit":5}}' }).stderr).toBe('');
    expect(bench.run(['update', '-r', '-', 'update'], { input: '{"pids":' }).stderr).toContain('not valid JSON');
    expect(bench.run(['update', '--l3-cache-schema', 'L3:0=f', 'update']).stderr).toContain('Intel RDT is not enabled');
    bench.run(['delete', '-f', 'update']);
  });
});

describe('spec and features', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'tsrunc-spec-'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));
  const spec = (program: (args: string[], cwd: string) => { status: number | null }, ...flags: string[]) => {
    rmSync(join(scratch, 'config.json'), { force: true });
    expect(program(['spec', ...flags], scratch).status).toBe(0);
    return JSON.parse(readFileSync(join(scratch, 'config.json'), 'utf8'));
  };

  test.each([[[]], [['--rootless']]])('spec %s is runc’s but for our name and a cgroup namespace', (flags) => {
    const ours = spec((args, cwd) => bench.run(args, { cwd }), ...flags);
    const theirs = spec(runc, ...flags);
    // runc leaves the cgroup namespace out where the machine has v1, and its ambient set is what 1.2 dropped.
    delete theirs.process.capabilities.ambient;
    const sorted = (list: { type: string }[]) =>
      list
        .map((item) => item.type)
        .filter((type) => type !== 'cgroup')
        .sort();
    expect(sorted(ours.linux.namespaces)).toEqual(sorted(theirs.linux.namespaces));
    for (const config of [ours, theirs]) {
      delete config.hostname;
      delete config.ociVersion;
      delete config.linux.namespaces;
    }
    expect(ours).toEqual(theirs);
  });

  test('spec does not write over a config.json', () => {
    writeFileSync(join(scratch, 'config.json'), 'mine');
    expect(bench.run(['spec', '-b', scratch]).stderr).toContain('File config.json exists. Remove it first');
    expect(readFileSync(join(scratch, 'config.json'), 'utf8')).toBe('mine');
  });

  test('features names every mount option that is taken, and more than runc does', () => {
    const ours = JSON.parse(bench.run(['features']).stdout);
    const theirs = JSON.parse(runc(['features']).stdout);
    const without = (list: string[], have: string[]) => list.filter((item) => !have.includes(item));
    expect(without(theirs.mountOptions, ours.mountOptions)).toEqual([]);
    expect(without(theirs.hooks, ours.hooks)).toEqual([]);
    for (const part of ['namespaces', 'capabilities'])
      expect(without(theirs.linux[part], ours.linux[part])).toEqual([]);
    for (const part of ['actions', 'operators', 'archs'])
      expect(without(theirs.linux.seccomp[part], ours.linux.seccomp[part])).toEqual([]);
    expect(ours.linux.cgroup).toEqual({ v1: true, v2: true, systemd: true, systemdUser: true, rdma: true });
    expect(ours.potentiallyUnsafeConfigAnnotations).toEqual(['org.systemd.property.']);
  });
});

describe('the command itself', () => {
  test('a wrong command line shows the usage and is an error', () => {
    for (const [args, message] of [
      [['state'], 'requires exactly 1 argument(s)'],
      [['kill'], 'requires a minimum of 1 argument(s)'],
      [['kill', 'a', 'b', 'c'], 'requires a maximum of 2 argument(s)'],
      [['list', '--lunch'], 'flag provided but not defined: --lunch'],
    ] as [string[], string][]) {
      const outcome = bench.run(args);
      expect(outcome.stderr).toContain(message);
      expect(outcome.stdout).toMatch(/^Incorrect Usage(\.|: .*)\n\nNAME:\n {3}tsrunc /);
      expect(outcome.status).toBe(1);
    }
    expect(bench.run(['lunch'])).toMatchObject({ status: 3 });
    expect(bench.run(['lunch']).stderr).toContain("No help topic for 'lunch'");
    expect(bench.run(['--log-format', 'xml', 'list']).stderr).toContain('invalid log-format: xml');
    expect(bench.run(['--cgroup-manager', 'maybe', 'list']).stderr).toContain('neither cgroupfs nor systemd');
    expect(bench.run(['--rootless', 'maybe', 'list']).stderr).toContain('invalid value for --rootless');
  });

  test('--log with json is what shims parse, and stderr has the sentence', () => {
    const log = join(bench.directory, 'log.json');
    const outcome = bench.run(['--log', log, '--log-format', 'json', 'state', 'nobody']);
    const entry = JSON.parse(readFileSync(log, 'utf8'));
    expect(Object.keys(entry)).toEqual(['level', 'msg', 'time']);
    expect(entry).toMatchObject({ level: 'error', msg: expect.stringContaining('container does not exist') });
    expect(outcome.stderr.trim()).toBe(entry.msg);
  });

  test('--version names the specification', () => {
    expect(bench.run(['--version']).stdout).toMatch(
      /^tsrunc version \d\S+\ncommit: \S+\nspec: 1\.\d+\.\d+\nlibseccomp: \d/,
    );
    expect(existsSync(bench.stateRoot)).toBe(true);
  });
});
