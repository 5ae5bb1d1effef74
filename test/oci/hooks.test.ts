// Hooks of config.json: their order, place, input, time limits, and what a failure of each does.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { hostProcesses } from '../harness/processes.ts';
import { type BundleConfig, Workbench } from './bundle.ts';

const kinds = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'] as const;
type Kind = (typeof kinds)[number];
type Hook = { path: string; args?: string[]; env?: string[]; timeout?: number };

let bench: Workbench;
let log: string;

beforeAll(() => {
  bench = new Workbench();
  // The container's own hooks write through a bind of the directory that the others write to.
  mkdirSync(join(bench.directory, 'log'));
  mkdirSync(join(bench.rootfs, 'log'));
  mkdirSync(join(bench.rootfs, 'tmp'));
  log = join(bench.directory, 'log/lines');
});
afterEach(() => {
  rmSync(log, { force: true });
});
afterAll(() => {
  bench.dispose();
});

const shellHook = (script: string, more: Partial<Hook> = {}): Hook => ({
  path: '/bin/sh',
  args: ['sh', '-c', script],
  ...more,
});

/** startContainer hooks see the container's root, all others the host's. */
const logPath = (kind: Kind) => (kind === 'startContainer' ? '/log/lines' : log);

const withHooks =
  (hooks: Partial<Record<Kind, Hook[]>>, change: (config: BundleConfig) => void = () => {}) =>
  (config: BundleConfig): void => {
    config.mounts.push({ destination: '/log', type: 'bind', source: join(bench.directory, 'log'), options: ['bind'] });
    config.annotations = { 'org.example.key': 'value "quoted"' };
    config.hooks = hooks;
    change(config);
  };

const lines = () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []);

/** Every kind writes its name. */
const announcing = () =>
  Object.fromEntries(kinds.map((kind) => [kind, [shellHook(`echo ${kind} >> ${logPath(kind)}`)]])) as Record<
    Kind,
    Hook[]
  >;

const announcingBut = (failing: Kind, script = 'echo sorry >&2; exit 3') => ({
  ...announcing(),
  [failing]: [shellHook(script)],
});

function expectNothingLeft(id: string): void {
  expect(bench.left()).toEqual([]);
  expect(bench.cgroups(id)).toEqual([]);
}

describe('order and place', () => {
  test('all six run, in the order of the life cycle', () => {
    const outcome = bench.runOnce('order', ['sh', '-c', 'echo process >> /log/lines'], withHooks(announcing()));
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
    expect(lines().filter((line) => line !== 'process')).toEqual([...kinds]);
    expect(lines().indexOf('process')).toBeGreaterThan(lines().indexOf('startContainer'));
    expectNothingLeft('order');
  });

  test('those of create run in create, those of start in start, those of delete in delete', () => {
    expect(bench.create('phases', ['sleep', '60'], withHooks(announcing())).status).toBe(0);
    expect(lines()).toEqual(['prestart', 'createRuntime', 'createContainer']);
    expect(bench.run(['start', 'phases']).status).toBe(0);
    expect(lines().slice(3)).toEqual(['startContainer', 'poststart']);
    expect(bench.run(['delete', '-f', 'phases']).status).toBe(0);
    expect(lines().slice(5)).toEqual(['poststop']);
  });

  test('each reads the state of its moment from stdin', () => {
    const hooks = Object.fromEntries(
      kinds.map((kind) => [kind, [shellHook(`cat >> ${logPath(kind)}; echo >> ${logPath(kind)}`)]]),
    );
    const change = withHooks(hooks);
    expect(bench.create('states', ['sleep', '60'], change).status).toBe(0);
    const { pid, bundle } = JSON.parse(bench.run(['state', 'states']).stdout) as { pid: number; bundle: string };
    bench.run(['start', 'states']);
    bench.run(['delete', '-f', 'states']);
    const common = { ociVersion: '1.3.0', id: 'states', bundle, annotations: { 'org.example.key': 'value "quoted"' } };
    expect(lines().map((line) => JSON.parse(line) as unknown)).toEqual([
      { ...common, status: 'creating', pid },
      { ...common, status: 'creating', pid },
      { ...common, status: 'creating', pid: 1 },
      { ...common, status: 'created', pid: 1 },
      { ...common, status: 'running', pid },
      { ...common, status: 'stopped' },
    ]);
  });

  test('namespaces, root and directory: the runtime hooks outside, the container hooks inside', () => {
    const outside = spawnSync('readlink', ['/proc/self/ns/uts', '/proc/self/ns/mnt'], { encoding: 'utf8' });
    const script = (kind: Kind) =>
      `{ echo ${kind} $(readlink /proc/self/ns/uts) $(readlink /proc/self/ns/mnt) $(pwd); } >> ${logPath(kind)}`;
    const hooks = Object.fromEntries(kinds.map((kind) => [kind, [shellHook(script(kind))]]));
    spawnSync('ln', ['-sf', 'busybox', join(bench.rootfs, 'bin/readlink')]);
    const outcome = bench.runOnce('places', ['true'], withHooks(hooks));
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
    const [uts = '', mnt = ''] = outside.stdout.split('\n');
    const seen = new Map(lines().map((line) => [line.split(' ')[0], line.split(' ').slice(1)]));
    for (const kind of ['prestart', 'createRuntime', 'poststart', 'poststop']) {
      expect(seen.get(kind)?.slice(0, 2)).toEqual([uts, mnt]);
    }
    for (const kind of ['createContainer', 'startContainer']) {
      expect(seen.get(kind)?.[0]).not.toBe(uts);
      expect(seen.get(kind)?.[1]).not.toBe(mnt);
    }
    expect(seen.get('createContainer')?.[2]).toBe(bench.rootfs);
    expect(seen.get('startContainer')?.[2]).toBe('/');
  });

  test('a createContainer hook finds the mounts at the root path of config.json, and what it mounts stays', () => {
    const outcome = bench.runOnce(
      'mounting',
      ['sh', '-c', 'cat /added/file; ls /added'],
      withHooks(
        {
          createContainer: [
            shellHook(
              `test -e ${bench.rootfs}/dev/null && mkdir -p ${bench.rootfs}/added && ` +
                `mount -t tmpfs none ${bench.rootfs}/added && echo here > ${bench.rootfs}/added/file`,
              { env: ['PATH=/usr/bin:/bin'] },
            ),
          ],
        },
        (config) => {
          config.root.readonly = false;
        },
      ),
    );
    expect(outcome).toMatchObject({ status: 0, stdout: 'here\nfile\n' });
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(bench.rootfs);
  });

  test('a runtime hook that enters the mount namespace by pid finds the root there, too', () => {
    const script =
      `pid=$(sed 's/.*"pid":\\([0-9]*\\).*/\\1/'); ` + `nsenter -t $pid -m ls ${bench.rootfs}/dev/null > ${log} 2>&1`;
    const outcome = bench.runOnce(
      'entering',
      ['true'],
      withHooks({ createRuntime: [shellHook(script, { env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'] })] }),
    );
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
    expect(lines()).toEqual([`${bench.rootfs}/dev/null`]);
  });

  test('the environment is the one given; without one it is the caller’s or, inside, the process’s', () => {
    const print = (kind: Kind) => `echo ${kind} $GIVEN $FROM_CALLER $FROM_PROCESS >> ${logPath(kind)}`;
    const bundle = bench.bundle(
      ['true'],
      withHooks(
        {
          prestart: [shellHook(print('prestart'), { env: ['GIVEN=given'] }), shellHook(print('prestart'))],
          startContainer: [
            shellHook(print('startContainer'), { env: ['GIVEN=given'] }),
            shellHook(print('startContainer')),
          ],
        },
        (config) => {
          config.process.env.push('FROM_PROCESS=process');
        },
      ),
    );
    bench.run(['run', '-b', bundle, 'env'], { env: { ...process.env, FROM_CALLER: 'caller' } });
    expect(lines()).toEqual(['prestart given', 'prestart caller', 'startContainer given', 'startContainer process']);
  });

  test('in a user namespace the container hooks run as its root, and the fds of the runtime are not theirs', () => {
    const outcome = bench.runOnce(
      'userhooks',
      ['true'],
      withHooks(
        {
          startContainer: [
            shellHook('id -u > /tmp/hook; ls /proc/self/fd >> /tmp/hook; cat /tmp/hook > /dev/stdout; exit 5'),
          ],
        },
        (config) => {
          const mapping = [{ containerID: 0, hostID: 100000, size: 65536 }];
          config.linux.namespaces.push({ type: 'user' });
          config.linux.uidMappings = mapping;
          config.linux.gidMappings = mapping;
          config.mounts.push({ destination: '/tmp', type: 'tmpfs' });
        },
      ),
    );
    expect(outcome.stderr).toContain('startContainer hook /bin/sh: error running hook: exit status 5: 0 0 1 2 3');
    expectNothingLeft('userhooks');
  });
});

describe('failures', () => {
  test.each(['prestart', 'createRuntime', 'createContainer'] as const)(
    '%s: create fails, the container is destroyed, and poststop hooks run',
    (kind) => {
      const outcome = bench.create(`fail-${kind}`, ['true'], withHooks(announcingBut(kind)));
      expect(outcome.status).toBe(1);
      expect(outcome.stderr).toContain(`${kind} hook /bin/sh: error running hook: exit status 3: sorry`);
      expect(lines()).toEqual([...kinds.slice(0, kinds.indexOf(kind)), 'poststop']);
      expectNothingLeft(`fail-${kind}`);
    },
  );

  test.each(['startContainer', 'poststart'] as const)(
    '%s: start fails, the container is stopped and destroyed, and poststop hooks run',
    (kind) => {
      expect(bench.create(`fail-${kind}`, ['sleep', '60'], withHooks(announcingBut(kind))).status).toBe(0);
      const outcome = bench.run(['start', `fail-${kind}`]);
      expect(outcome.status).toBe(1);
      expect(outcome.stderr).toContain(`${kind} hook /bin/sh: error running hook: exit status 3: sorry`);
      expect(lines().at(-1)).toBe('poststop');
      expect(lines()).not.toContain(kind);
      expectNothingLeft(`fail-${kind}`);
    },
  );

  test('poststop: a warning, and the hooks after it run', () => {
    const hooks = { poststop: [shellHook('exit 3'), shellHook(`echo second >> ${log}`)] };
    expect(bench.create('fail-poststop', ['true'], withHooks(hooks)).status).toBe(0);
    const outcome = bench.run(['delete', '-f', 'fail-poststop']);
    expect(outcome.status).toBe(0);
    expect(outcome.stderr).toContain('poststop hook /bin/sh: error running hook: exit status 3');
    expect(lines()).toEqual(['second']);
    expectNothingLeft('fail-poststop');
  });

  test('a hook after one that fails does not run', () => {
    const hooks = { prestart: [shellHook('exit 1'), shellHook(`echo second >> ${log}`)] };
    expect(bench.create('first-fails', ['true'], withHooks(hooks)).status).toBe(1);
    expect(lines()).toEqual([]);
  });

  test('a hook that takes longer than its timeout is killed, with what it started', () => {
    // of this run alone, and longer than create may take here
    const command = `sleep 54321.${process.pid}`;
    const hooks = { createRuntime: [shellHook(`${command}; true`, { timeout: 1 })] };
    const outcome = bench.create('late', ['true'], withHooks(hooks));
    expect(outcome.stderr).toContain('createRuntime hook /bin/sh: error running hook: killed after its timeout of 1 s');
    expect(hostProcesses().filter(({ cmdline }) => cmdline === command)).toEqual([]);
    expectNothingLeft('late');
  });

  test('a hook that cannot be executed, or dies by a signal, is told', () => {
    const missing = { prestart: [{ path: '/no/such/hook' }] };
    expect(bench.create('missing', ['true'], withHooks(missing)).stderr).toContain(
      'prestart hook /no/such/hook: ENOENT',
    );
    const killed = { prestart: [shellHook('kill -9 $$')] };
    expect(bench.create('killed', ['true'], withHooks(killed)).stderr).toContain('killed by signal 9');
    expectNothingLeft('killed');
  });

  test('a state that is longer than a pipe holds reaches the hook, and one that does not read it is no error', () => {
    const big = 'x'.repeat(200_000);
    const change = withHooks({ prestart: [shellHook('true'), shellHook(`wc -c > ${log}`)] }, (config) => {
      config.annotations = { big };
    });
    expect(bench.runOnce('big', ['true'], change)).toMatchObject({ status: 0, stderr: '' });
    expect(Number(lines()[0])).toBeGreaterThan(200_000);
  });

  test('a hook with a relative path or a timeout of zero is refused before anything is made', () => {
    const relative = { prestart: [{ path: 'bin/true' }] };
    expect(bench.create('relative', ['true'], withHooks(relative)).stderr).toContain(
      'hooks.prestart[0].path: not an absolute path',
    );
    const zero = { poststop: [{ path: '/bin/true', timeout: 0 }] };
    expect(bench.create('zero', ['true'], withHooks(zero)).stderr).toContain(
      'hooks.poststop[0].timeout: not greater than zero',
    );
    writeFileSync(log, '');
    expectNothingLeft('zero');
  });
});

test('a command that execve refuses is told by start, without a monitor', () => {
  writeFileSync(join(bench.rootfs, 'noformat'), 'text', { mode: 0o755 });
  expect(bench.create('noformat', ['/noformat']).status).toBe(0);
  const outcome = bench.run(['start', 'noformat']);
  expect(outcome.status).toBe(126);
  expect(outcome.stderr).toContain('exec format error');
  expect(bench.status('noformat')).toBe('stopped');
  expect(bench.run(['delete', 'noformat']).status).toBe(0);
});
