// unshare through the addon: the Node process becomes the program, in namespaces of its own.
import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { UnshareOptions } from './unshare.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const tsrunc = join(repository, 'dist/bin/tsrunc');

/** A Node process of its own that calls execUnshare: it never comes back. */
function unshared(options: Partial<UnshareOptions>, path = tsrunc) {
  const whole: UnshareOptions = {
    namespaces: [],
    fork: false,
    mountProc: false,
    mapRootUser: false,
    argv: [],
    ...options,
  };
  const script = `import { execUnshare } from ${JSON.stringify(join(repository, 'packages/linux/src/unshare.ts'))};
    try { execUnshare(${JSON.stringify(whole)}, ${JSON.stringify(path)}); } catch (error) { console.log(error.code); }`;
  const child = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], { encoding: 'utf8' });
  return { ...child, stdout: child.stdout.trim(), stderr: child.stderr.trim() };
}

describe('execUnshare', () => {
  it('keeps the pid of the process that called it: the program is that process', () => {
    const { stdout, pid, status } = unshared({
      namespaces: ['uts'],
      argv: ['sh', '-c', 'echo $$ $(readlink /proc/self/ns/uts)'],
    });
    const [inner, uts] = stdout.split(' ');
    expect(Number(inner)).toBe(pid);
    expect(uts).not.toBe(readlinkSync('/proc/self/ns/uts'));
    expect(status).toBe(0);
  });

  it('forks so that the program is pid 1 of a new pid namespace, with a /proc that shows it', () => {
    const argv = ['sh', '-c', 'echo $$ $(readlink /proc/self/ns/pid | cut -c1-4); ls -d /proc/[0-9]* | wc -l; exit 7'];
    const { stdout, status } = unshared({ namespaces: ['pid'], fork: true, mountProc: true, argv });
    const [first, count] = stdout.split('\n');
    expect(first).toBe('1 pid:');
    expect(Number(count)).toBeLessThan(6);
    expect(status).toBe(7);
  });

  it('maps the caller to root in a new user namespace', () => {
    const { stdout } = unshared({
      namespaces: ['user'],
      mapRootUser: true,
      argv: ['sh', '-c', 'id -u; cat /proc/self/uid_map'],
    });
    expect(stdout.replace(/ +/g, ' ')).toBe('0\n 0 0 1');
  });

  it.each(['mount', 'network', 'ipc', 'cgroup', 'time'] as const)('makes a %s namespace', (name) => {
    const file = { mount: 'mnt', network: 'net', ipc: 'ipc', cgroup: 'cgroup', time: 'time_for_children' }[name];
    const { stdout } = unshared({ namespaces: [name], argv: ['readlink', `/proc/self/ns/${file}`] });
    expect(stdout).toMatch(/^\w+:\[\d+\]$/);
    expect(stdout).not.toBe(readlinkSync(`/proc/self/ns/${file}`));
  });

  it('gives the program its default signals back', () => {
    const { stdout } = unshared({ argv: ['grep', 'SigIgn', '/proc/self/status'] });
    expect(stdout).toMatch(/SigIgn:\s+0+$/);
  });

  it('ends with 127 when there is no such program, and throws when there is no tsrunc', () => {
    expect(unshared({ argv: ['/no/such/program'] }).status).toBe(127);
    expect(unshared({ argv: ['true'] }, '/no/such/tsrunc').stdout).toBe('not-found');
  });
});
