// Escapes of the past through processes: the executable, tracing, fds, capabilities, users, keyrings, helper programs.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BundleConfig, tsrunc, Workbench } from './bundle.ts';
import { Guests } from './guests.ts';

let bench: Workbench;
let guests: Guests;
/** A tsrunc that an attack may destroy. */
let victim: string;

beforeAll(() => {
  bench = new Workbench();
  guests = new Guests();
  for (const name of ['exe-thief', 'tracer', 'keys']) guests.install(name, bench.rootfs);
  victim = join(bench.directory, 'tsrunc');
  copyFileSync(tsrunc, victim);
  symlinkSync('/proc/self/exe', join(bench.rootfs, 'bin/self'));
  writeFileSync(join(bench.rootfs, 'bin/self-script'), '#!/proc/self/exe\n');
  chmodSync(join(bench.rootfs, 'bin/self-script'), 0o755);
});
afterAll(() => {
  bench.dispose();
  guests.dispose();
});

/** No cgroup of that name on the machine but this run's. */
const tag = randomBytes(4).toString('hex');
const named = (name: string) => `${name}-${tag}`;

/** An attack needs turns enough in its few seconds. */
const racing = { timeout: 60_000 };

const writable = (config: BundleConfig) => {
  config.root.readonly = false;
};
const allCapabilities =
  (...more: string[]) =>
  (config: BundleConfig) => {
    writable(config);
    const names = ['CAP_KILL', 'CAP_DAC_OVERRIDE', 'CAP_SETUID', 'CAP_SETGID', ...more];
    config.process.capabilities = { bounding: names, effective: names, permitted: names };
    config.process.noNewPrivileges = false;
  };

/** Runs `attack` in a container, and `meanwhile` again and again until it has ended; what the attack printed. */
async function attackWhile(
  id: string,
  attack: string[],
  change: (config: BundleConfig) => void,
  meanwhile: (id: string, turn: number) => void,
) {
  bench.start(id, ['sleep', '60'], change);
  const attacker = spawn(tsrunc, ['--root', bench.stateRoot, 'exec', id, ...attack], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  attacker.stdout.on('data', (piece) => {
    printed += String(piece);
  });
  let isOver = false;
  attacker.on('close', () => {
    isOver = true;
  });
  for (let turn = 0; !isOver; turn += 1) {
    meanwhile(id, turn);
    await new Promise((resolve) => setImmediate(resolve));
  }
  bench.run(['delete', '-f', id]);
  return Object.fromEntries(
    [...printed.matchAll(/(\w+) (\d+)/g)].map(([, key, value]) => [key, Number(value)]),
  ) as Record<string, number>;
}

describe('the runtime’s executable (CVE-2019-5736)', racing, () => {
  const commands = [['/proc/self/exe', 'state', 'x'], ['self', 'state'], ['self-script'], ['true']];

  test('is not written by a container that makes it run inside', async () => {
    const before = readFileSync(victim);
    const result = await attackWhile(named('thief'), ['exe-thief', '4'], allCapabilities(), (id, turn) => {
      spawnSync(victim, ['--root', bench.stateRoot, 'exec', id, ...(commands[turn % commands.length] ?? [])], {
        stdio: 'ignore',
      });
    });
    expect(result['seen']).toBeGreaterThan(10);
    // it does get hold of the program while it runs inside: what protects the file is that it is no way to write it
    expect(result['opened']).toBeGreaterThan(0);
    expect(result['wrote']).toBe(0);
    expect(readFileSync(victim).equals(before)).toBe(true);
  });

  test('would be, if it were executed from its file', async () => {
    const unprotected = join(bench.directory, 'unprotected');
    copyFileSync(tsrunc, unprotected);
    const before = readFileSync(unprotected);
    const result = await attackWhile(named('robbed'), ['exe-thief', '4'], allCapabilities(), (id) => {
      const { pid } = JSON.parse(bench.run(['state', id]).stdout) as { pid: number };
      spawnSync(guests.build('enter'), [String(pid), unprotected, 'state', 'x'], { stdio: 'ignore' });
    });
    expect(result['wrote']).toBeGreaterThan(0);
    expect(readFileSync(unprotected).equals(before)).toBe(false);
  });

  test('as entrypoint runs, and is the same afterwards', () => {
    const before = readFileSync(victim);
    for (const command of commands.slice(0, 3)) {
      const bundle = bench.bundle(command, writable);
      const outcome = spawnSync(victim, ['--root', bench.stateRoot, 'run', '-b', bundle, named('entry')], {
        encoding: 'utf8',
      });
      expect(outcome.signal).toBeNull();
    }
    expect(readFileSync(victim).equals(before)).toBe(true);
  });
});

describe('tracing a process that joins (CVE-2016-9962)', racing, () => {
  const exec = (id: string) => bench.run(['exec', id, 'true']);

  test('a container without CAP_SYS_PTRACE gets no hold of it before its command, nor of any fd', async () => {
    const result = await attackWhile(named('traced'), ['tracer', '3'], allCapabilities(), exec);
    expect(result['seen']).toBeGreaterThan(10);
    expect(result).toMatchObject({ early: 0, foreign: 0 });
  });

  test('with it, in a user namespace, neither', async () => {
    const change = (config: BundleConfig) => {
      allCapabilities('CAP_SYS_PTRACE')(config);
      config.linux.namespaces.push({ type: 'user' });
      const mapping = [{ containerID: 0, hostID: 0, size: 65536 }];
      config.linux.uidMappings = mapping;
      config.linux.gidMappings = mapping;
    };
    const result = await attackWhile(named('traced-mapped'), ['tracer', '3'], change, exec);
    expect(result['seen']).toBeGreaterThan(10);
    expect(result).toMatchObject({ early: 0, foreign: 0 });
  });

  test('the tracer does get hold of what runs a program of the container', async () => {
    const result = await attackWhile(named('traceable'), ['tracer', '3'], allCapabilities('CAP_SYS_PTRACE'), (id) => {
      bench.run(['exec', id, 'sh', '-c', 'sleep 0.1; true']);
    });
    expect(result['seized']).toBeGreaterThan(0);
  });
});

describe('file descriptors (CVE-2024-21626)', () => {
  /** The runtime inherits a directory of the host at many numbers, as a careless caller would leave them. */
  const withLeaks = (args: string[]) => {
    const host = openSync('/', 'r');
    const stdio: ('ignore' | 'pipe' | number)[] = ['ignore', 'pipe', 'pipe', ...Array.from({ length: 30 }, () => host)];
    return spawnSync(tsrunc, ['--root', bench.stateRoot, ...args], { encoding: 'utf8', stdio, timeout: 20_000 });
  };

  test('no number leads the working directory out of the container, with run', () => {
    for (let fd = 3; fd <= 50; fd += 1) {
      const bundle = bench.bundle(['cat', 'etc/hostname'], (config) => {
        config.process.cwd = `/proc/self/fd/${fd}`;
      });
      expect(withLeaks(['run', '-b', bundle, named('leak')])).toMatchObject({
        status: 1,
        stdout: '',
        stderr: expect.stringContaining('change directory'),
      });
    }
    expect(bench.left()).toEqual([]);
  });

  test('nor with exec', () => {
    bench.start(named('leak'), ['sleep', '60']);
    for (let fd = 3; fd <= 50; fd += 1) {
      const { status, stdout } = withLeaks([
        'exec',
        '--cwd',
        `/proc/self/fd/${fd}`,
        named('leak'),
        'cat',
        'etc/hostname',
      ]);
      expect([status, stdout]).toEqual([255, '']);
    }
    bench.run(['delete', '-f', named('leak')]);
  });

  test('by a link to such a number of the image, neither', () => {
    for (const fd of [3, 7, 12]) {
      symlinkSync(`/proc/self/fd/${fd}`, join(bench.rootfs, `fd${fd}`));
      const bundle = bench.bundle(['cat', 'etc/hostname'], (config) => {
        config.process.cwd = `/fd${fd}`;
      });
      expect(withLeaks(['run', '-b', bundle, named('leak')]).stdout).toBe('');
    }
  });

  test('a container has 0, 1 and 2, and what --preserve-fds names', () => {
    const list = (...flags: string[]) => {
      const bundle = bench.bundle(['ls', '/proc/self/fd']);
      return withLeaks(['run', ...flags, '-b', bundle, named('fds')])
        .stdout.trim()
        .split('\n');
    };
    expect(list()).toEqual(['0', '1', '2', '3']); // 3 is ls reading the directory
    expect(list('--preserve-fds', '2')).toEqual(['0', '1', '2', '3', '4', '5']);
    bench.start(named('fds'), ['sleep', '60']);
    expect(withLeaks(['exec', named('fds'), 'ls', '/proc/self/fd']).stdout).toBe('0\n1\n2\n3\n');
    bench.run(['delete', '-f', named('fds')]);
  });

  test('the host directory could be reached if an fd were kept, so the leak is a real one', () => {
    const bundle = bench.bundle(['cat', '/proc/self/fd/3/proc/1/comm'], allCapabilities('CAP_SYS_PTRACE'));
    const { stdout } = withLeaks(['run', '--preserve-fds', '1', '-b', bundle, named('kept')]);
    expect(stdout.trim()).toBe(readFileSync('/proc/1/comm', 'utf8').trim());
  });
});

describe('capabilities (CVE-2022-24769, 2022-27650, 2022-29162)', () => {
  const none = 'CapInh:\t0000000000000000\n';

  test('none is inheritable with run, exec and exec --cap', () => {
    const status = ['grep', 'CapInh', '/proc/self/status'];
    expect(bench.runOnce(named('inherit'), status).stdout).toBe(none);
    bench.start(named('inherit'), ['sleep', '60']);
    expect(bench.run(['exec', named('inherit'), ...status]).stdout).toBe(none);
    expect(
      bench.run(['exec', '--cap', 'CAP_SYS_ADMIN', '--cap', 'CAP_NET_ADMIN', named('inherit'), ...status]).stdout,
    ).toBe(none);
    bench.run(['delete', '-f', named('inherit')]);
  });

  test('the same line says so when config.json asks for it', () => {
    const { stdout } = bench.runOnce(named('asked'), ['grep', 'CapInh', '/proc/self/status'], (config) => {
      config.process.capabilities = {
        bounding: ['CAP_KILL'],
        permitted: ['CAP_KILL'],
        effective: ['CAP_KILL'],
        inheritable: ['CAP_KILL'],
      };
    });
    expect(stdout).toBe('CapInh:\t0000000000000020\n');
  });
});

describe('the user of exec (crun CVE-2026-30892)', () => {
  test.each([
    ['1', 'uid=1 gid=0'],
    ['1:2', 'uid=1 gid=2'],
    ['1000:1000', 'uid=1000 gid=1000'],
  ])('-u %s is %s', (user, expected) => {
    bench.start(named('who'), ['sleep', '60'], allCapabilities());
    const { stdout } = bench.run([
      'exec',
      '-u',
      user,
      named('who'),
      'sh',
      '-c',
      'id; grep -E "Uid|CapEff" /proc/self/status',
    ]);
    bench.run(['delete', '-f', named('who')]);
    expect(stdout).toContain(expected);
    const [uid] = user.split(':');
    expect(stdout).toContain(`Uid:\t${uid}\t${uid}\t${uid}\t${uid}`);
    expect(stdout).toContain('CapEff:\t0000000000000000');
  });

  test('that is no number is refused', () => {
    bench.start(named('who'), ['sleep', '60']);
    expect(bench.run(['exec', '-u', 'root', named('who'), 'id']).status).toBe(255);
    expect(bench.run(['exec', '-u', '1x', named('who'), 'id']).status).toBe(255);
    bench.run(['delete', '-f', named('who')]);
  });
});

describe('the session keyring', () => {
  const run = (...flags: string[]) => {
    const bundle = bench.bundle(['keys', 'host-secret']);
    const args = ['host-secret', tsrunc, '--root', bench.stateRoot, 'run', ...flags, '-b', bundle, named('ring')];
    return spawnSync(guests.build('with-key'), args, { encoding: 'utf8' }).stdout;
  };

  test('is a new one: no key of the caller can be found', () => {
    expect(run()).toMatch(new RegExp(`_ses\\.${named('ring')}\nnone\n$`));
  });

  test('with --no-new-keyring it is the caller’s', () => {
    expect(run('--no-new-keyring')).toMatch(/\nfound\n$/);
  });
});

describe('programs that the runtime itself starts (krun CVE-2026-84042)', () => {
  test('are none of the bundle’s, the root’s or the caller’s PATH', () => {
    const marker = join(bench.directory, 'ran-on-the-host');
    const traps = join(bench.directory, 'traps');
    mkdirSync(traps);
    for (const name of [
      'tsrunc',
      'runc',
      'sh',
      'mount',
      'ip',
      'newuidmap',
      'newgidmap',
      'criu',
      'systemd-run',
      'modprobe',
    ]) {
      writeFileSync(join(traps, name), `#!/bin/sh\ntouch ${marker}\n`);
      chmodSync(join(traps, name), 0o755);
    }
    const bundle = bench.bundle(['true'], (config) => {
      config.process.env = [`PATH=/bin:${traps}`];
      config.linux.namespaces.push({ type: 'user' });
      const mapping = [{ containerID: 0, hostID: 0, size: 65536 }];
      config.linux.uidMappings = mapping;
      config.linux.gidMappings = mapping;
    });
    const { status } = spawnSync(tsrunc, ['--root', bench.stateRoot, 'run', '-b', bundle, named('trap')], {
      cwd: traps,
      env: { PATH: traps },
    });
    expect(status).toBe(0);
    expect(readdirSync(bench.directory)).not.toContain('ran-on-the-host');
  });
});
