// Devices by CDI: a specification in a directory of the daemon's, asked for by name, by DeviceRequests and by --gpus.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxArchive } from '../harness/images.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let scratch: string;

const yaml = (marker: string) => `
cdiVersion: "0.6.0"
kind: "nvidia.com/gpu"
devices:
  - name: "0"
    containerEdits:
      env: ["GPU=zero"]
      deviceNodes: [{ path: /dev/gpu0, hostPath: /dev/fuse }]
  - name: "1"
    containerEdits:
      env: ["GPU=one"]
  - name: all
    containerEdits:
      env: ["GPU=all"]
containerEdits:
  env: ["DRIVER=there"]
  hooks:
    - { hookName: createContainer, path: /bin/sh, args: [sh, -c, "echo hooked > ${marker}"] }
`;

beforeAll(async () => {
  scratch = mkdtempSync('/tmp/tsc-cdi-');
  for (const name of ['low', 'high']) mkdirSync(join(scratch, name));
  writeFileSync(join(scratch, 'library'), 'of the host');
  const edits = {
    env: ['PATH_OF=low'],
    deviceNodes: [{ path: '/dev/vendor', type: 'c', major: 1, minor: 3, permissions: 'r', fileMode: 0o640 }],
    mounts: [{ hostPath: join(scratch, 'library'), containerPath: '/usr/lib/vendor', options: ['ro', 'bind'] }],
    additionalGids: [4711],
  };
  const devices = [
    { name: 'one', containerEdits: edits },
    { name: 'overridden', containerEdits: { env: ['RANK=low'] } },
  ];
  const file = { cdiVersion: '0.5.0', kind: 'vendor.test/thing', devices };
  writeFileSync(join(scratch, 'low/vendor.json'), JSON.stringify(file));
  const high = { ...file, devices: [{ name: 'overridden', containerEdits: { env: ['RANK=high'] } }] };
  writeFileSync(join(scratch, 'high/vendor.json'), JSON.stringify(high));
  writeFileSync(join(scratch, 'high/broken.json'), '{');
  const flags = ['low', 'high'].flatMap((name) => ['--cdi-spec-dir', join(scratch, name)]);
  stack = await startStack({ engineFlags: flags, readyTimeoutMs: 60_000 });
  await stack.docker(['load', '-q', '-i', await busyboxArchive()]);
});
afterAll(async () => {
  await stack?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

const run = (side: 'docker' | 'tsctl', ...args: string[]) => stack[side](['run', '--rm', '--network=none', ...args]);

describe('a CDI device', () => {
  it('brings its nodes, rules, mounts, variables and groups', async () => {
    const script =
      'ls -l /dev/vendor; cat /usr/lib/vendor; echo; echo $PATH_OF; id -G; grep "c 1:3" /sys/fs/cgroup/devices/devices.list';
    const flags = ['--device', 'vendor.test/thing=one', '--user', '1000'];
    const result = await run('tsctl', ...flags, 'busybox', 'sh', '-c', script);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    const [node = '', ...rest] = result.stdout.trim().split('\n');
    expect(node).toMatch(/^crw-r----- .* app .* 1, +3 /);
    expect(rest).toEqual(['of the host', 'low', '1000 10 4711', 'c 1:3 rwm']);
  });

  it('is the one of the directory that comes last', async () => {
    const { stdout } = await run('tsctl', '--device', 'vendor.test/thing=overridden', 'busybox', 'env');
    expect(stdout).toContain('RANK=high\n');
  });

  it('that nobody describes fails the start by its name', async () => {
    const result = await run('tsctl', '--device', 'vendor.test/thing=nosuch', 'busybox', 'true');
    expect(result.code).toBe(125);
    expect(result.stderr).toContain('unresolvable CDI devices vendor.test/thing=nosuch');
  });

  it('is asked for by DeviceRequests, whose form is checked', async () => {
    const create = (request: object) =>
      stack.api('POST', '/containers/create', {
        Image: 'busybox',
        Cmd: ['env'],
        HostConfig: { NetworkMode: 'none', DeviceRequests: [request] },
      });
    expect(await create({ Driver: 'cdi', DeviceIDs: ['odd'] })).toMatchObject({ status: 400 });
    expect(await create({ Driver: 'cdi', Count: 1 })).toMatchObject({ status: 400 });
    const made = await create({ Driver: 'cdi', DeviceIDs: ['vendor.test/thing=one'] });
    expect(made.status).toBe(201);
    expect((await stack.docker(['start', '-a', made.body.Id])).stdout).toContain('PATH_OF=low');
    await stack.docker(['rm', '-f', made.body.Id]);
  });
});

describe('--gpus', () => {
  it('says so when there are none', async () => {
    const result = await run('docker', '--gpus', 'all', 'busybox', 'true');
    expect(result.code).toBe(125);
    expect(result.stderr).toContain('could not select device driver "" with capabilities: [[gpu]]');
  });

  it('takes all, some or named ones of what a specification describes, with hooks', async () => {
    const marker = join(scratch, 'hooked');
    writeFileSync(join(scratch, 'high/nvidia.yaml'), yaml(marker));
    const seen = async (side: 'docker' | 'tsctl', wanted: string) => {
      const { stdout, stderr } = await run(side, '--gpus', wanted, 'busybox', 'sh', '-c', 'echo $GPU $DRIVER');
      return stdout.trim() || stderr;
    };
    for (const side of ['docker', 'tsctl'] as const) {
      expect(await seen(side, 'all')).toBe('all there');
      expect(await seen(side, '1')).toBe('zero there');
      expect(await seen(side, '"device=1"')).toBe('one there');
      expect(await seen(side, '3')).toContain('3 devices of nvidia.com/gpu are wanted, 2 are there');
    }
    expect(readFileSync(marker, 'utf8')).toBe('hooked\n');
    const { stdout } = await run('docker', '--gpus', 'device=0', 'busybox', 'stat', '-c', '%t:%T', '/dev/gpu0');
    const number = statSync('/dev/fuse').rdev;
    expect(stdout.trim()).toBe(`${(number >> 8).toString(16)}:${(number & 0xff).toString(16)}`);
    expect(existsSync('/dev/gpu0')).toBe(false);
  });
});
