// A failure at each step of create, run and exec: what it says, in both formats of the log, and that nothing is left of
// it: no state directory, cgroup, mount, namespace or process.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BundleConfig, Workbench } from './bundle.ts';

let bench: Workbench;
const tag = randomBytes(4).toString('hex');

beforeAll(() => {
  bench = new Workbench();
  writeFileSync(join(bench.rootfs, 'file'), '');
  mkdirSync(bench.stateRoot);
});
afterAll(() => {
  bench.dispose();
});

/** Processes of this test: what they execute or are called with lies below its directory. */
function processes(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return command.includes(bench.directory) || command.includes(tag) ? [`${pid} ${command}`] : [];
      } catch {
        return []; // it has ended
      }
    });
}

/** Namespaces that only processes of this test could be in: their root is the test's. */
function strangers(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/root`).startsWith(bench.directory);
      } catch {
        return false;
      }
    });
}

function expectNothingLeft(id: string): void {
  expect(bench.left()).toEqual([]);
  expect(bench.cgroups(id)).toEqual([]);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(bench.directory);
  expect(processes()).toEqual([]);
  expect(strangers()).toEqual([]);
}

type Change = (config: BundleConfig) => void;
const mount =
  (destination: string, type: string, more: object = {}): Change =>
  (config) => {
    config.mounts.push({ destination, type, ...more });
  };
const namespace =
  (type: string, path: string): Change =>
  (config) => {
    config.linux.namespaces = config.linux.namespaces.filter((item) => item.type !== type);
    config.linux.namespaces.push({ type, path });
  };
const withRoot =
  (path: string): Change =>
  (config) => {
    config.root.path = path;
  };
const hooks =
  (values: object): Change =>
  (config) => {
    config['hooks'] = values;
  };
const linux =
  (values: object): Change =>
  (config) => {
    Object.assign(config.linux, values);
  };
const ofProcess =
  (values: object): Change =>
  (config) => {
    Object.assign(config.process, values);
  };
const mapped =
  (uidMappings: object[]): Change =>
  (config) => {
    config.linux.namespaces.push({ type: 'user' });
    Object.assign(config.linux, { uidMappings, gidMappings: [{ containerID: 0, hostID: 0, size: 1 }] });
  };

/** [step, what the message says, what to do or undefined, what is wrong] */
const failures: [string, RegExp, string | undefined, Change][] = [
  [
    'read config',
    /ociVersion: missing/,
    undefined,
    (config) => {
      delete config['ociVersion'];
    },
  ],
  ['open rootfs', /open rootfs .*: ENOENT/, undefined, withRoot('/no/such/root')],
  [
    'a cgroup limit',
    /memory\.swappiness.*: EINVAL/,
    undefined,
    linux({ resources: { memory: { limit: 33554432, swap: 33554432, swappiness: 500 } } }),
  ],
  ['seccomp', /unknown action/, undefined, linux({ seccomp: { defaultAction: 'SCMP_ACT_X' } })],
  [
    'an id map',
    /write id maps.*: E/,
    undefined,
    mapped([
      { containerID: 0, hostID: 0, size: 1 },
      { containerID: 0, hostID: 5, size: 9 },
    ]),
  ],
  ['a namespace path', /open namespace .*: ENOENT/, 'the namespace is gone', namespace('network', '/no/such/ns')],
  ['a namespace type', /network|join namespaces .*: EINVAL/, undefined, namespace('network', '/proc/self/ns/uts')],
  [
    'a bind source',
    /bind \/no\/such on \/mnt: ENOENT/,
    'the source of the bind is missing',
    mount('/mnt', 'bind', { source: '/no/such', options: ['bind'] }),
  ],
  ['a file system', /mount nofs on \/mnt: ENODEV/, 'the kernel has no such file system', mount('/mnt', 'nofs')],
  [
    'a mount option',
    /mount tmpfs on \/mnt: EINVAL/,
    'an option is unknown',
    mount('/mnt', 'tmpfs', { options: ['colour=blue'] }),
  ],
  ['a mount target', /on \/file\/x: ENOTDIR/, 'a directory on a file', mount('/file/x', 'tmpfs')],
  [
    'a device',
    /mask path \/dev\/null: ENODEV/,
    'not the null device',
    linux({ devices: [{ path: '/dev/null', type: 'c', major: 9, minor: 9 }] }),
  ],
  [
    'a sysctl',
    /write sysctl .*: ENOENT/,
    'the kernel has no such sysctl',
    linux({ sysctl: { 'net.ipv4.no_such': '1' } }),
  ],
  [
    'a sysctl value',
    /write sysctl .*: EINVAL/,
    'not one that this sysctl takes',
    linux({ sysctl: { 'kernel.msgmax': 'x' } }),
  ],
  [
    'a prestart hook',
    /prestart hook \/bin\/false: error running hook: exit status 1/,
    undefined,
    hooks({ prestart: [{ path: '/bin/false' }] }),
  ],
  [
    'a container hook',
    /createContainer hook .*: ENOENT/,
    undefined,
    hooks({ createContainer: [{ path: '/no/hook' }] }),
  ],
  ['a working directory', /change directory .*: E/, undefined, ofProcess({ cwd: '/file' })],
  ['a limit', /set limits: EINVAL/, undefined, ofProcess({ rlimits: [{ type: 'RLIMIT_NOFILE', soft: 9, hard: 5 }] })],
  ['a missing command', /executable file not found in \$PATH/, undefined, ofProcess({ args: ['no-such-command'] })],
  ['a start hook', /startContainer hook .*: ENOENT/, undefined, hooks({ startContainer: [{ path: '/no/hook' }] })],
  ['a poststart hook', /poststart hook \/bin\/false/, undefined, hooks({ poststart: [{ path: '/bin/false' }] })],
  [
    'an agent',
    /failed to connect with seccomp agent \/no\/agent: ENOENT/,
    'nobody listens',
    linux({
      seccomp: {
        defaultAction: 'SCMP_ACT_ALLOW',
        listenerPath: '/no/agent',
        syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_NOTIFY' }],
      },
    }),
  ],
];

describe('run', () => {
  test.each(failures)('%s', (step, message, remedy, change) => {
    const id = `${step.replaceAll(/\W+/g, '-')}-${tag}`;
    const log = join(bench.directory, `${id}.log`);
    const bundle = bench.bundle(['sleep', '5'], (config) => {
      config.root.readonly = false;
      change(config);
    });
    const outcome = bench.run(['--log', log, '--log-format', 'json', 'run', '-b', bundle, id]);
    expect(outcome.status).not.toBe(0);
    expect(outcome.stderr).toMatch(message);
    if (remedy !== undefined) expect(outcome.stderr).toContain(remedy);
    // each line as containerd's go-runc reads it: {"level","msg","time"}, the time in RFC 3339
    const lines = readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, string>);
    for (const line of lines) {
      expect(Object.keys(line).sort()).toEqual(['level', 'msg', 'time']);
      expect(line['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
    }
    const errors = lines.filter((line) => line['level'] === 'error');
    expect(errors.at(-1)?.['msg']).toMatch(message);
    expectNothingLeft(id);
  });

  test('the same bundle without a mistake runs, and leaves nothing either', () => {
    expect(bench.runOnce(`right-${tag}`, ['true']).status).toBe(0);
    expectNothingLeft(`right-${tag}`);
  });
});

describe('what the caller asked for besides', () => {
  const failing = (id: string, flags: string[], change: Change = () => {}) => {
    const bundle = bench.bundle(['sleep', '30'], change);
    const outcome = bench.run(['run', '-d', ...flags, '-b', bundle, id], { stdio: ['ignore', 'ignore', 'pipe'] });
    expect(outcome.status).toBe(1);
    expectNothingLeft(id);
    return outcome.stderr;
  };

  test('a pid file that cannot be written', () => {
    expect(failing(`pidfile-${tag}`, ['--pid-file', '/no/such/directory/pid'])).toContain('write pid file');
  });

  test('a console socket that nobody listens at', () => {
    const terminal: Change = (config) => {
      config.process.terminal = true;
    };
    expect(failing(`console-${tag}`, ['--console-socket', '/no/such/socket'], terminal)).toContain('send console');
  });
});

describe('exec', () => {
  const id = `host-${tag}`;
  beforeAll(() => {
    bench.start(id, ['sleep', '60']);
  });
  afterAll(() => {
    bench.run(['delete', '-f', id]);
    expectNothingLeft(id);
  });
  const inside = () => bench.run(['exec', id, 'ps']).stdout;

  test.each([
    ['a missing command', ['no-such-command'], 'executable file not found'],
    ['a directory that is missing', ['--cwd', '/no/such', 'true'], 'change directory'],
    ['a pid file that cannot be written', ['--pid-file', '/no/such/directory/pid', 'sleep', '30'], 'write pid file'],
    [
      'a console socket that is missing',
      ['-d', '-t', '--console-socket', '/no/such/socket', 'sleep', '30'],
      'send console',
    ],
  ])('%s', (_name, args, message) => {
    const options = args.slice(
      0,
      args.findIndex((word) => ['no-such-command', 'true', 'sleep'].includes(word)),
    );
    const command = args.slice(options.length);
    const outcome = bench.run(['exec', ...options, id, ...command]);
    expect(outcome.status).not.toBe(0);
    expect(outcome.stderr).toContain(message);
    expect(inside()).toContain('sleep 60');
    expect(inside()).not.toContain('sleep 30');
  });
});

describe('a state root that cannot be written', () => {
  test('is named', () => {
    const directory = join(bench.directory, 'closed');
    mkdirSync(directory);
    writeFileSync(join(directory, 'state'), '');
    const bundle = bench.bundle(['true']);
    const { stderr, status } = spawnSync(
      join(import.meta.dirname, '../../dist/bin/tsrunc'),
      ['--root', join(directory, 'state'), 'run', '-b', bundle, `closed-${tag}`],
      { encoding: 'utf8' },
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(/closed\/state.*: ENOTDIR/);
    expectNothingLeft(`closed-${tag}`);
  });
});
