// The engine's networks with Debian's containerd, its shim and runc below: the namespace that the engine made is joined by
// its path, and bridges, names and published ports are as on our own daemon.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run, until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { addOutsideHost, type OutsideHost } from '../harness/outside-host.ts';
import { type Stack, startStack } from '../harness/stack.ts';
import { type ForeignContainerd, startForeignContainerd } from './foreign-containerd.ts';

let foreign: ForeignContainerd;
let stack: Stack;
let outside: OutsideHost;

beforeAll(async () => {
  foreign = await startForeignContainerd();
  const address = join(foreign.directory, 'containerd.sock');
  stack = await startStack({ engineFlags: ['--containerd', address, '--default-runtime', 'io.containerd.runc.v2'] });
  outside = await addOutsideHost(stack.network);
  expect((await stack.docker(['load', '-i', await busyboxArchive()])).stderr).toBe('');
}, 120_000);
afterAll(async () => {
  await outside?.remove();
  await stack?.stop();
  await foreign?.stop();
});

async function ok(...args: string[]): Promise<string> {
  const result = await stack.docker(args);
  expect(result, `docker ${args.join(' ')}: ${result.stderr}`).toMatchObject({ code: 0 });
  return result.stdout.trim();
}

const script = 'mkdir -p /www; echo hello > /www/index.html; exec busybox httpd -f -vv -p 80 -h /www 2>&1';
async function serve(name: string, ...flags: string[]): Promise<void> {
  await ok('run', '-d', '--name', name, ...flags, 'busybox', 'sh', '-c', script);
  await until(`${name} listens`, 10_000, async () =>
    (await stack.docker(['exec', name, 'sh', '-c', 'wget -qO- http://127.0.0.1/ >/dev/null'])).code === 0
      ? true
      : undefined,
  );
}

it('a container on the default bridge has the address that the engine says, in the namespace that it made', async () => {
  await ok('run', '-d', '--name', 'plain', 'busybox', 'sleep', '100');
  const { body } = await stack.api('GET', '/containers/plain/json');
  const { IPAddress, Gateway, SandboxKey } = body.NetworkSettings;
  expect(await ok('exec', 'plain', 'ip', '-o', '-4', 'addr', 'show', 'eth0')).toContain(`${IPAddress}/`);
  expect(await ok('exec', 'plain', 'ip', 'route')).toContain(`default via ${Gateway}`);
  const inside = await ok('exec', 'plain', 'ls', '-l', '/proc/self/ns/net');
  const { stdout } = await run('stat', ['-L', '-c', '%i', SandboxKey]);
  expect(inside).toContain(`net:[${stdout.trim()}]`);
});

it('names answer on a user-defined network, and a port is reached from outside with the client’s address', async () => {
  await ok('network', 'create', 'web');
  await serve('server', '--network', 'web', '-p', '8080:80');
  expect(await ok('run', '--rm', '--network', 'web', 'busybox', 'wget', '-qO-', 'http://server/')).toBe('hello');
  const url = `http://${outside.daemonAddress}:8080/`;
  expect((await outside.run('curl', ['-sS', '-m', '5', url])).stdout).toBe('hello\n');
  expect((await run(...stack.network.enter('curl', ['-sS', '-m', '5', 'http://127.0.0.1:8080/']))).stdout).toBe(
    'hello\n',
  );
  expect(await ok('logs', 'server')).toContain(`[::ffff:${outside.address}]`);
});

it('networks come and go on a running container, and nothing is left when all are gone', async () => {
  await ok('network', 'create', 'second');
  await ok('network', 'connect', 'second', 'server');
  expect(await ok('exec', 'server', 'ip', '-o', '-4', 'addr', 'show', 'eth1')).toContain('eth1');
  await ok('network', 'disconnect', 'second', 'server');
  await ok('rm', '-f', 'server', 'plain');
  await ok('network', 'rm', 'web', 'second');
  await until('links of the containers are gone', 10_000, async () => {
    const { stdout } = await run(...stack.network.enter('ip', ['-o', 'link', 'show', 'type', 'veth']));
    // what is left stands ready for the next container, or is the cable of the other host
    return /master br-/.test(stdout) ? undefined : true;
  });
  expect((await outside.run('curl', ['-sS', '-m', '3', `http://${outside.daemonAddress}:8080/`])).code).not.toBe(0);
});
