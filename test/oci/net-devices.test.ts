// linux.netDevices: a device of the host's network namespace moves into the container, with its global addresses. All
// of it in a network namespace of the test's own.
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type BundleConfig, type Outcome, tsrunc, until, Workbench } from './bundle.ts';

let bench: Workbench;
/** Holds the network namespace that stands for the host's. */
let host: ReturnType<typeof spawn>;

beforeAll(async () => {
  bench = new Workbench();
  spawnSync('ln', ['-sf', 'busybox', join(bench.rootfs, 'bin/ip')]);
  host = spawn('unshare', ['-n', 'sleep', '600'], { stdio: 'ignore' });
  await until(() => inHost('ip -o link').stdout.split('\n').length === 2);
});
afterEach(() => {
  expect(bench.left()).toEqual([]);
  inHost('for link in $(ls /sys/class/net); do test $link = lo || ip link del $link; done; true');
});
afterAll(() => {
  host.kill('SIGKILL');
  bench.dispose();
});

function inHost(script: string, input = ''): Outcome {
  // With /sys of that namespace, and nothing of it left outside.
  const command = ['-n', '-t', String(host.pid), 'unshare', '-m', 'sh', '-c', `mount -t sysfs none /sys; ${script}`];
  const { status, stdout, stderr } = spawnSync('nsenter', command, { encoding: 'utf8', input });
  return { status, stdout, stderr };
}

/** Runs a container from there: only the network namespace is another, so that the cgroups stay in view. */
function run(args: string[], netDevices: unknown, change: (config: BundleConfig) => void = () => {}): Outcome {
  const bundle = bench.bundle(args, (config) => {
    config.linux.netDevices = netDevices;
    change(config);
  });
  const command = ['-n', '-t', String(host.pid), tsrunc, '--root', bench.stateRoot, 'run', '-b', bundle, 'netdev'];
  const { status, stdout, stderr } = spawnSync('nsenter', command, { encoding: 'utf8', input: '' });
  return { status, stdout, stderr };
}

const makeDevice = (name: string, address = '10.11.12.13/24') =>
  expect(
    inHost(
      `ip link add ${name} type veth peer name peer-${name} && ip link set peer-${name} up && ip link set ${name} up && ` +
        `ip addr add ${address} brd + dev ${name} && ip addr add fd00:1::5/64 dev ${name} nodad && ` +
        `ip addr add 169.254.7.7/16 scope link dev ${name}`,
    ).stderr,
  ).toBe('');

test('a device keeps its global addresses, and is up', () => {
  makeDevice('eth7');
  const { status, stdout, stderr } = run(['ip', 'addr'], { eth7: {} });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/eth7@.*<BROADCAST,MULTICAST,UP,LOWER_UP/);
  expect(stdout).toContain('inet 10.11.12.13/24 brd 10.11.12.255 scope global eth7');
  expect(stdout).toContain('inet6 fd00:1::5/64 scope global');
  expect(stdout).not.toContain('169.254.7.7');
});

test('it is renamed, also by a pattern, and several at once', () => {
  makeDevice('eth7');
  makeDevice('eth8', '10.11.13.13/24');
  makeDevice('eth9', '10.11.14.13/24');
  const { stdout, stderr } = run(['ip', '-o', 'addr'], {
    eth7: { name: 'inside' },
    eth8: { name: 'lan%d' },
    eth9: { name: 'lan%d' },
  });
  expect(stderr).toBe('');
  expect(stdout).toMatch(/inside +inet 10\.11\.12\.13\/24/);
  expect(stdout).toMatch(/lan0 +inet 10\.11\.13\.13\/24/);
  expect(stdout).toMatch(/lan1 +inet 10\.11\.14\.13\/24/);
});

test('in a user namespace', () => {
  makeDevice('eth7');
  const { stdout, stderr } = run(['ip', '-o', 'addr'], { eth7: { name: 'inside' } }, (config) => {
    config.linux.namespaces.push({ type: 'user' });
    config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
    config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  });
  expect(stderr).toBe('');
  expect(stdout).toMatch(/inside +inet 10\.11\.12\.13\/24/);
});

test('when the container cannot be made, the device comes back as it was', () => {
  makeDevice('eth7');
  const before = inHost('ip -o addr show eth7').stdout.replaceAll(/\d+: /g, '');
  const outcome = run(['true'], { eth7: { name: 'lan%d' } }, (config) => {
    config.mounts.push({ destination: '/x', type: 'nofs' });
  });
  expect(outcome.stderr).toContain('mount nofs on /x: ENODEV');
  const after = inHost('ip -o addr show eth7').stdout.replaceAll(/\d+: /g, '');
  const global = (text: string) => text.split('\n').filter((line) => line.includes('scope global'));
  expect(global(after)).toEqual(global(before));
  expect(inHost('ip -o link show eth7').stdout).toContain('UP');
});

test.each([
  [{ nosuch0: {} }, 'find network device nosuch0: ENODEV'],
  [
    { eth7: { name: 'lo' } },
    'move network device eth7: EEXIST (File exists): the container has a device of that name already',
  ],
  [{ eth7: { name: 'a/b' } }, 'linux.netDevices.eth7.name: a/b is not the name of a network device'],
  [{ 'much-too-long-a-name': {} }, 'linux.netDevices.much-too-long-a-name: not the name of a network device'],
])('%j is refused', (netDevices, message) => {
  makeDevice('eth7');
  const outcome = run(['true'], netDevices);
  expect(outcome.status).toBe(1);
  expect(outcome.stderr).toContain(message);
  expect(inHost('ip link show eth7').status).toBe(0);
});

test('without a network namespace of the container’s own it is refused', () => {
  const outcome = run(['true'], { eth7: {} }, (config) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
  });
  expect(outcome.stderr).toContain('linux.netDevices: there is no network namespace');
});
