// What runs after clone may call only what is safe there: the child's objects are checked against this list.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const objects = resolve(import.meta.dirname, '../../build/addon/CMakeFiles/child.dir/src/child');

/** System calls by their thin wrappers, and string functions without state: no heap, locks, stdio or exceptions. */
const allowed = new Set(
  `__errno_location _exit syscall
   chdir chroot clone close close_range connect dup2 dup3 execve faccessat fchdir fchmodat fchown fchownat fcntl flock fstat
   fstatat fstatfs ioctl mkdirat mknodat open openat pipe2 poll read readlinkat renameat send sendmsg recvmsg setsockopt
   socket socketpair stat symlinkat umask utimensat write
   fsconfig fsmount fsopen geteuid mount move_mount open_tree umount2 setns unshare sethostname setdomainname setsid
   clock_gettime nanosleep kill waitpid sigaction sigprocmask sigaddset sigemptyset sigfillset signalfd personality prctl
   madvise mmap munmap getauxval memcpy memmove memset strchr strcmp strcpy strlen strncmp strncpy strrchr`.split(
    /\s+/,
  ),
);

test('the child calls nothing that allocates, locks or throws', () => {
  expect(existsSync(objects), 'built by `pnpm build:addon`').toBe(true);
  const files = readdirSync(objects).filter((name) => name.endsWith('.o'));
  expect(files.length).toBeGreaterThan(5);
  const { stdout } = spawnSync('nm', ['-u', ...files.map((name) => join(objects, name))], { encoding: 'utf8' });
  const names = [...stdout.matchAll(/^\s+U (\S+)$/gm)].map((match) => match[1] ?? '');
  expect(names.length).toBeGreaterThan(50);
  // Names of the child's own functions, in the mangled form of namespace tsc::child.
  const foreign = names.filter((name) => !name.startsWith('_ZN3tsc5child') && name !== '_GLOBAL_OFFSET_TABLE_');
  expect([...new Set(foreign)].filter((name) => !allowed.has(name))).toEqual([]);
});
