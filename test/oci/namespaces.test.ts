// Namespaces of config.json by path, what is tied to them (sysctl, names, devices), and the roads into the root.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type BundleConfig, until, Workbench } from './bundle.ts';

let bench: Workbench;
let holder: ChildProcess;

beforeAll(async () => {
  bench = new Workbench();
  // Namespaces to join: those of a process that does nothing.
  holder = spawn('unshare', ['-inu', '--time', 'sleep', '600'], { stdio: 'ignore' });
  await until(() => namespaceOf(holder.pid, 'uts') !== namespaceOf('self', 'uts'));
});
afterEach(() => {
  expect(bench.left()).toEqual([]);
});
afterAll(() => {
  holder.kill('SIGKILL');
  bench.dispose();
});

const namespaceOf = (pid: number | string | undefined, name: string) => readlinkSync(`/proc/${pid}/ns/${name}`);

const joining = (type: string, path: string) => (config: BundleConfig) => {
  config.linux.namespaces = config.linux.namespaces.filter((namespace) => namespace.type !== type);
  config.linux.namespaces.push({ type, path });
};

describe('by path', () => {
  test.each([
    ['network', 'net'],
    ['ipc', 'ipc'],
    ['uts', 'uts'],
  ])('%s is joined, by init and by exec', (type, name) => {
    bench.start('join', ['sleep', '60'], joining(type, `/proc/${holder.pid}/ns/${name}`));
    const { pid } = JSON.parse(bench.run(['state', 'join']).stdout) as { pid: number };
    expect(namespaceOf(pid, name)).toBe(namespaceOf(holder.pid, name));
    spawnSync('ln', ['-sf', 'busybox', join(bench.rootfs, 'bin/readlink')]);
    expect(bench.run(['exec', 'join', 'readlink', `/proc/self/ns/${name}`]).stdout.trim()).toBe(
      namespaceOf(holder.pid, name),
    );
    bench.run(['delete', '-f', 'join']);
  });

  test('a time namespace is joined', () => {
    const path = `/proc/${holder.pid}/ns/time_for_children`;
    const { stdout } = bench.runOnce('time', ['sh', '-c', 'readlink /proc/self/ns/time'], joining('time', path));
    expect(stdout.trim()).toBe(readlinkSync(path));
  });

  test('a container’s pid namespace is joined, and its end does not end the container', async () => {
    bench.start('first', ['sleep', '60']);
    const { pid } = JSON.parse(bench.run(['state', 'first']).stdout) as { pid: number };
    const { stdout } = bench.runOnce('second', ['ps'], joining('pid', `/proc/${pid}/ns/pid`));
    expect(stdout).toMatch(/1 0 +sleep 60/);
    await until(() => bench.status('first') === 'running');
    bench.run(['delete', '-f', 'first']);
  });

  test('a path of another type, of no namespace, or of nothing is refused by name', () => {
    const uts = `/proc/${holder.pid}/ns/uts`;
    const refused = (type: string, path: string) => bench.runOnce('refused', ['true'], joining(type, path)).stderr;
    expect(refused('network', uts)).toContain(`linux.namespaces: ${uts} is no network namespace`);
    expect(refused('ipc', '/etc/hostname')).toContain('linux.namespaces: /etc/hostname is no ipc namespace');
    expect(refused('uts', '/no/such/path')).toContain('open namespace /no/such/path: ENOENT');
    expect(refused('uts', 'relative')).toContain('not an absolute path');
    expect(bench.cgroups('refused')).toEqual([]);
  });

  test('the runtime’s own namespace by path counts as none: what would change the host is refused', () => {
    const net = bench.runOnce('own', ['true'], (config) => {
      joining('network', '/proc/self/ns/net')(config);
      config.linux.sysctl = { 'net.ipv4.ip_forward': '1' };
    });
    expect(net.stderr).toContain("net.ipv4.ip_forward is the host's without a namespace for it");
    const uts = bench.runOnce('own', ['true'], joining('uts', '/proc/self/ns/uts'));
    expect(uts.stderr).toContain('hostname: there is no uts namespace');
    expect(statSync('/proc/self/ns/uts').ino).toBe(statSync('/proc/self/ns/uts').ino);
  });
});

describe('without a mount namespace of its own', () => {
  let other: ChildProcess;
  beforeAll(async () => {
    other = spawn('unshare', ['-m', 'sleep', '600'], { stdio: 'ignore' });
    await until(() => namespaceOf(other.pid, 'mnt') !== namespaceOf('self', 'mnt'));
    spawnSync('ln', ['-sf', 'busybox', join(bench.rootfs, 'bin/readlink')]);
  });
  afterAll(() => {
    other.kill('SIGKILL');
  });

  const none = (config: BundleConfig) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'mount');
  };
  const mounts = (pid: number | string | undefined) => readFileSync(`/proc/${pid}/mountinfo`, 'utf8');

  test.each([
    ['none: it is in the runtime’s', none, () => 'self'],
    [
      'by path: it is in that one',
      (config: BundleConfig) => joining('mount', `/proc/${other.pid}/ns/mnt`)(config),
      () => other.pid,
    ],
  ])('%s, by init and by exec, whose root is the container’s; nobody else sees a mount of it', (_, change, where) => {
    const before = [mounts('self'), mounts(other.pid)];
    bench.start('bare', ['sleep', '60'], (config) => {
      change(config);
      config.mounts.push({ destination: '/mnt', type: 'tmpfs', source: 'tmpfs', options: ['mode=711'] });
    });
    const { pid } = JSON.parse(bench.run(['state', 'bare']).stdout) as { pid: number };
    expect(namespaceOf(pid, 'mnt')).toBe(namespaceOf(where(), 'mnt'));
    expect([mounts('self'), mounts(other.pid)]).toEqual(before);
    const script = 'readlink /proc/self/ns/mnt; ls /; stat -c %a /mnt; touch /here 2>&1; cat /proc/kcore | wc -c';
    const { stdout } = bench.run(['exec', 'bare', 'sh', '-c', script]);
    expect(stdout.split('\n')).toEqual([
      namespaceOf(where(), 'mnt'),
      ...['bin', 'dev', 'mnt', 'proc', 'sys', '711', 'touch: /here: Read-only file system', '0', ''],
    ]);
    expect(readlinkSync(`/proc/${pid}/root`)).toBe('/');
    bench.run(['delete', '-f', 'bare']);
    expect([mounts('self'), mounts(other.pid)]).toEqual(before);
  });

  test('none, in a user namespace, is refused: its owner has no right to the runtime’s mounts', () => {
    const mapping = [{ containerID: 0, hostID: 0, size: 65536 }];
    const { stderr } = bench.runOnce('refused', ['true'], (config) => {
      none(config);
      config.linux.namespaces.push({ type: 'user' });
      Object.assign(config.linux, { uidMappings: mapping, gidMappings: mapping });
    });
    expect(stderr).toContain('linux.namespaces: a user namespace cannot go without a mount namespace');
  });
});

describe('sysctl', () => {
  const cat = (key: string, value: string, change: (config: BundleConfig) => void = () => {}) =>
    bench.runOnce('sysctl', ['cat', `/proc/sys/${key.replaceAll('.', '/')}`], (config) => {
      config.linux.sysctl = { [key]: value };
      change(config);
    });

  test('those of the container’s namespaces are set', () => {
    expect(cat('net.ipv4.ip_unprivileged_port_start', '80').stdout).toBe('80\n');
    expect(cat('kernel.shmmni', '123').stdout).toBe('123\n');
    expect(cat('fs.mqueue.msg_max', '11').stdout).toBe('11\n');
    expect(cat('kernel.domainname', 'example.org').stdout).toBe('example.org\n');
  });

  test('also when config.json mounts no /proc', () => {
    const { status, stdout, stderr } = bench.runOnce('noproc', ['hostname', '-s'], (config) => {
      config.mounts = config.mounts.filter((mount) => mount.destination !== '/proc');
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
      config.linux.sysctl = { 'kernel.hostname': 'by-sysctl' };
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'by-sysctl\n', stderr: '' });
  });

  test.each([
    ['vm.overcommit_memory', '1', "the whole machine's"],
    ['kernel.panic', '1', "the whole machine's"],
    ['net/../vm/swappiness', '1', 'linux.sysctl'],
    ['net.ipv4.no_such_key', '1', 'write sysctl'],
  ])('%s is refused', (key, value, message) => {
    expect(cat(key, value).stderr).toContain(message);
  });

  test('without the namespace it would be the host’s', () => {
    const before = readFileSync('/proc/sys/kernel/shmmni', 'utf8');
    const outcome = cat('kernel.shmmni', '123', (config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'ipc');
    });
    expect(outcome.stderr).toContain("kernel.shmmni is the host's without a namespace for it");
    expect(readFileSync('/proc/sys/kernel/shmmni', 'utf8')).toBe(before);
  });
});

describe('names', () => {
  test('hostname and domainname', () => {
    const { stdout } = bench.runOnce(
      'names',
      ['cat', '/proc/sys/kernel/hostname', '/proc/sys/kernel/domainname'],
      (c) => {
        c.hostname = 'here';
        c.domainname = 'example.org';
      },
    );
    expect(stdout).toBe('here\nexample.org\n');
  });

  test('a domainname without a uts namespace is refused', () => {
    const outcome = bench.runOnce('names', ['true'], (config) => {
      delete config.hostname;
      config.domainname = 'example.org';
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'uts');
    });
    expect(outcome.stderr).toContain('domainname: there is no uts namespace');
  });
});

describe('the root', () => {
  test('the personality is that asked for', () => {
    spawnSync('ln', ['-sf', 'busybox', join(bench.rootfs, 'bin/uname')]);
    const { stdout } = bench.runOnce('personality', ['uname', '-m'], (config) => {
      config.linux.personality = { domain: 'LINUX32' };
    });
    expect(stdout).toBe(process.arch === 'x64' ? 'i686\n' : 'armv8l\n');
    const unknown = bench.runOnce('personality', ['true'], (config) => {
      config.linux.personality = { domain: 'SOLARIS' };
    });
    expect(unknown.stderr).toContain('linux.personality.domain: unknown personality SOLARIS');
  });

  test('a read-only /dev still has its nodes and the mounts below it', () => {
    const { stdout, stderr } = bench.runOnce(
      'rodev',
      ['sh', '-c', 'echo x > /dev/null && ls /dev/pts/ptmx && touch /dev/new'],
      (config) => {
        for (const mount of config.mounts) if (mount.destination === '/dev') mount.options?.push('ro');
      },
    );
    expect(stdout).toBe('/dev/pts/ptmx\n');
    expect(stderr).toContain('Read-only file system');
  });

  test('without pivot_root the host’s procfs and sysfs are out of reach, and a new one cannot be had', () => {
    const bundle = bench.bundle(['sh', '-c', 'ls /; unshare -mrpf mount -t proc none /proc'], (config) => {
      spawnSync('ln', ['-sf', 'busybox', join(bench.rootfs, 'bin/unshare')]);
      const names = ['CAP_SETFCAP', 'CAP_SYS_ADMIN'];
      config.process.capabilities = { bounding: names, effective: names, permitted: names };
    });
    const { stdout, stderr } = bench.run(['run', '--no-pivot', '-b', bundle, 'nopivot']);
    expect(stdout).toContain('bin\n');
    expect(stderr).toContain('permission denied');
  });

  test('an id that the user namespace does not map is told as such', () => {
    const outcome = bench.runOnce('unmapped', ['true'], (config) => {
      config.linux.namespaces.push({ type: 'user' });
      config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 10 }];
      config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 10 }];
      config.process.user = { uid: 11, gid: 0 };
    });
    expect(outcome.stderr).toContain('the id is not mapped in the user namespace');
  });

  test('a link at /proc is told as what it is', () => {
    const bundle = bench.bundle(['true'], (config) => {
      config.mounts = [{ destination: '/link', type: 'proc', source: 'proc' }];
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
    });
    spawnSync('ln', ['-sfn', '/bin', join(bench.rootfs, 'link')]);
    writeFileSync(join(bench.directory, 'note'), '');
    expect(bench.run(['run', '-b', bundle, 'link']).stderr).toContain('must be mounted on ordinary directory');
  });
});
