// Gateway modes of bridge networks: what is reached of a container from another host, from other networks, and by what address.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { addOutsideHost, type OutsideHost } from '../harness/outside-host.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let outside: OutsideHost;

beforeAll(async () => {
  stack = await startStack();
  outside = await addOutsideHost(stack.network);
  expect((await stack.docker(['load', '-i', await busyboxArchive()])).stderr).toBe('');
}, 120_000);
afterAll(async () => {
  await outside.remove();
  await stack.stop();
});

async function ok(...args: string[]): Promise<string> {
  const result = await stack.docker(args);
  expect(result, `docker ${args.join(' ')}: ${result.stderr}`).toMatchObject({ code: 0 });
  return result.stdout.trim();
}

async function refused(...args: string[]): Promise<string> {
  const result = await stack.docker(args);
  expect(result.code, `docker ${args.join(' ')}`).not.toBe(0);
  return result.stderr;
}

const script = 'mkdir -p /www; echo hello > /www/index.html; exec busybox httpd -f -vv -p 80 -h /www 2>&1';
/** A web server that listens. */
async function serve(name: string, ...flags: string[]): Promise<void> {
  await ok('run', '-d', '--name', name, ...flags, 'busybox', 'busybox', 'sh', '-c', script);
  await until(`${name} listens`, 5000, async () =>
    (await stack.docker(['exec', name, 'sh', '-c', 'wget -qO- http://127.0.0.1/ >/dev/null'])).code === 0
      ? true
      : undefined,
  );
}

const shell = (network: string, line: string) => ok('run', '--rm', '--network', network, 'busybox', 'sh', '-c', line);
const get = (address: string) => `timeout 3 wget -qO- http://${address}/ 2>/dev/null || echo failed`;
async function fetchFromOutside(url: string): Promise<string> {
  const { code, stdout } = await outside.run('curl', ['-gsS', '-m', '3', url]);
  return code === 0 ? stdout.trim() : `failed ${code}`;
}

describe('a bridge network', () => {
  it('has the gateway modes: routed is reached at its own address and published ports, unprotected at every port', async () => {
    const mode = (version: 4 | 6, value: string) => [
      '-o',
      `com.docker.network.bridge.gateway_mode_ipv${version}=${value}`,
    ];
    await ok('network', 'create', '--subnet', '10.81.0.0/24', ...mode(4, 'routed'), 'routed');
    await ok('network', 'create', '--subnet', '10.82.0.0/24', ...mode(4, 'nat-unprotected'), 'open');
    await serve('routed-web', '--network', 'routed', '--ip', '10.81.0.5', '-p', '8081:80');
    await serve('shut', '--network', 'routed', '--ip', '10.81.0.6');
    await serve('open-web', '--network', 'open', '--ip', '10.82.0.5');
    expect(await fetchFromOutside('http://10.81.0.5/')).toBe('hello');
    expect(await fetchFromOutside('http://10.81.0.6/')).toContain('failed');
    expect(await fetchFromOutside('http://10.82.0.5/')).toBe('hello');
    expect((await outside.run('busybox', ['ping', '-c', '1', '-W', '2', '10.81.0.6'])).code).toBe(0);
    // none of the host's ports is taken, and the clients of either side keep their addresses
    const { Ports } = (await stack.api('GET', '/containers/routed-web/json')).body.NetworkSettings;
    expect(Ports['80/tcp']).toContainEqual({ HostIp: '0.0.0.0', HostPort: '' });
    expect(await fetchFromOutside(`http://${outside.daemonAddress}:8081/`)).toContain('failed');
    expect(await ok('logs', 'routed-web')).toContain(`[::ffff:${outside.address}]`);
    // other networks reach what is published of a routed one, and nothing of an unprotected one
    expect(await shell('bridge', get('10.81.0.5'))).toBe('hello');
    expect(await shell('bridge', get('10.81.0.6'))).toBe('failed');
    expect(await shell('bridge', get('10.82.0.5'))).toBe('failed');
    // out without translation: the answer finds its way, since the other host has a route here
    expect(await shell('routed', `ping -c 1 -W 2 ${outside.address} >/dev/null && echo there`)).toBe('there');
    await ok('rm', '-f', 'routed-web');
    expect(await run(...stack.network.enter('nft', ['list', 'ruleset'])).then(({ stdout }) => stdout)).not.toContain(
      '10.81.0.5',
    );
  });

  it('isolated has no address of the host’s, and wants --internal', async () => {
    const isolated = ['-o', 'com.docker.network.bridge.gateway_mode_ipv4=isolated'];
    expect(await refused('network', 'create', ...isolated, 'alone')).toContain(
      'can only be used for an internal network',
    );
    expect(
      await refused('network', 'create', '-o', 'com.docker.network.bridge.gateway_mode_ipv4=free', 'alone'),
    ).toContain('unknown gateway mode free');
    await ok('network', 'create', '--internal', '--subnet', '10.83.0.0/24', ...isolated, 'alone');
    await serve('web', '--network', 'alone');
    expect(await shell('alone', get('web'))).toBe('hello');
    const { stdout } = await run(...stack.network.enter('ip', ['-4', '-o', 'addr']));
    expect(stdout).not.toContain('10.83.0.');
  });
});
