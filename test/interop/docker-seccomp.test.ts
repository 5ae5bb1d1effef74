// The system call filter of containers, by docker's own client: the default profile, none, one of the user's; and exec.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxArchive } from '../harness/images.ts';
import { leaksBetween, type MachineSnapshot, snapshotMachine } from '../harness/leak-check.ts';
import { type RealDockerd, startRealDockerd } from '../harness/real-dockerd.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let real: RealDockerd;
let before: MachineSnapshot;
let scratch: string;

beforeAll(async () => {
  const archive = await busyboxArchive();
  before = snapshotMachine();
  scratch = mkdtempSync('/tmp/tsc-seccomp-');
  [stack, real] = await Promise.all([startStack(), startRealDockerd()]);
  await Promise.all([stack.docker(['load', '-i', archive]), real.docker(['load', '-i', archive])]);
}, 60_000);

afterAll(async () => {
  await Promise.all([stack?.stop(), real?.stop()]);
  rmSync(scratch, { recursive: true, force: true });
  expect(leaksBetween(before, snapshotMachine())).toEqual([]);
}, 60_000);

/**
 * Seccomp's mode, and whether a user namespace, a mount and a chroot may be made. Nothing that would touch the machine
 * where it is allowed.
 */
const probe = `grep -E '^Seccomp:' /proc/1/status
busybox unshare -U true 2>&1 && echo user namespace
mkdir -p /tmp/m; mount -t tmpfs none /tmp/m 2>&1 && echo mounted
chroot / true && echo chroot
true`;

async function both(flags: string[], script = probe) {
  const args = ['run', '--rm', '--network', 'none', ...flags, 'busybox', 'sh', '-c', script];
  const [ours, theirs] = await Promise.all([stack.docker(args), real.docker(args)]);
  return { ours: ours.stdout + ours.stderr, theirs: theirs.stdout + theirs.stderr };
}

describe('the seccomp profile of a container', () => {
  it('is the default one, as in dockerd', async () => {
    const { ours, theirs } = await both([]);
    expect(ours).toContain('Seccomp:\t2\n');
    expect(ours).toMatch(/unshare.*: Operation not permitted/);
    expect(ours).not.toContain('user namespace');
    expect(ours).toContain('chroot\n');
    expect(ours).toBe(theirs);
  });

  it('is folded: less than half of what libseccomp makes of it, 1337 instructions', async () => {
    expect((await stack.docker(['run', '--rm', '--network', 'none', 'busybox', 'true'])).code).toBe(0);
    const kept = join(stack.directory, 'exec/containerd/tsrunc/moby/.seccomp');
    // the sixth word of the file's head counts the instructions
    const counts = readdirSync(kept).map((name) => Number(readFileSync(join(kept, name)).readBigUInt64LE(40)));
    expect(Math.max(...counts)).toBeGreaterThan(100);
    expect(Math.max(...counts)).toBeLessThan(1337 / 2);
  });

  it.each([
    [['--security-opt', 'seccomp=unconfined'], 'user namespace'],
    [['--cap-add', 'SYS_ADMIN', '--security-opt', 'apparmor=unconfined'], 'mounted'],
    [['--cap-drop', 'SYS_CHROOT'], 'Seccomp:\t2'],
    [['--security-opt', 'no-new-privileges', '-u', '1000'], 'Seccomp:\t2'],
  ])('with %j is what dockerd makes of it', async (flags, expected) => {
    const { ours, theirs } = await both(flags);
    expect(ours).toContain(expected);
    expect(ours).toBe(theirs);
  });

  it('is none for a privileged one, unless it names one', async () => {
    // not beside dockerd: its runc cannot grant every capability on a machine that lacks some
    const args = (...flags: string[]) => ['run', '--rm', '--network', 'none', '--privileged', ...flags, 'busybox'];
    const free = await stack.docker([...args(), 'sh', '-c', probe]);
    expect(free.stdout).toMatch(/^Seccomp:\t0\nuser namespace\nmounted\n/);
    const file = join(scratch, 'allow.json');
    writeFileSync(file, '{"defaultAction":"SCMP_ACT_ALLOW"}');
    const bound = await stack.docker([...args('--security-opt', `seccomp=${file}`), 'sh', '-c', probe]);
    expect(bound.stdout).toContain('Seccomp:\t2');
  });

  it('is the one of the file that is named, with its conditions', async () => {
    const file = join(scratch, 'profile.json');
    const refuse = (name: string, errnoRet: number, more: object = {}) => ({
      names: [name],
      action: 'SCMP_ACT_ERRNO',
      errnoRet,
      ...more,
    });
    writeFileSync(
      file,
      JSON.stringify({
        defaultAction: 'SCMP_ACT_ALLOW',
        archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] }],
        syscalls: [
          refuse('mkdir', 28),
          refuse('rmdir', 17, { includes: { caps: ['CAP_SYS_BOOT'] } }),
          refuse('symlink', 22, { excludes: { caps: ['CAP_SYS_BOOT'] } }),
        ],
      }),
    );
    const script = 'mkdir /tmp/a; busybox rmdir /nothere; busybox ln -s a /tmp/b; true';
    const flags = ['--security-opt', `seccomp=${file}`];
    for (const capabilities of [[], ['--cap-add', 'SYS_BOOT']]) {
      const { ours, theirs } = await both([...flags, ...capabilities], script);
      expect(ours).toContain('No space left on device');
      expect(ours.includes('File exists')).toBe(capabilities.length > 0);
      expect(ours.includes('Invalid argument')).toBe(capabilities.length === 0);
      expect(ours).toBe(theirs);
    }
  });

  it('holds for exec, also of a privileged one', async () => {
    await stack.docker(['run', '-d', '--network', 'none', '--name', 'held', 'busybox', 'sleep', '60']);
    for (const flags of [[], ['--privileged'], ['-u', '1000']]) {
      const { stdout, stderr } = await stack.docker(['exec', ...flags, 'held', 'sh', '-c', probe]);
      expect(stdout).toContain('Seccomp:\t2\n');
      expect(stdout + stderr).toMatch(/unshare.*: Operation not permitted/);
    }
    await stack.docker(['rm', '-f', 'held']);
  });

  it('is told by info', async () => {
    const { body } = await stack.api('GET', '/info');
    expect(body.SecurityOptions).toContain('name=seccomp,profile=builtin');
  });
});
