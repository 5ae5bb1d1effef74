// Networks under kill -9, at any moment of connect and disconnect, and after many containers: rules, leases and links
// are what the records say, and nothing is left behind.
import { readdirSync, readlinkSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { run, runOk, until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
  expect((await stack.docker(['load', '-i', await busyboxArchive()])).stderr).toBe('');
}, 120_000);

afterAll(() => stack.stop());

afterEach(async () => {
  for (const { Id } of (await stack.api('GET', '/containers/json?all=1')).body)
    await stack.api('DELETE', `/containers/${Id}?force=1&v=1`);
  await stack.api('POST', '/networks/prune');
});

async function ok(...args: string[]): Promise<string> {
  const result = await stack.docker(args);
  expect(result, `docker ${args.join(' ')}: ${result.stderr}`).toMatchObject({ code: 0 });
  return result.stdout.trim();
}

const inspect = async (name: string) => (await stack.api('GET', `/containers/${name}/json`)).body;
const inHost = (file: string, ...args: string[]) => runOk(...stack.network.enter(file, args));
const inContainer = async (name: string, file: string, ...args: string[]) =>
  runOk('nsenter', [`--net=/proc/${(await inspect(name)).State.Pid}/ns/net`, file, ...args]);
const veths = async () => (await inHost('ip', '-br', 'link')).match(/^veth\w+/gm) ?? [];
/** Network namespaces that the engine holds. */
function heldNamespaces(): number {
  const [pid = 0] = stack.pids('tsengined');
  const targets = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return ''; // closed meanwhile
    }
  });
  return targets.filter((target) => target.startsWith('net:[')).length;
}

/** Descriptors of the engine, with sockets. */
const heldDescriptors = () => readdirSync(`/proc/${stack.pids('tsengined')[0]}/fd`).length;

/** The addresses of a container's interfaces, as it has them itself. */
async function realAddresses(name: string): Promise<string[]> {
  const text = await inContainer(name, 'ip', '-4', '-o', 'address', 'show');
  return [...text.matchAll(/eth\d+\s+inet (\S+)\/\d+/g)].map((match) => match[1] ?? '').sort();
}

async function recordedAddresses(name: string): Promise<string[]> {
  const networks = (await inspect(name)).NetworkSettings.Networks as Record<string, { IPAddress: string }>;
  return Object.values(networks)
    .map((network) => network.IPAddress)
    .sort();
}

describe('many containers', () => {
  it('leave no link, rule, namespace or address behind', async () => {
    // a pool that is full again looks the same before and after
    const settled = () => until('pool full', 10_000, async () => ((await veths()).length === 8 ? true : undefined));
    await settled();
    const namespaces = heldNamespaces();
    // of 14 addresses: a lease that leaks is missed soon
    await ok('network', 'create', '--subnet', '10.99.0.0/28', 'small');
    let next = 0;
    const life = async (): Promise<void> => {
      for (let index = next++; index < 200; index = next++) {
        const isPublished = index % 10 === 0;
        const HostConfig = {
          NetworkMode: index % 2 === 0 ? 'bridge' : 'small',
          ...(isPublished ? { PortBindings: { '80/tcp': [{ HostPort: '' }] } } : {}),
        };
        const created = await stack.api('POST', '/containers/create', { Image: 'busybox', Cmd: ['true'], HostConfig });
        expect(created.status).toBe(201);
        expect(await stack.api('POST', `/containers/${created.body.Id}/start`)).toMatchObject({ status: 204 });
        await stack.api('POST', `/containers/${created.body.Id}/wait`);
        expect((await stack.api('DELETE', `/containers/${created.body.Id}`)).status).toBe(204);
      }
    };
    await Promise.all(Array.from({ length: 4 }, life));
    await settled();
    await until('namespaces gone', 10_000, () => (heldNamespaces() === namespaces ? true : undefined));
    expect(await inHost('nft', 'list', 'ruleset')).not.toMatch(/(tcp|udp) \. \d+ :/);
    const leftover = (await run('ls', [`${stack.directory}/exec/netns`])).stdout;
    expect(leftover).toBe('');
    await ok('network', 'rm', 'small');
    expect(await inHost('ip', '-br', 'link')).not.toContain('br-');
  }, 120_000);
});

describe('kill -9 of the engine', () => {
  it('takes nothing from running containers, and what was flushed is there again', async () => {
    await ok('network', 'create', 'net');
    const server = 'mkdir -p /www; echo hello > /www/index.html; exec busybox httpd -f -p 80 -h /www';
    await ok('run', '-d', '--name', 'web', '--network', 'net', '-p', '8080:80', 'busybox', 'sh', '-c', server);
    await ok('run', '-d', '--name', 'client', '--network', 'net', 'busybox', 'sleep', '600');
    const before = (await inspect('web')).NetworkSettings;
    await stack.kill('tsengined');
    // while nobody is there the kernel serves the port
    expect(await inHost('curl', '-sS', '-m', '3', 'http://127.0.0.1:8080/')).toBe('hello\n');
    await inHost('nft', 'flush', 'ruleset');
    await inHost('ip', 'link', 'add', 'mine', 'type', 'bridge');
    await inHost('nft', 'add', 'table', 'inet', 'mine');
    await stack.startEngine();
    expect(await inHost('curl', '-sS', '-m', '3', 'http://127.0.0.1:8080/')).toBe('hello\n');
    const after = (await inspect('web')).NetworkSettings;
    expect({ ...after, SandboxKey: '' }).toEqual({ ...before, SandboxKey: '' });
    expect(await ok('exec', 'client', 'busybox', 'nslookup', 'web')).toContain(before.Networks.net.IPAddress);
    expect(await inHost('ip', 'link', 'show', 'mine')).toContain('mine');
    expect(await inHost('nft', 'list', 'tables')).toContain('table inet mine');
    // its lease counts: the next container gets another address
    await ok('run', '-d', '--name', 'next', '--network', 'net', 'busybox', 'sleep', '600');
    expect(await recordedAddresses('next')).not.toEqual(await recordedAddresses('web'));
    await ok('rm', '-f', 'web');
    expect((await run(...stack.network.enter('curl', ['-sS', '-m', '3', 'http://127.0.0.1:8080/']))).code).not.toBe(0);
    await inHost('ip', 'link', 'del', 'mine');
  }, 60_000);

  it('while containers end leaves their links, leases and ports to nobody', async () => {
    await ok('network', 'create', '--subnet', '10.98.0.0/29', 'tiny');
    for (const name of ['aa', 'bb', 'cc', 'dd', 'ee'])
      await ok('run', '-d', '--name', name, '--network', 'tiny', '-p', '80', 'busybox', 'sleep', '600');
    const pids: number[] = [];
    for (const name of ['aa', 'bb', 'cc']) pids.push((await inspect(name)).State.Pid);
    await stack.kill('tsengined');
    // three of them end while nobody watches
    for (const pid of pids.slice(0, 3)) process.kill(pid, 'SIGKILL');
    await stack.startEngine();
    await ok('rm', '-f', 'aa', 'bb', 'cc', 'dd', 'ee');
    for (const name of ['ff', 'gg', 'hh', 'ii', 'jj'])
      await until(`an address for ${name}`, 5000, async () => {
        const args = ['run', '-d', '--name', name, '--network', 'tiny', 'busybox', 'sleep', '600'];
        if ((await stack.docker(args)).code === 0) return true;
        await stack.docker(['rm', '-f', name]);
        return undefined;
      });
  }, 60_000);

  it('at any moment of connect and disconnect: links and leases are what the records say', async () => {
    for (const name of ['one', 'two']) await ok('network', 'create', name);
    await ok('run', '-d', '--name', 'box', '-p', '8099:80', 'busybox', 'sleep', '600');
    await until('pool full', 10_000, async () => ((await veths()).length >= 9 ? true : undefined));
    let calls = 0;
    for (let round = 0; round < 12; round++) {
      let isOver = false;
      const churn = async (network: string) => {
        while (!isOver) {
          for (const verb of ['connect', 'disconnect']) {
            await stack.api('POST', `/networks/${network}/${verb}`, { Container: 'box' }).catch(() => undefined);
            calls++;
          }
        }
      };
      const churning = [churn('one'), churn('two')];
      await new Promise((resolve) => setTimeout(resolve, 40 + Math.random() * 120));
      await stack.kill('tsengined');
      isOver = true;
      await Promise.all(churning);
      await stack.startEngine();
      const recorded = await recordedAddresses('box');
      expect(await realAddresses('box'), `round ${round}`).toEqual(recorded);
      // the host's ends: one for each interface, and the pool's
      await until('no link too many', 10_000, async () =>
        (await veths()).length === recorded.length + 8 ? true : undefined,
      );
      const entries = (await inHost('nft', 'list', 'ruleset')).match(/tcp \. 8099 : (\S+) \. 80/g) ?? [];
      expect(entries).toHaveLength(1);
      // and it goes on working
      const state = new Set(Object.keys((await inspect('box')).NetworkSettings.Networks));
      for (const network of ['one', 'two'])
        await ok('network', state.has(network) ? 'disconnect' : 'connect', network, 'box');
      expect(await realAddresses('box')).toEqual(await recordedAddresses('box'));
    }
    expect(calls).toBeGreaterThan(24);
  }, 120_000);
});

describe('a start that a taken port ends', () => {
  it('leaves no descriptor, however often', async () => {
    await ok('network', 'create', 'named');
    await ok('run', '-d', '--name', 'holder', '--network', 'named', '-p', '18090:80', 'busybox', 'sleep', '600');
    await ok('create', '--name', 'late', '--network', 'named', '-p', '18090:80', 'busybox', 'true');
    const start = async () => expect((await stack.api('POST', '/containers/late/start')).status).toBe(500);
    const settled = () => {
      let last = -1;
      return until('no descriptor comes or goes', 20_000, () => {
        const before = last;
        last = heldDescriptors();
        return last === before ? last : undefined;
      });
    };
    await start();
    const before = await settled();
    for (let round = 0; round < 30; round++) await start();
    await until('as many as before', 20_000, () => (heldDescriptors() <= before + 5 ? true : undefined));
  });
});

describe('a container that cannot be taken over', () => {
  it('keeps the next engine from nothing else', async () => {
    await ok('network', 'create', '-o', 'com.docker.network.bridge.name=lostbridge', 'lost');
    await ok('run', '-d', '--name', 'stranded', '--network', 'lost', 'busybox', 'sleep', '600');
    await ok('run', '-d', '--name', 'other', 'busybox', 'sleep', '600');
    await stack.kill('tsengined');
    // its link and bridge are gone, and something that is none has the bridge's name
    const [link = ''] = (await inHost('ip', '-br', 'link', 'show', 'master', 'lostbridge')).match(/^veth\w+/) ?? [];
    await inHost('ip', 'link', 'delete', link);
    await inHost('ip', 'link', 'delete', 'lostbridge');
    await inHost('ip', 'link', 'add', 'lostbridge', 'type', 'veth', 'peer', 'name', 'lostpeer');
    try {
      await stack.startEngine();
      expect(await ok('exec', 'other', 'echo', 'served')).toBe('served');
      expect((await inspect('stranded')).State.Status).toBe('running');
    } finally {
      await inHost('ip', 'link', 'delete', 'lostbridge');
    }
  });
});

describe('an orderly end', () => {
  it('without containers leaves the host as it was, and the next start has the networks again', async () => {
    await ok('network', 'create', '--subnet', '10.97.0.0/24', 'kept');
    for (const pid of stack.pids('tsengined')) process.kill(pid, 'SIGTERM');
    await until('engine gone', 10_000, () => (stack.pids('tsengined').length === 0 ? true : undefined));
    expect(await inHost('nft', 'list', 'tables')).not.toContain('tscontainer');
    expect((await inHost('ip', '-br', 'link')).trim().split('\n')).toHaveLength(1);
    await stack.startEngine();
    expect(await ok('run', '--rm', '--network', 'kept', 'busybox', 'ip', 'route')).toContain('default via 10.97.0.1');
  });
});
