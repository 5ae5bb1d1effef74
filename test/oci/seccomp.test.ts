// linux.seccomp in full: actions, errnos, conditions, flags, architectures, calls nobody knows, and the notify listener.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BundleConfig, until, Workbench } from './bundle.ts';
import { Guests } from './guests.ts';

let bench: Workbench;
let guests: Guests;

beforeAll(() => {
  bench = new Workbench();
  guests = new Guests();
  guests.install('call', bench.rootfs);
});
afterAll(() => {
  bench.dispose();
  guests.dispose();
});

/** No cgroup of that name on the machine but this run's. */
const tag = randomBytes(4).toString('hex');
const named = (name: string) => `${name}-${tag}`;

const isX64 = process.arch === 'x64';
/** getpriority: takes two numbers and harms nobody. */
const getpriority = isX64 ? 140 : 141;
const marker = 77;
const native = isX64 ? 'SCMP_ARCH_X86_64' : 'SCMP_ARCH_AARCH64';

function withProfile(seccomp: object, more: (config: BundleConfig) => void = () => {}) {
  return (config: BundleConfig): void => {
    config.root.readonly = false;
    config.linux.seccomp = seccomp;
    more(config);
  };
}

const allowing = (...syscalls: object[]) => ({ defaultAction: 'SCMP_ACT_ALLOW', architectures: [native], syscalls });
const rule = (name: string, action: string, more: object = {}) => ({ names: [name], action, ...more });

/** errno of the call in a container with this profile, or the exit status when that is not 0. */
function errnoOf(seccomp: object, ...call: (string | number)[]): number {
  const outcome = bench.runOnce(named('errno'), ['call', ...call.map(String)], withProfile(seccomp));
  if (outcome.stderr !== '') throw new Error(outcome.stderr);
  return outcome.status === 0 ? Number(outcome.stdout) : (outcome.status ?? -1);
}

describe('actions', () => {
  const SIGSYS = 31;
  test.each([
    ['SCMP_ACT_ERRNO', {}, 1],
    ['SCMP_ACT_ERRNO', { errnoRet: marker }, marker],
    ['SCMP_ACT_ERRNO', { errnoRet: 0 }, 0],
    ['SCMP_ACT_TRACE', {}, 38], // without a tracer the kernel says ENOSYS
    ['SCMP_ACT_KILL', {}, 128 + SIGSYS],
    ['SCMP_ACT_KILL_THREAD', {}, 128 + SIGSYS],
    ['SCMP_ACT_KILL_PROCESS', {}, 128 + SIGSYS],
    ['SCMP_ACT_TRAP', {}, 128 + SIGSYS],
    ['SCMP_ACT_LOG', {}, 0],
    ['SCMP_ACT_ALLOW', {}, 0],
  ])('%s %j', (action, more, expected) => {
    expect(errnoOf(allowing(rule('getpriority', action, more)), getpriority, 0, 0)).toBe(expected);
  });

  test('the default errno is the profile’s, and a call that is allowed passes', () => {
    const base = ['read', 'write', 'writev', 'exit_group', 'execve', 'brk', 'mmap', 'fstat', 'newfstatat', 'ioctl'];
    const more = ['arch_prctl', 'set_tid_address', 'set_robust_list', 'rseq', 'prlimit64', 'getrandom', 'mprotect'];
    const setup = [
      'capset',
      'capget',
      'prctl',
      'rt_sigaction',
      'rt_sigprocmask',
      'sendto',
      'readlink',
      'readlinkat',
      'clock_gettime',
    ];
    const profile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: marker,
      architectures: [native],
      syscalls: [
        {
          names: [...base, ...more, ...setup, 'munmap', 'close', 'getpriority', 'fchmodat2'],
          action: 'SCMP_ACT_ALLOW',
        },
      ],
    };
    expect(errnoOf(profile, getpriority, 0, 0)).toBe(0);
    const getppid = isX64 ? 110 : 173;
    expect(errnoOf(profile, getppid)).toBe(marker);
    // newer than the libseccomp that is built in, and named: allowed (EBADF or EFAULT, or ENOSYS of an old kernel)
    expect([9, 14, 38]).toContain(errnoOf(profile, 452, 1000, 0, 0, 0));
    // not named and newer than all that is: ENOSYS, so that the C library tries another way
    expect(errnoOf(profile, 600)).toBe(38);
  });

  test('without the default action of refusing, what nobody knows is left to the kernel', () => {
    expect(errnoOf(allowing(rule('getpriority', 'SCMP_ACT_ERRNO')), 600)).toBe(38);
    const killing = { ...allowing(rule('getpriority', 'SCMP_ACT_ALLOW')), defaultAction: 'SCMP_ACT_LOG' };
    expect(errnoOf(killing, getpriority)).toBe(0);
  });
});

describe('conditions', () => {
  const matches = (args: object[], ...call: (number | string)[]) =>
    errnoOf(allowing(rule('getpriority', 'SCMP_ACT_ERRNO', { errnoRet: marker, args })), getpriority, ...call) ===
    marker;
  const when = (op: string, value: number, valueTwo = 0, index = 1) => [{ index, op, value, valueTwo }];

  test.each([
    ['SCMP_CMP_NE', [4, 6], [5]],
    ['SCMP_CMP_LT', [0, 4], [5, 6]],
    ['SCMP_CMP_LE', [4, 5], [6]],
    ['SCMP_CMP_EQ', [5], [4, 6]],
    ['SCMP_CMP_GE', [5, 6], [4]],
    ['SCMP_CMP_GT', [6], [5]],
  ])('%s 5', (op, hits, misses) => {
    for (const value of hits) expect(matches(when(op, 5), 0, value)).toBe(true);
    for (const value of misses) expect(matches(when(op, 5), 0, value)).toBe(false);
  });

  test('SCMP_CMP_MASKED_EQ takes the mask first, and all 64 bits count', () => {
    expect(matches(when('SCMP_CMP_MASKED_EQ', 0xf0, 0x50), 0, 0x5a)).toBe(true);
    expect(matches(when('SCMP_CMP_MASKED_EQ', 0xf0, 0x50), 0, 0x6a)).toBe(false);
    expect(matches(when('SCMP_CMP_EQ', 2 ** 40), 0, '0x10000000000')).toBe(true);
    expect(matches(when('SCMP_CMP_EQ', 0), 0, '0x10000000000')).toBe(false);
  });

  test('several on different arguments must all hold; several on one are alternatives, as in runc', () => {
    const two = [...when('SCMP_CMP_EQ', 1, 0, 0), ...when('SCMP_CMP_EQ', 5)];
    expect(matches(two, 1, 5)).toBe(true);
    expect(matches(two, 1, 6)).toBe(false);
    const either = [...when('SCMP_CMP_EQ', 4), ...when('SCMP_CMP_EQ', 5)];
    expect(matches(either, 0, 4)).toBe(true);
    expect(matches(either, 0, 5)).toBe(true);
    expect(matches(either, 0, 6)).toBe(false);
  });
});

describe('flags and architectures', () => {
  test.each([[[]], [['SECCOMP_FILTER_FLAG_TSYNC']], [['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW']]])(
    '%j are taken',
    (flags) => {
      const profile = { ...allowing(rule('getpriority', 'SCMP_ACT_ERRNO', { errnoRet: marker })), flags };
      expect(errnoOf(profile, getpriority)).toBe(marker);
    },
  );

  test('without flags speculation is left alone, with an empty list it is not, as in runc', () => {
    const speculation = (flags: object) =>
      bench.runOnce(
        'spec',
        ['grep', 'Speculation_Store_Bypass', '/proc/self/status'],
        withProfile({ ...allowing(), ...flags }),
      ).stdout;
    expect(speculation({})).toBe(speculation({ flags: ['SECCOMP_FILTER_FLAG_SPEC_ALLOW'] }));
  });

  test.runIf(isX64)('calls of an architecture that is not named are not let through', () => {
    const getpid32 = 20;
    const profile = (...architectures: string[]) => ({
      ...allowing(rule('getpriority', 'SCMP_ACT_ERRNO')),
      architectures,
    });
    expect(errnoOf(profile('SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'), '-32', getpid32)).toBe(0);
    expect(errnoOf(profile('SCMP_ARCH_X86_64'), '-32', getpid32)).toBe(159);
    const getpriority32 = 96;
    const both = {
      ...profile('SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'),
      syscalls: [rule('getpriority', 'SCMP_ACT_ERRNO', { errnoRet: marker })],
    };
    expect(errnoOf(both, '-32', getpriority32)).toBe(marker);
    expect(errnoOf(both, getpriority)).toBe(marker);
  });
});

describe('mistakes are refused by name', () => {
  test.each([
    [{ syscalls: [] }, 'linux.seccomp.defaultAction: missing'],
    [{ defaultAction: 'SCMP_ACT_MAYBE' }, 'unknown action SCMP_ACT_MAYBE'],
    [{ defaultAction: 'SCMP_ACT_NOTIFY' }, 'SCMP_ACT_NOTIFY cannot be the default'],
    [{ defaultAction: 'SCMP_ACT_ALLOW', defaultErrnoRet: 1 }, 'defaultErrnoRet: SCMP_ACT_ALLOW returns no errno'],
    [{ ...allowing(), flags: ['SECCOMP_FILTER_FLAG_ODD'] }, 'unknown flag SECCOMP_FILTER_FLAG_ODD'],
    [{ ...allowing(), flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'] }, 'no rule has SCMP_ACT_NOTIFY'],
    [{ ...allowing(), architectures: ['SCMP_ARCH_VAX'] }, 'unknown architecture SCMP_ARCH_VAX'],
    [allowing(rule('mkdir', 'SCMP_ACT_KILL', { errnoRet: 5 })), 'syscalls[0].errnoRet: SCMP_ACT_KILL returns no errno'],
    [allowing({ names: [], action: 'SCMP_ACT_KILL' }), 'syscalls[0].names: missing'],
    [allowing(rule('mkdir', 'SCMP_ACT_ERRNO', { args: [{ index: 6, value: 1, op: 'SCMP_CMP_EQ' }] })), 'args[0].index'],
    [allowing(rule('mkdir', 'SCMP_ACT_ERRNO', { args: [{ index: 1, value: 1, op: 'EQ' }] })), 'unknown operator EQ'],
    [allowing(rule('mkdir', 'SCMP_ACT_NOTIFY')), 'seccomp listenerPath is not set'],
    [allowing(rule('sendmsg', 'SCMP_ACT_NOTIFY')), 'cannot be used for the sendmsg syscall'],
    [allowing(rule('write', 'SCMP_ACT_NOTIFY')), 'cannot be used for the write syscall'],
  ])('%j', (profile, message) => {
    const outcome = bench.runOnce(named('mistake'), ['true'], withProfile(profile));
    expect(outcome.stderr).toContain(message);
    expect(outcome.status).toBe(1);
    expect(bench.left()).toEqual([]);
  });

  test('a call that no library knows is passed over', () => {
    expect(errnoOf(allowing(rule('no_such_call', 'SCMP_ACT_KILL')), getpriority)).toBe(0);
  });
});

describe('the notify listener', () => {
  let agent: ChildProcess;
  let told: string;
  const path = () => join(bench.directory, 'agent.sock');

  async function startAgent(errorNumber: number): Promise<void> {
    told = '';
    rmSync(path(), { force: true });
    agent = spawn(guests.build('seccomp-agent'), [path(), String(errorNumber)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    agent.stdout?.on('data', (piece) => {
      told += String(piece);
    });
    await until(() => told.startsWith('ready'));
  }

  const notifying = (names: string[], more: object = {}) => ({
    ...allowing({ names, action: 'SCMP_ACT_NOTIFY' }),
    listenerPath: path(),
    listenerMetadata: 'a "quoted" word',
    ...more,
  });
  const ended = (process: ChildProcess) => process.exitCode ?? once(process, 'exit');
  const state = () => JSON.parse(told.split('\n')[1] ?? '') as Record<string, any>;

  test.each([true, false])('answers for init, with no-new-privileges %s', async (noNewPrivileges) => {
    await startAgent(28);
    const profile = notifying(['mkdir', 'mkdirat'], { flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'] });
    const change = withProfile(profile, (config) => {
      config.process.noNewPrivileges = noNewPrivileges;
      config.annotations = { key: 'value' };
    });
    const outcome = await bench.runAside(named('notified'), ['mkdir', '/tmp'], change);
    expect(outcome.stderr).toContain('No space left on device');
    expect(state()).toMatchObject({
      fds: ['seccompFd'],
      metadata: 'a "quoted" word',
      state: { id: named('notified'), status: 'creating', annotations: { key: 'value' } },
    });
    expect(state().pid).toBe(state().state.pid);
    await ended(agent);
  });

  test('takes over calls that the runtime itself makes on its way to the command', async () => {
    await startAgent(28);
    const names = ['execve', 'openat', 'open', 'read', 'close', 'capset', 'prctl', 'sendto', 'rt_sigaction'];
    const outcome = await bench.runAside(named('important'), ['true'], withProfile(notifying(names)));
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
    await ended(agent);
  });

  test('is told of an exec process', async () => {
    await startAgent(28);
    const first = agent;
    bench.start(named('listened'), ['sleep', '60'], withProfile(notifying(['mkdir', 'mkdirat'])));
    await until(() => told.includes('creating'));
    await startAgent(17);
    const outcome = await bench.execAside(named('listened'), ['mkdir', '/tmp']);
    expect(outcome.stderr).toContain('File exists');
    expect(state().state.status).toBe('running');
    expect(state().pid).not.toBe(state().state.pid);
    bench.run(['delete', '-f', named('listened')]);
    await Promise.all([ended(first), ended(agent)]);
  });

  test('that is not there is an error, and nothing is left', () => {
    const profile = notifying(['mkdir'], { listenerPath: '/no/such/agent.sock' });
    const outcome = bench.runOnce(named('deaf'), ['true'], withProfile(profile));
    expect(outcome.stderr).toContain('connect with seccomp agent /no/such/agent.sock: ENOENT');
    expect(bench.left()).toEqual([]);
    expect(bench.cgroups(named('deaf'))).toEqual([]);
  });

  test('is not asked for when no rule notifies', () => {
    const profile = { ...allowing(), listenerPath: '/no/such/agent.sock' };
    expect(bench.runOnce(named('unneeded'), ['true'], withProfile(profile)).status).toBe(0);
  });
});
