// Debian's podman of an ordinary user with tsrunc: the runtime is root in podman's user namespace and has no cgroups.
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { busyboxArchive } from '../harness/images.ts';
import { OrdinaryUser, subordinateUids } from '../harness/ordinary-user.ts';
import { binDirectory } from '../harness/repository.ts';

let user: OrdinaryUser;

function podman(...args: string[]) {
  const flags = [
    `--runtime=${user.home}/tsrunc`,
    '--cgroup-manager=cgroupfs',
    '--events-backend=none',
    '--storage-driver=vfs',
  ];
  return user.run('podman', [...flags, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

beforeAll(async () => {
  user = await OrdinaryUser.make();
  copyFileSync(join(binDirectory, 'tsrunc'), join(user.home, 'tsrunc'));
  chmodSync(join(user.home, 'tsrunc'), 0o755);
  copyFileSync(await busyboxArchive(), join(user.home, 'busybox.tar'));
  chmodSync(join(user.home, 'busybox.tar'), 0o644);
  user.mkdir('.config');
  writeFileSync(join(user.mkdir('.config/containers'), 'containers.conf'), '[containers]\ncgroups = "no-conmon"\n');
  expect(podman('load', '-i', join(user.home, 'busybox.tar')).stderr).not.toContain('Error');
});
afterAll(() => {
  podman('rm', '-fa', '-t', '0');
  // files of the subordinate ids
  podman('unshare', 'rm', '-rf', join(user.home, '.local'));
  podman('system', 'migrate'); // ends the process that holds podman's namespaces
  user.dispose();
});

test('a command runs as root of the user’s own namespace', () => {
  const { stdout, stderr } = podman(
    'run',
    '--rm',
    '--network=none',
    'busybox',
    'sh',
    '-c',
    'id -u; cat /proc/self/uid_map',
  );
  expect({ stderr, lines: stdout.split('\n').map((line) => line.trim().split(/\s+/).join(' ')) }).toEqual({
    stderr: '',
    lines: ['0', `0 ${user.id} 1`, `1 ${subordinateUids.first} ${subordinateUids.count}`, ''],
  });
  expect(podman('run', '--rm', '--network=none', '-u', '5:6', 'busybox', 'sh', '-c', 'id -u; exit 7')).toMatchObject({
    stdout: '5\n',
    status: 7,
  });
});

test('a container that runs on takes exec, with a terminal too, kill and rm', () => {
  expect(podman('run', '-d', '--name', 'live', '--network=none', 'busybox', 'sleep', '1000').stderr).toBe('');
  expect(podman('inspect', '-f', '{{.OCIRuntime}}', 'live').stdout.trim()).toBe(`${user.home}/tsrunc`);
  expect(podman('exec', 'live', 'echo', 'inside').stdout).toBe('inside\n');
  expect(podman('exec', '-t', 'live', 'tty').stdout).toMatch(/^\/dev\/pts\/\d+/);
  expect(podman('kill', '-s', 'KILL', 'live').stderr).toBe('');
  expect(podman('wait', 'live').stdout).toBe('137\n');
  expect(podman('rm', 'live').status).toBe(0);
  expect(podman('ps', '-aq').stdout).toBe('');
});
