// Mounts of config.json: options by recursion and by superblock, propagation, idmapped binds, tmpcopyup, the root's own
// propagation, and what is left of it all on the host: nothing.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type BundleConfig, type Outcome, until, Workbench } from './bundle.ts';

let bench: Workbench;
let source: string;
let hostMounts: string[];

beforeAll(() => {
  bench = new Workbench();
  source = join(bench.directory, 'source');
  mkdirSync(join(source, 'below'), { recursive: true });
  writeFileSync(join(source, 'file'), 'text');
  chownSync(join(source, 'file'), 7, 8);
  hostMounts = ownMounts();
});
afterEach(() => {
  expect(ownMounts()).toEqual(hostMounts);
  expect(bench.left()).toEqual([]);
});
afterAll(() => {
  bench.dispose();
});

/** What the host sees mounted of ours; others may be at work on this machine. */
const ownMounts = () =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(bench.directory));

interface MountConfig {
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
  uidMappings?: unknown[];
  gidMappings?: unknown[];
}

const withMounts =
  (mounts: MountConfig[], change: (config: BundleConfig) => void = () => {}) =>
  (config: BundleConfig): void => {
    config.root.readonly = false;
    config.mounts.push(...mounts);
    change(config);
  };

const withUserNamespace = (config: BundleConfig): void => {
  config.linux.namespaces.push({ type: 'user' });
  config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  config.linux.gidMappings = [{ containerID: 0, hostID: 200000, size: 65536 }];
};

interface MountLine {
  options: string[];
  tags: string[];
  superOptions: string[];
}

/** The last mount at `path` in the text of a mountinfo. */
function mountAt(text: string, path: string): MountLine {
  const line = text
    .split('\n')
    .filter((candidate) => candidate.split(' ')[4] === path)
    .at(-1);
  if (line === undefined) throw new Error(`no mount at ${path} in\n${text}`);
  const [left = '', right = ''] = line.split(' - ');
  const fields = left.split(' ');
  return {
    options: fields[5]?.split(',') ?? [],
    tags: fields.slice(6),
    superOptions: right.split(' ')[2]?.split(',') ?? [],
  };
}

const mountinfo = (mounts: MountConfig[], change?: (config: BundleConfig) => void): string => {
  const outcome = bench.runOnce('mounts', ['cat', '/proc/self/mountinfo'], withMounts(mounts, change));
  expect(outcome.stderr).toBe('');
  return outcome.stdout;
};

/** In a mount namespace of its own, where `source`/below is a mount of its own. */
function runWithMountBelow(args: string[], mounts: MountConfig[]): Outcome {
  const bundle = bench.bundle(args, withMounts(mounts));
  const script = `mount -t tmpfs below ${source}/below && exec "$@"`;
  const command = [join(import.meta.dirname, '../../dist/bin/tsrunc'), '--root', bench.stateRoot, 'run', '-b', bundle];
  const result = spawnSync('unshare', ['-m', '--propagation', 'private', 'sh', '-c', script, 'sh', ...command, 'sub'], {
    encoding: 'utf8',
    input: '',
  });
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

describe('options', () => {
  test('of a single mount, on a bind and on a file system', () => {
    const text = mountinfo([
      { destination: '/a', type: 'bind', source, options: ['bind', 'ro', 'nosuid', 'nodev', 'noexec', 'noatime'] },
      { destination: '/b', type: 'tmpfs', source: 'b', options: ['nosuid', 'nosymfollow', 'nodiratime', 'size=64k'] },
      { destination: '/c', type: 'tmpfs', source: 'c', options: ['ro', 'rw', 'noatime', 'relatime', 'noexec', 'exec'] },
    ]);
    expect(mountAt(text, '/a').options).toEqual(['ro', 'nosuid', 'nodev', 'noexec', 'noatime']);
    expect(mountAt(text, '/b').options).toEqual(['rw', 'nosuid', 'nodiratime', 'relatime', 'nosymfollow']);
    expect(mountAt(text, '/b').superOptions).toContain('size=64k');
    expect(mountAt(text, '/c').options).toEqual(['rw', 'relatime']);
  });

  test('of the superblock: sync, dirsync, lazytime, iversion, and their opposites', () => {
    const text = mountinfo([
      { destination: '/a', type: 'tmpfs', source: 'a', options: ['sync', 'dirsync', 'lazytime', 'size=32k'] },
      { destination: '/b', type: 'tmpfs', source: 'b', options: ['sync', 'async', 'lazytime', 'nolazytime'] },
      { destination: '/c', type: 'tmpfs', source: 'c', options: ['iversion', 'ro', 'nosuid', 'size=48k', 'noatime'] },
      { destination: '/d', type: 'bind', source, options: ['bind', 'lazytime', 'iversion', 'sync', 'nodev'] },
      { destination: '/e', type: 'tmpfs', source: 'e', options: ['silent', 'loud', 'defaults'] },
    ]);
    expect(mountAt(text, '/a').superOptions.slice(0, 4)).toEqual(['rw', 'sync', 'dirsync', 'lazytime']);
    expect(mountAt(text, '/b').superOptions).not.toContain('sync');
    expect(mountAt(text, '/b').superOptions).not.toContain('lazytime');
    expect(mountAt(text, '/c').options).toEqual(['ro', 'nosuid', 'noatime']);
    expect(mountAt(text, '/c').superOptions).toContain('size=48k');
    expect(mountAt(text, '/d').options).toContain('nodev');
  });

  test('recursive ones reach the mounts below, plain ones do not', () => {
    const mounts = [
      {
        destination: '/a',
        type: 'bind',
        source,
        options: ['rbind', 'rro', 'rnosuid', 'rnoexec', 'rnodev', 'rnoatime'],
      },
      { destination: '/b', type: 'bind', source, options: ['rbind', 'ro', 'nosuid'] },
      { destination: '/c', type: 'bind', source, options: ['rbind', 'ro', 'rrw', 'rnosymfollow', 'rstrictatime'] },
    ];
    const { stdout, stderr } = runWithMountBelow(['cat', '/proc/self/mountinfo'], mounts);
    expect(stderr).toBe('');
    const all = ['ro', 'nosuid', 'nodev', 'noexec', 'noatime'];
    expect(mountAt(stdout, '/a').options).toEqual(all);
    expect(mountAt(stdout, '/a/below').options).toEqual(all);
    expect(mountAt(stdout, '/b').options).toEqual(expect.arrayContaining(['ro', 'nosuid']));
    expect(mountAt(stdout, '/b/below').options).toContain('rw');
    expect(mountAt(stdout, '/c').options).toEqual(['rw', 'nosymfollow']);
    expect(mountAt(stdout, '/c/below').options).toEqual(['rw', 'nosymfollow']);
  });

  test('remount changes what is there already', () => {
    const text = mountinfo([{ destination: '/dev/shm', options: ['remount', 'ro', 'noatime'] }]);
    expect(mountAt(text, '/dev/shm').options).toEqual(expect.arrayContaining(['ro', 'noatime', 'nosuid']));
  });

  test('an unknown option is the file system’s, which refuses it by name', () => {
    const { status, stderr } = bench.runOnce(
      'unknown',
      ['true'],
      withMounts([{ destination: '/a', type: 'tmpfs', source: 'a', options: ['nonsense=1'] }]),
    );
    expect(status).toBe(1);
    expect(stderr).toContain('mount tmpfs on /a: EINVAL');
  });

  test('a tmpfs without a mode has that of the directory it covers; a new directory has the default', () => {
    mkdirSync(join(bench.rootfs, 'closed'), { mode: 0o700 });
    const tmpfs = (destination: string, ...options: string[]) => ({ destination, type: 'tmpfs', source: 'x', options });
    const { stdout } = bench.runOnce(
      'modes',
      ['stat', '-c', '%a', '/closed', '/closed2', '/closed3'],
      withMounts([tmpfs('/closed'), tmpfs('/closed2'), tmpfs('/closed3', 'mode=711')]),
    );
    expect(stdout).toBe('700\n1777\n711\n');
  });
});

describe('propagation', () => {
  test('each word makes the mount what it says', () => {
    const words = ['private', 'rprivate', 'unbindable', 'runbindable', 'shared', 'rshared', 'slave', 'rslave'];
    const text = mountinfo(
      words.map((word) => ({ destination: `/${word}`, type: 'tmpfs', source: word, options: [word] })),
    );
    for (const word of words) {
      const tag = { p: [], u: ['unbindable'], s: [] }[word.replace(/^r/, '')[0] ?? ''];
      const { tags } = mountAt(text, `/${word}`);
      if (word.endsWith('shared')) expect(tags).toEqual([expect.stringMatching(/^shared:/)]);
      else expect(tags).toEqual(tag);
    }
  });

  test.each([
    ['shared', /^shared:/],
    ['rshared', /^shared:/],
    ['private', undefined],
    ['rprivate', undefined],
    ['unbindable', /^unbindable$/],
    ['runbindable', /^unbindable$/],
  ])('rootfsPropagation %s', (word, tag) => {
    const text = mountinfo([], (config) => {
      config.linux.rootfsPropagation = word;
    });
    expect(mountAt(text, '/').tags).toEqual(tag === undefined ? [] : [expect.stringMatching(tag)]);
  });

  test('an unknown word is refused', () => {
    const outcome = bench.runOnce('word', ['true'], (config) => {
      config.linux.rootfsPropagation = 'sideways';
    });
    expect(outcome.stderr).toContain('linux.rootfsPropagation: unknown word sideways');
  });

  test('what the host mounts later shows in a slave bind and not in a private one', async () => {
    const shared = join(bench.directory, 'shared');
    mkdirSync(join(shared, 'later'), { recursive: true });
    const bundle = bench.bundle(
      ['sleep', '60'],
      withMounts([
        { destination: '/slave', type: 'bind', source: shared, options: ['rbind', 'rslave'] },
        { destination: '/private', type: 'bind', source: shared, options: ['rbind', 'rprivate'] },
      ]),
    );
    const tsrunc = [join(import.meta.dirname, '../../dist/bin/tsrunc'), '--root', bench.stateRoot];
    const script =
      `mount --bind ${shared} ${shared} && mount --make-shared ${shared} && ` +
      `"$@" run -d -b ${bundle} late </dev/null >/dev/null 2>&1 && mount -t tmpfs late ${shared}/later && ` +
      `"$@" exec late cat /proc/self/mountinfo; "$@" delete -f late`;
    const { stdout } = spawnSync('unshare', ['-m', '--propagation', 'private', 'sh', '-c', script, 'sh', ...tsrunc], {
      encoding: 'utf8',
      input: '',
    });
    await until(() => bench.left().length === 0);
    expect(stdout).toContain(' /slave/later ');
    expect(stdout).not.toContain(' /private/later ');
  });
});

describe('idmapped binds', () => {
  const owners = (mount: Partial<MountConfig>, change?: (config: BundleConfig) => void): Outcome =>
    bench.runOnce(
      'idmap',
      ['stat', '-c', '%u:%g', '/mapped/file'],
      withMounts([{ destination: '/mapped', type: 'bind', source, ...mount }], change),
    );

  test('with mappings of their own', () => {
    const mapped = owners({
      options: ['bind', 'idmap'],
      uidMappings: [{ containerID: 0, hostID: 1000, size: 100 }],
      gidMappings: [{ containerID: 0, hostID: 2000, size: 100 }],
    });
    expect(mapped).toMatchObject({ status: 0, stdout: '1007:2008\n' });
    // The mappings alone say it as well.
    const implied = owners({
      options: ['bind'],
      uidMappings: [{ containerID: 7, hostID: 1, size: 1 }],
      gidMappings: [{ containerID: 8, hostID: 2, size: 1 }],
    });
    expect(implied).toMatchObject({ status: 0, stdout: '1:2\n' });
    expect(statSync(join(source, 'file')).uid).toBe(7);
  });

  test('with those of the container’s user namespace, and what is written belongs to the host’s ids', () => {
    const mapped = owners({ options: ['rbind', 'ridmap'] }, withUserNamespace);
    expect(mapped).toMatchObject({ status: 0, stdout: '7:8\n' });
    const plain = owners({ options: ['rbind'] }, withUserNamespace);
    expect(plain).toMatchObject({ status: 0, stdout: '65534:65534\n' });
    bench.runOnce(
      'idmap',
      ['touch', '/mapped/made'],
      withMounts([{ destination: '/mapped', source, options: ['bind', 'idmap'] }], withUserNamespace),
    );
    expect(statSync(join(source, 'made'))).toMatchObject({ uid: 0, gid: 0 });
  });

  test('ridmap reaches the mounts below, idmap does not', () => {
    const seen = (word: string) =>
      runWithMountBelow(
        ['stat', '-c', '%u', '/mapped/below'],
        [
          {
            destination: '/mapped',
            type: 'bind',
            source,
            options: ['rbind', word],
            uidMappings: [{ containerID: 0, hostID: 1000, size: 100 }],
            gidMappings: [{ containerID: 0, hostID: 1000, size: 100 }],
          },
        ],
      ).stdout;
    expect(seen('ridmap')).toBe('1000\n');
    expect(seen('idmap')).toBe('0\n');
  });

  test.each([
    [{ options: ['bind', 'idmap'] }, 'idmap needs uidMappings and gidMappings, or a user namespace'],
    [{ options: ['bind'], uidMappings: [{ containerID: 0, hostID: 1, size: 1 }] }, 'go together'],
    [{ type: 'tmpfs', options: ['idmap'] }, 'only a bind can be idmapped'],
  ])('%j is refused', (mount, message) => {
    const { status, stderr } = owners(mount);
    expect(status).toBe(1);
    expect(stderr).toContain(message);
  });
});

describe('tmpcopyup', () => {
  test('copies files, directories, links and nodes with owner, mode and times', () => {
    const directory = join(bench.rootfs, 'var');
    mkdirSync(join(directory, 'deep/deeper'), { recursive: true });
    chmodSync(directory, 0o1750);
    chownSync(directory, 5, 6);
    writeFileSync(join(directory, 'deep/deeper/file'), 'x'.repeat(20_000));
    chmodSync(join(directory, 'deep/deeper/file'), 0o4711);
    chownSync(join(directory, 'deep/deeper/file'), 3, 4);
    chmodSync(join(directory, 'deep/deeper/file'), 0o4711);
    symlinkSync('deep/deeper/file', join(directory, 'link'));
    spawnSync('mkfifo', ['-m', '611', join(directory, 'fifo')]);
    spawnSync('touch', ['-hd', '2001-02-03T04:05:06Z', join(directory, 'link'), join(directory, 'deep/deeper/file')]);
    const script =
      "cd /var; stat -c '%n %u:%g %a %s %Y %F' deep/deeper/file fifo .; stat -c '%N %Y' link; touch /var/new; wc -c link";
    const { stdout, stderr } = bench.runOnce(
      'copyup',
      ['sh', '-c', script],
      withMounts(
        [{ destination: '/var', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup', 'size=1m'] }],
        (config) => {
          const names = ['CAP_DAC_OVERRIDE'];
          config.process.capabilities = { bounding: names, effective: names, permitted: names };
        },
      ),
    );
    expect(stderr).toBe('');
    const time = Date.parse('2001-02-03T04:05:06Z') / 1000;
    const lines = stdout.split('\n');
    expect(lines[0]).toBe(`deep/deeper/file 3:4 4711 20000 ${time} regular file`);
    expect(lines[1]).toMatch(/^fifo 0:0 611 0 \d+ fifo$/);
    expect(lines[2]).toMatch(/^\. 5:6 1750 /);
    expect(lines[3]).toMatch(new RegExp(`link.*deep/deeper/file.* ${time}$`));
    expect(lines[4]).toBe('20000 link');
    expect(existsSync(join(directory, 'new'))).toBe(false);
    expect(lstatSync(join(directory, 'link')).isSymbolicLink()).toBe(true);
  });

  test('what does not fit is an error, and only a tmpfs takes it', () => {
    writeFileSync(join(bench.rootfs, 'var/big'), 'x'.repeat(100_000));
    const small = bench.runOnce(
      'small',
      ['true'],
      withMounts([{ destination: '/var', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup', 'size=16k'] }]),
    );
    expect(small.stderr).toContain('mount tmpfs on /var: ENOSPC');
    const other = bench.runOnce(
      'other',
      ['true'],
      withMounts([{ destination: '/var', type: 'ramfs', source: 'ramfs', options: ['tmpcopyup'] }]),
    );
    expect(other.stderr).toContain('only a tmpfs takes tmpcopyup');
  });
});

test('a mount label without SELinux is an error that names it', () => {
  if (existsSync('/sys/fs/selinux/enforce')) return;
  const outcome = bench.runOnce('label', ['true'], (config) => {
    config.linux.mountLabel = 'system_u:object_r:container_file_t:s0';
  });
  expect(outcome.stderr).toContain('linux.mountLabel: SELinux is not enabled on this machine');
});

test('a mount with neither a type nor bind is refused', () => {
  const outcome = bench.runOnce('typeless', ['true'], withMounts([{ destination: '/a', source: '/etc' }]));
  expect(outcome.stderr).toContain('mounts: /a: neither a type nor a bind');
});
