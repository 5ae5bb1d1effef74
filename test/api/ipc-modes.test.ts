// IPC namespaces between containers: a shareable one is joined with its /dev/shm, a private one is not.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxArchive } from '../harness/images.ts';
import { leaksBetween, snapshotMachine } from '../harness/leak-check.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
  await stack.docker(['load', '-q', '-i', await busyboxArchive()]);
});
afterAll(() => stack?.stop());

const run = (...args: string[]) => stack.docker(['run', '--network', 'none', ...args]);

describe('--ipc', () => {
  it('shareable is joined by container:NAME, shared memory and all, over a restart of the donor', async () => {
    const before = snapshotMachine();
    await run('-d', '--name', 'donor', '--ipc', 'shareable', '--shm-size', '2m', 'busybox', 'sleep', '1000');
    await stack.docker(['exec', 'donor', 'sh', '-c', 'echo shared > /dev/shm/word']);
    const joined = await run(
      '--rm',
      '--ipc',
      'container:donor',
      'busybox',
      'sh',
      '-c',
      'cat /dev/shm/word; df -k /dev/shm | tail -n 1; readlink /proc/self/ns/ipc',
    );
    const own = await stack.docker(['exec', 'donor', 'readlink', '/proc/self/ns/ipc']);
    expect(joined).toMatchObject({ stderr: '', code: 0 });
    expect(joined.stdout).toMatch(/^shared\nshm +2048 /);
    expect(joined.stdout.endsWith(own.stdout)).toBe(true);
    await stack.docker(['restart', '-t', '0', 'donor']);
    expect((await stack.docker(['exec', 'donor', 'ls', '/dev/shm'])).stdout).toBe('');
    await stack.docker(['rm', '-f', 'donor']);
    expect(leaksBetween(before, snapshotMachine()).filter((leak) => leak.startsWith('mounts'))).toEqual([]);
  });

  it('private is not to be joined, and a donor that does not run neither', async () => {
    await run('-d', '--name', 'private', 'busybox', 'sleep', '1000');
    const refused = await run('--rm', '--ipc', 'container:private', 'busybox', 'true');
    expect(refused.stderr).toContain('non-shareable IPC');
    expect(refused.code).toBe(125);
    await stack.docker(['rm', '-f', 'private']);
    await run('--name', 'over', '--ipc', 'shareable', 'busybox', 'true');
    const late = await run('--rm', '--ipc', 'container:over', 'busybox', 'true');
    expect(late.stderr).toMatch(/: failed to join IPC namespace: container [0-9a-f]{64} is not running/);
    await stack.docker(['rm', '-f', 'over']);
  });

  it.each([
    ['--ipc', 'odd', 'invalid IPC mode: odd'],
    ['--cap-add', 'ODD', 'invalid CapAdd: unknown capability: "CAP_ODD"'],
    ['--log-driver', 'odd', 'plugin "odd" not found'],
  ])('%s %s is refused by name', async (flag, value, message) => {
    const result = await run('--rm', flag, value, 'busybox', 'true');
    expect(result.stderr).toContain(message);
    expect(result.code).toBe(125);
  });
});
