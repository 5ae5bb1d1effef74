// Escapes of the past through paths of the root filesystem: links, races, fake devices, covered /proc. Each mounts the
// attack and sees that nothing outside the root was touched.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type BundleConfig, type Outcome, Workbench } from './bundle.ts';
import { Guests } from './guests.ts';

let bench: Workbench;
let guests: Guests;
/** A root of its own per test, and a directory outside of it that must stay as it is. */
let root: string;
let outside: string;
let count = 0;
/** No cgroup of that name on the machine but this run's. */
const tag = randomBytes(4).toString('hex');
const named = (name: string) => `${name}-${tag}-${count}`;

beforeAll(() => {
  bench = new Workbench();
  guests = new Guests();
});
afterAll(() => {
  bench.dispose();
  guests.dispose();
});
beforeEach(() => {
  count += 1;
  root = join(bench.directory, `root${count}`);
  outside = join(bench.directory, `outside${count}`);
  cpSync(bench.rootfs, root, { recursive: true, verbatimSymlinks: true });
  mkdirSync(outside);
  writeFileSync(join(outside, 'host-file'), 'of the host');
});
afterEach(() => {
  expect(readdirSync(outside)).toEqual(['host-file']);
  expect(readFileSync(join(outside, 'host-file'), 'utf8')).toBe('of the host');
  expect(bench.left()).toEqual([]);
  expect(hostMounts()).toEqual([]);
});

const hostMounts = () =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(bench.directory));

/** A container in this test's root, which it may write. */
function run(args: string[], change: (config: BundleConfig) => void = () => {}): Outcome {
  return bench.runOnce(named('escape'), args, (config) => {
    config.root = { path: root, readonly: false };
    change(config);
  });
}

const shell = (script: string): string[] => ['sh', '-c', script];
const without = (config: BundleConfig, prefix: string) => {
  config.mounts = config.mounts.filter((mount) => !mount.destination.startsWith(prefix));
};
const addBind = (config: BundleConfig, source: string, destination: string) =>
  config.mounts.push({ destination, type: 'bind', source, options: ['bind'] });

/** Up out of any root, then to the directory outside: what a resolver that forgets the root would follow. */
const wayOut = () => `../../../../../../../..${outside}`;

describe('links in place of /proc and /sys', () => {
  test.each([
    ['/proc', 'absolute'],
    ['/proc', 'relative'],
    ['/sys', 'absolute'],
    ['/sys', 'relative'],
  ])('%s as %s link is refused (CVE-2019-19921, 2023-27561, 2023-28642, 2025-54867)', (path, kind) => {
    symlinkSync(kind === 'absolute' ? outside : wayOut(), join(root, path));
    const { status, stderr } = run(['true']);
    expect(status).toBe(1);
    expect(stderr).toMatch(new RegExp(`mount (proc|sysfs) on ${path}: ELOOP`));
  });

  test('the same root without the link runs', () => {
    expect(run(['true'])).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});

describe('mounts over /proc', () => {
  test.each([
    ['a volume', '/proc'],
    ['a volume in other words', '/./proc/'],
    ['a file of it', '/proc/self/attr/exec'],
    ['a directory of it', '/proc/sys/kernel'],
    ['its own way up', '/etc/../proc/sys'],
  ])('%s at %s is refused (CVE-2019-16884)', (_name, destination) => {
    const { status, stderr } = run(['true'], (config) => addBind(config, outside, destination));
    expect(status).toBe(1);
    expect(stderr).toMatch(/lies in \/proc, where only procfs may be|proc\/sys: EXDEV/);
  });

  test('by a link of the image is refused, too (CVE-2025-52881)', () => {
    mkdirSync(join(root, 'innocent'));
    symlinkSync('/proc/sys', join(root, 'innocent/data'));
    const { status, stderr } = run(['true'], (config) => addBind(config, outside, '/innocent/data'));
    expect(status).toBe(1);
    expect(stderr).toContain('/innocent/data: EXDEV');
  });

  test('the same bind elsewhere is made', () => {
    const { stdout } = run(['cat', '/innocent/host-file'], (config) => addBind(config, outside, '/innocent'));
    expect(stdout).toBe('of the host');
  });

  test('sysctls are written to a procfs of the runtime’s own, whatever lies on /proc (CVE-2025-52881)', () => {
    // no procfs in config.json: an image's own /proc tree would take the write
    mkdirSync(join(root, 'proc/sys/kernel'), { recursive: true });
    writeFileSync(join(root, 'proc/sys/kernel/msgmax'), 'fake');
    symlinkSync(join(wayOut(), 'host-file'), join(root, 'proc/sys/kernel/msgmnb'));
    const { status, stdout, stderr } = run(['cat', '/proc/sys/kernel/msgmax'], (config) => {
      without(config, '/proc');
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
      config.linux.sysctl = { 'kernel.msgmax': '4000', 'kernel.msgmnb': '5000' };
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'fake', stderr: '' });
    // and they did arrive
    const arrived = run(shell('cat /proc/sys/kernel/msgmax'), (config) => {
      config.linux.sysctl = { 'kernel.msgmax': '4000' };
      config.mounts = config.mounts.filter((mount) => mount.destination !== '/proc');
      config.mounts.push({ destination: '/proc', type: 'proc', source: 'proc' });
    });
    expect(arrived.stdout).toBe('4000\n');
  });
});

describe('links as mount targets', () => {
  test.each([
    ['a tmpfs', { type: 'tmpfs', source: 'tmpfs' }],
    ['a bind', { type: 'bind', source: '/bin', options: ['bind'] }],
    ['a bound file', { type: 'bind', source: '/bin/busybox', options: ['bind'] }],
  ])('%s on a link that leads out stays in the root (CVE-2019-18837)', (_name, mount) => {
    symlinkSync(outside, join(root, 'absolute'));
    symlinkSync(wayOut(), join(root, 'relative'));
    for (const destination of ['/absolute/made', '/relative/made']) {
      run(['true'], (config) => config.mounts.push({ ...mount, destination }));
    }
  });

  test('a link in place of /dev moves no node out of the root (crun, CVE-2026-41579, 2026-47766)', () => {
    symlinkSync(outside, join(root, 'dev'));
    run(['true'], (config) => without(config, '/dev'));
    rmSync(join(root, 'dev'));
    symlinkSync(wayOut(), join(root, 'dev'));
    run(['true'], (config) => {
      config.mounts = config.mounts.filter((mount) => mount.destination === '/proc');
      config.linux.devices = [{ path: '/dev/made', type: 'c', major: 1, minor: 3, fileMode: 0o666, uid: 0, gid: 0 }];
    });
  });

  test('files that the engine binds, over links of the image, do not follow them out (krun, CVE-2025-24965)', () => {
    mkdirSync(join(root, 'etc'));
    for (const name of ['hostname', 'hosts', 'resolv.conf'])
      symlinkSync(join(outside, 'host-file'), join(root, 'etc', name));
    const own = join(bench.directory, 'own-file');
    writeFileSync(own, 'of the engine');
    run(['true'], (config) => {
      for (const name of ['hostname', 'hosts', 'resolv.conf']) addBind(config, own, `/etc/${name}`);
    });
  });

  test('the working directory is made inside the root', () => {
    symlinkSync(wayOut(), join(root, 'work'));
    run(['true'], (config) => {
      config.process.cwd = '/work/made';
    });
  });
});

describe('races for a mount target', () => {
  let swapper: ChildProcess | undefined;
  // a container ends with the first of its mounts that is refused: few in each, so that some get through
  const mountsPerContainer = 4;
  const containers = 250;

  afterEach(() => {
    swapper?.kill('SIGKILL');
  });

  /** A volume whose directory `swap` becomes a link and a directory again, all the time. */
  async function startSwapping(target: string): Promise<string> {
    const volume = join(bench.directory, `volume${count}`);
    mkdirSync(volume);
    // what the link means inside the root is there, so that most attempts get as far as the mount
    mkdirSync(join(root, target.replaceAll('../', '')), { recursive: true });
    swapper = spawn(guests.build('swapper'), [volume, 'swap', target], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(swapper.stdout as NodeJS.ReadableStream, 'data');
    return volume;
  }

  const attempts = (config: BundleConfig, volume: string, mount: object) => {
    addBind(config, volume, '/volume');
    for (let index = 0; index < mountsPerContainer; index += 1)
      config.mounts.push({ destination: `/volume/swap/made${index}`, ...mount });
  };

  test('a thousand directories over a swapped one never come to lie outside (CVE-2021-30465)', async () => {
    const volume = await startSwapping(wayOut());
    let made = 0;
    for (let turn = 0; turn < containers; turn += 1) {
      const { status, stdout } = run(['grep', '-c', '/made', '/proc/self/mountinfo'], (config) =>
        attempts(config, volume, { type: 'tmpfs', source: 'tmpfs' }),
      );
      if (status === 0) made += Number(stdout);
    }
    // the race is a real one: some attempts find the directory, and in some the link
    expect(made).toBeGreaterThan(0);
  }, 120_000);

  test('a thousand files over a swapped directory leave none outside (CVE-2024-45310)', async () => {
    const volume = await startSwapping(wayOut());
    for (let turn = 0; turn < containers; turn += 1)
      run(['true'], (config) => attempts(config, volume, { type: 'bind', source: '/bin/busybox', options: ['bind'] }));
  }, 120_000);

  test('a naive mkdir under the same race does leave some', async () => {
    const elsewhere = join(bench.directory, `elsewhere${count}`);
    mkdirSync(elsewhere);
    const volume = await startSwapping(elsewhere);
    const deadline = Date.now() + 10_000;
    for (let index = 0; readdirSync(elsewhere).length === 0 && Date.now() < deadline; index += 1) {
      try {
        mkdirSync(join(volume, 'swap', `made${index}`));
      } catch {
        // swapped between two steps of the walk
      }
    }
    expect(readdirSync(elsewhere).length).toBeGreaterThan(0);
  });
});

describe('fake devices', () => {
  const noDev = (config: BundleConfig) => without(config, '/dev');

  test('a link in place of /dev/null masks nothing, and is refused (CVE-2025-31133, youki CVE-2025-62161)', () => {
    mkdirSync(join(root, 'dev'));
    symlinkSync('/proc/sysrq-trigger', join(root, 'dev/null'));
    const { status, stderr } = run(['true'], noDev);
    expect(status).toBe(1);
    expect(stderr).toContain('/dev/null');
  });

  test('a file in place of /dev/null is refused, and never chowned (CVE-2025-31133, crun CVE-2026-88265)', () => {
    mkdirSync(join(root, 'dev'));
    writeFileSync(join(root, 'dev/null'), '');
    const { status } = run(['true'], (config) => {
      noDev(config);
      config.process.user = { uid: 1000, gid: 1000 };
    });
    expect(status).toBe(1);
    expect(statSync(join(root, 'dev/null')).uid).toBe(0);
  });

  test('with the real one, masked files read as empty', () => {
    const { stdout } = run(shell('wc -c < /proc/keys; stat -c %t:%T /proc/keys'));
    expect(stdout).toBe('0\n1:3\n');
  });

  test('the host’s /dev/null keeps its owner, as stdin and with a user namespace (crun 1.8)', () => {
    const before = statSync('/dev/null');
    // a mapped root may make no directory in a root of the host's
    for (const name of ['proc', 'dev', 'sys']) mkdirSync(join(root, name));
    bench.start(named('null'), ['sleep', '60'], (config) => {
      config.root = { path: root, readonly: false };
      config.process.user = { uid: 1000, gid: 1000 };
      config.linux.namespaces.push({ type: 'user' });
      const mapping = [{ containerID: 0, hostID: 100000, size: 65536 }];
      config.linux.uidMappings = mapping;
      config.linux.gidMappings = mapping;
    });
    bench.run(['exec', named('null'), 'true'], { stdio: ['ignore', 'ignore', 'pipe'] });
    bench.run(['delete', '-f', named('null')]);
    const after = statSync('/dev/null');
    expect([after.uid, after.gid, after.mode]).toEqual([before.uid, before.gid, before.mode]);
  });
});

describe('consoles', () => {
  const terminal = (change: (config: BundleConfig) => void) => {
    const bundle = bench.bundle(['true'], (config) => {
      config.root = { path: root, readonly: false };
      config.process.terminal = true;
      change(config);
    });
    return bench.runInTerminal(['run', '-b', bundle, named('escape')]);
  };

  test('a link in place of /dev/console makes no file on the host (crun CVE-2026-88264)', () => {
    mkdirSync(join(root, 'dev/pts'), { recursive: true });
    symlinkSync(join(outside, 'console'), join(root, 'dev/console'));
    const output = terminal((config) => {
      config.mounts = config.mounts.filter(({ destination }) => destination !== '/dev');
    });
    expect(output).toContain('/dev/console');
    expect(lstatSync(join(root, 'dev/console')).isSymbolicLink()).toBe(true);
  });

  test.each(['0', 'ptmx'])('a /dev/pts whose %s is somebody else’s is not used (CVE-2025-52565)', (name) => {
    const fake = join(bench.directory, `pts${count}`);
    mkdirSync(fake);
    symlinkSync('/proc/sysrq-trigger', join(fake, name));
    const output = terminal((config) => {
      config.mounts = config.mounts.filter(({ type }) => type !== 'devpts');
      addBind(config, fake, '/dev/pts');
    });
    expect(output).toContain('/dev/pts: EXDEV');
  });

  test('a terminal of its own devpts is one', () => {
    expect(terminal(() => {})).toBe('');
  });
});

describe('a read-only root', () => {
  test('is read-only under a hostile /proc (crun CVE-2026-115521)', () => {
    for (let fd = 0; fd < 20; fd += 1) {
      mkdirSync(join(root, 'proc/self/fd'), { recursive: true });
      symlinkSync('/tmp', join(root, `proc/self/fd/${fd}`));
    }
    mkdirSync(join(root, 'tmp'));
    const { stdout, stderr } = run(shell('touch /new; touch /tmp/new; echo end'), (config) => {
      without(config, '/proc');
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
      config.root.readonly = true;
    });
    expect(stdout).toBe('end\n');
    expect(stderr.match(/Read-only file system/g)).toHaveLength(2);
    expect(existsSync(join(root, 'new'))).toBe(false);
  });
});

describe('cgroups in a user namespace', () => {
  test('are read-only without a cgroup namespace, whatever config.json says (CVE-2023-25809)', () => {
    const { stdout, stderr } = run(
      shell('for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $d/new && echo made; done; true'),
      (config) => {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'cgroup');
        config.linux.namespaces.push({ type: 'user' });
        const mapping = [{ containerID: 0, hostID: 0, size: 65536 }];
        config.linux.uidMappings = mapping;
        config.linux.gidMappings = mapping;
        for (const mount of config.mounts)
          if (mount.type === 'cgroup') mount.options = ['nosuid', 'noexec', 'nodev', 'rw'];
      },
    );
    expect(stdout).toBe('');
    expect(stderr.match(/Read-only file system/g)?.length).toBeGreaterThan(1);
  });
});

describe('id mappings', () => {
  test('too many for one write are refused before they are (CVE-2021-43784)', () => {
    const { status, stderr } = run(['true'], (config) => {
      config.linux.namespaces.push({ type: 'user' });
      config.linux.uidMappings = Array.from({ length: 70_000 }, (_, index) => ({
        containerID: index,
        hostID: index,
        size: 1,
      }));
      config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 1 }];
    });
    expect(status).toBe(1);
    expect(stderr).toContain('more than 340 mappings');
  });
});

describe('checkpoint and restore', () => {
  test('a destination that reads as another mount’s key is refused (CVE-2026-119101, 2026-115520, 2026-119614)', () => {
    const id = named('escape');
    const change = (config: BundleConfig) => {
      config.root = { path: root, readonly: false };
      addBind(config, outside, '/a]:b');
    };
    const bundle = bench.bundle(['sleep', '60'], change);
    const restored = bench.run(['restore', '--image-path', outside, '-b', bundle, id]);
    expect(restored.status).toBe(1);
    expect(restored.stderr).toContain(']:\\" in it');
    bench.start(id, ['sleep', '60'], change);
    const image = join(bench.directory, `image${count}`);
    const kept = bench.run(['checkpoint', '--image-path', image, id]);
    bench.run(['delete', '-f', id]);
    expect(kept.status).toBe(1);
    expect(kept.stderr).toContain(']:\\" in it');
  });
});

describe('annotations', () => {
  test('name no property of a unit, no program and no place on the host (cri-o CVE-2024-3154)', () => {
    const marker = join(bench.directory, `annotated${count}`);
    const { status } = run(['true'], (config) => {
      config.annotations = {
        'org.systemd.property.ExecStartPre': `'touch ${marker}'`,
        'org.systemd.property.ExecStopPost': `[('/usr/bin/touch', ['touch', '${marker}'], false)]`,
        'run.oci.hooks.stdout': marker,
        'run.oci.seccomp.receiver': marker,
        'krun.config': marker,
        'org.criu.config': marker,
      };
    });
    expect(status).toBe(0);
    expect(existsSync(marker)).toBe(false);
  });
});
