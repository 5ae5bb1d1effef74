// The experiments of "How Docker runs", each on the live stack: ids, files, pids, the process tree, namespaces, unshare.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { hostProcess, hostProcesses, namespaceLink } from '../harness/processes.ts';
import { binDirectory } from '../harness/repository.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let volume: string;

beforeAll(async () => {
  volume = mkdtempSync('/tmp/tsc-volume-');
  stack = await startStack();
  expect((await stack.tsctl(['load', '-q', '-i', await busyboxArchive()])).code).toBe(0);
});

afterAll(async () => {
  await stack?.stop();
  rmSync(volume, { recursive: true, force: true });
});

async function ok(args: string[]): Promise<string> {
  const result = await stack.tsctl(args);
  expect(result.code, `tsctl ${args.join(' ')}: ${result.stderr}`).toBe(0);
  return result.stdout;
}

const hostPidOf = async (name: string) => Number((await ok(['inspect', '--format', '{{.State.Pid}}', name])).trim());

describe('how docker runs', () => {
  it('(a) id inside is root, as outside: without a user namespace it is the same user', async () => {
    expect(await ok(['run', '--rm', '--network', 'none', 'busybox', 'id', '-u'])).toBe('0\n');
    expect(process.getuid?.()).toBe(0);
  });

  it('(b) a file made on a volume belongs to root outside, and to the mapped user with a user namespace', async () => {
    await ok(['run', '--rm', '--network', 'none', '-v', `${volume}:/data`, 'busybox', 'touch', '/data/plain']);
    expect(statSync(join(volume, 'plain')).uid).toBe(0);
    const open = mkdtempSync(join(volume, 'open-'));
    await run('chmod', ['777', open]);
    await ok([
      'run',
      '--rm',
      '--network',
      'none',
      '--userns',
      'private',
      '-v',
      `${open}:/data`,
      'busybox',
      'sh',
      '-c',
      'test $(id -u) = 0 && touch /data/mapped',
    ]);
    expect(statSync(join(open, 'mapped')).uid).toBeGreaterThan(0);
  });

  it('(c) one process has one pid inside and another outside', async () => {
    await ok(['run', '-d', '--name', 'pids', '--network', 'none', 'busybox', 'sleep', '600']);
    const outside = await hostPidOf('pids');
    expect(outside).toBeGreaterThan(1);
    expect(await ok(['exec', 'pids', 'cat', '/proc/1/cmdline'])).toBe(['sleep', '600', ''].join('\u0000'));
    expect(hostProcess(outside)?.cmdline).toBe('sleep 600');
    await ok(['rm', '-f', 'pids']);
  });

  it('(d) the tree on the host: tscontainerd, shim, monitor, the shell, its watch', async () => {
    await ok([
      'run',
      '-d',
      '--name',
      'tree',
      '--network',
      'none',
      'busybox',
      'sh',
      '-c',
      'watch -n 1 true > /dev/null; true',
    ]);
    const shell = await hostPidOf('tree');
    const watch = await until('watch runs', 5000, () =>
      hostProcesses().find((found) => found.parent === shell && found.cmdline.startsWith('watch')),
    );
    expect(watch.cmdline).toContain('watch -n 1');
    const monitor = hostProcess(hostProcess(shell)?.parent ?? 0);
    expect(monitor?.comm).toMatch(/^tsrunc/);
    expect(monitor?.cmdline).toContain('monitor');
    const shim = hostProcess(monitor?.parent ?? 0);
    expect(shim?.comm).toMatch(/^containerd-shim/);
    expect(stack.pids('tscontainerd')).toHaveLength(1);
    expect(stack.pids('containerd-shim')).toContain(shim?.pid);
    await ok(['rm', '-f', 'tree']);
  });

  it('(e) the links of /proc/PID/ns: its own beside the host’s', async () => {
    await ok(['run', '-d', '--name', 'links', '--network', 'none', 'busybox', 'sleep', '600']);
    const pid = await hostPidOf('links');
    for (const type of ['pid', 'net', 'ipc', 'mnt', 'uts'])
      expect(namespaceLink(pid, type), type).not.toBe(namespaceLink('self', type));
    expect(namespaceLink(pid, 'user')).toBe(namespaceLink('self', 'user'));
    await ok(['rm', '-f', 'links']);
    await ok([
      'run',
      '-d',
      '--name',
      'shared',
      '--network',
      'none',
      '--pid',
      'host',
      '--uts',
      'host',
      'busybox',
      'sleep',
      '600',
    ]);
    const shared = await hostPidOf('shared');
    for (const type of ['pid', 'uts']) expect(namespaceLink(shared, type), type).toBe(namespaceLink('self', type));
    await ok(['rm', '-f', 'shared']);
  });

  it('(f) tsctl unshare: without --fork the program keeps its host pid, with it the pid is 1', async () => {
    const tsctl = join(binDirectory, 'tsctl');
    const forked = await run(tsctl, ['unshare', '-p', '-m', '--fork', '--mount-proc', 'sh', '-c', 'echo $$']);
    expect(forked).toEqual({ stdout: '1\n', stderr: '', code: 0 });
    const kept = await run('sh', ['-c', `echo $$; exec ${tsctl} unshare -p sh -c 'echo $$'`]);
    const [shell, inside] = kept.stdout.trim().split('\n');
    expect(inside).toBe(shell);
    const named = await run(tsctl, [
      'unshare',
      '-u',
      '-n',
      '-i',
      '-C',
      'sh',
      '-c',
      'hostname inside; hostname; readlink /proc/self/ns/uts',
    ]);
    expect(named.stdout.split('\n')[0]).toBe('inside');
    expect(named.stdout.split('\n')[1]).not.toBe(namespaceLink('self', 'uts'));
    expect((await run(tsctl, ['unshare', '-U', '-r', 'id', '-u'])).stdout).toBe('0\n');
    expect((await run(tsctl, ['unshare', '-T', 'readlink', '/proc/self/ns/time'])).code).toBe(0);
  });

  it('tsctl tour runs them all and says so', async () => {
    const tour = await stack.tsctl(['tour', '--yes'], { timeoutMs: 60_000 });
    expect(tour.code, tour.stdout + tour.stderr).toBe(0);
    for (const word of ['tscontainerd', 'containerd-shim', 'monitor', 'unshare', '/ns'])
      expect(tour.stdout).toContain(word);
  });
});
