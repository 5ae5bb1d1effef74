// Networks over REST, and what the containers in them see: addresses, names, isolation, published ports from all sides.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { run, runOk, until } from '../harness/command.ts';
import { openStream } from '../harness/engine-client.ts';
import { busyboxArchive } from '../harness/images.ts';
import { addOutsideHost, type OutsideHost } from '../harness/outside-host.ts';
import { repositoryRoot } from '../harness/repository.ts';
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

afterEach(async () => {
  for (const { Id } of (await stack.api('GET', '/containers/json?all=1')).body)
    await stack.api('DELETE', `/containers/${Id}?force=1&v=1`);
  await stack.api('POST', '/networks/prune');
});

const server = 'mkdir -p /www; echo hello > /www/index.html; exec busybox httpd -f -vv -p 80 -h /www 2>&1';
const asServer = ['busybox', 'sh', '-c', server];
/** A web server by itself. */
async function serve(name: string, ...flags: string[]): Promise<void> {
  await ok('run', '-d', '--name', name, ...flags, ...asServer);
  await until(`${name} listens`, 5000, async () =>
    (await stack.docker(['exec', name, 'sh', '-c', 'wget -qO- http://127.0.0.1/ >/dev/null'])).code === 0
      ? true
      : undefined,
  );
}

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

const shell = (network: string, script: string, ...flags: string[]) =>
  ok('run', '--rm', '--network', network, ...flags, 'busybox', 'sh', '-c', script);
const inspect = async (name: string) => (await stack.api('GET', `/containers/${name}/json`)).body;
const fetchFrom = async (who: 'host' | 'outside', url: string) => {
  const args = ['-gsS', '-m', '3', url];
  const result = who === 'outside' ? await outside.run('curl', args) : await run(...stack.network.enter('curl', args));
  return result.code === 0 ? result.stdout.trim() : `failed ${result.code}`;
};
const get = (address: string) => `timeout 3 wget -qO- http://${address}/ 2>/dev/null || echo failed`;

describe('the default bridge', () => {
  it('gives an address, a gateway, a name in /etc/hosts, and says so', async () => {
    await ok('run', '-d', '--name', 'one', '--hostname', 'first', 'busybox', 'sleep', '60');
    const { NetworkSettings } = await inspect('one');
    const { IPAddress, Gateway, MacAddress, IPPrefixLen, Networks, SandboxKey } = NetworkSettings;
    expect({ Gateway, IPPrefixLen }).toEqual({ Gateway: '172.17.0.1', IPPrefixLen: 16 });
    expect(Networks.bridge).toMatchObject({ IPAddress, Gateway, MacAddress });
    expect(await ok('exec', 'one', 'ip', 'route')).toContain('default via 172.17.0.1 dev eth0');
    expect(await ok('exec', 'one', 'cat', '/etc/hosts')).toMatch(new RegExp(`^${IPAddress}\tfirst$`, 'm'));
    expect(await ok('exec', 'one', 'cat', '/sys/class/net/eth0/address')).toBe(MacAddress);
    expect(await runOk('nsenter', [`--net=${SandboxKey}`, 'ip', '-4', 'addr', 'show', 'eth0'])).toContain(IPAddress);
    const bridge = (await stack.api('GET', '/networks/bridge')).body;
    expect(Object.values(bridge.Containers)).toEqual([
      expect.objectContaining({ Name: 'one', IPv4Address: `${IPAddress}/16`, MacAddress }),
    ]);
  });

  it('lets containers reach each other and the outside, with the host’s address', async () => {
    await serve('web');
    const { IPAddress } = (await inspect('web')).NetworkSettings;
    expect(await shell('bridge', get(IPAddress))).toBe('hello');
    expect(await shell('bridge', `ping -c 1 -W 2 ${outside.address} >/dev/null && echo there`)).toBe('there');
    expect(await shell('bridge', 'cat /etc/hosts')).toContain('172.17.0.1\thost.docker.internal');
  });

  it('is not reached from outside', async () => {
    await serve('web');
    const { IPAddress } = (await inspect('web')).NetworkSettings;
    expect(await fetchFrom('outside', `http://${IPAddress}/`)).toContain('failed');
  });

  it('has links: hosts and environment of another container', async () => {
    await ok('run', '-d', '--name', 'db', '--expose', '5432', '-e', 'WORD=secret', 'busybox', 'sleep', '60');
    const text = await ok(
      'run',
      '--rm',
      '--name',
      'app',
      '--link',
      'db:pg',
      'busybox',
      'sh',
      '-c',
      'ping -c1 -W2 pg; env',
    );
    const { IPAddress } = (await inspect('db')).NetworkSettings;
    expect(text).toContain('1 packets received');
    for (const line of [`PG_PORT=tcp://${IPAddress}:5432`, 'PG_NAME=/app/pg', 'PG_ENV_WORD=secret'])
      expect(text).toContain(line);
    expect(await refused('run', '--rm', '--link', 'nobody', 'busybox', 'true')).toContain('could not get container');
  });

  it('refuses fixed addresses and aliases', async () => {
    const create = (bridge: object) => {
      const body = { Image: 'busybox', Cmd: ['true'], NetworkingConfig: { EndpointsConfig: { bridge } } };
      return stack.api('POST', '/containers/create', body);
    };
    expect(await create({ IPAMConfig: { IPv4Address: '172.17.0.9' } })).toMatchObject({ status: 400 });
    expect(await create({ Aliases: ['other'] })).toMatchObject({
      status: 400,
      body: {
        message:
          'invalid config for network bridge: invalid endpoint settings:\nnetwork-scoped alias is supported only for containers in user defined networks',
      },
    });
  });
});

describe('a user-defined network', () => {
  it('knows its containers by name, alias and id, and others not', async () => {
    await ok('network', 'create', 'names');
    await ok('network', 'create', 'elsewhere');
    const id = await ok(
      'run',
      '-d',
      '--name',
      'web',
      '--network',
      'names',
      '--network-alias',
      'www',
      'busybox',
      'sleep',
      '60',
    );
    const { IPAddress } = (await inspect('web')).NetworkSettings.Networks.names;
    for (const name of ['web', 'WEB', 'www', id.slice(0, 12), 'web.names'])
      expect(await shell('names', `nslookup ${name}`)).toContain(`Address: ${IPAddress}`);
    expect(await shell('names', `nslookup ${IPAddress}`)).toContain('name = web.names');
    expect(await shell('names', 'cat /etc/resolv.conf')).toMatch(/nameserver 127\.0\.0\.11\noptions ndots:0/);
    expect(await shell('elsewhere', 'nslookup web || true')).not.toContain(IPAddress);
    expect(await shell('names', 'nslookup host.docker.internal')).toContain('Address: 172.18.0.1');
    await ok('rename', 'web', 'renamed');
    expect(await shell('names', 'nslookup renamed')).toContain(IPAddress);
  });

  it('is kept apart from others', async () => {
    await ok('network', 'create', 'left');
    await ok('network', 'create', 'right');
    await serve('web', '--network', 'left');
    const { IPAddress } = (await inspect('web')).NetworkSettings.Networks.left;
    expect(await shell('left', get('web'))).toBe('hello');
    for (const other of ['right', 'bridge']) expect(await shell(other, get(IPAddress))).toBe('failed');
  });

  it('with --internal has no way out, and none in', async () => {
    await ok('network', 'create', '--internal', 'inner');
    await serve('web', '--network', 'inner', '-p', '8088:80');
    const { IPAddress, Gateway } = (await inspect('web')).NetworkSettings.Networks.inner;
    expect(Gateway).toBe('');
    expect(await shell('inner', get('web'))).toBe('hello');
    expect(await shell('inner', `ping -c 1 -W 1 ${outside.address} >/dev/null 2>&1 || echo cut`)).toBe('cut');
    // a route of its own making does not help
    const gateway = IPAddress.replace(/\d+$/, '1');
    const way = `ip route add default via ${gateway}; ping -c 1 -W 1 ${outside.address} >/dev/null 2>&1 || echo cut`;
    expect(await shell('inner', way, '--cap-add', 'NET_ADMIN')).toBe('cut');
    expect(await shell('bridge', get(IPAddress))).toBe('failed');
    expect(await fetchFrom('outside', `http://${outside.daemonAddress}:8088/`)).toContain('failed');
  });

  it('takes subnets, ranges, fixed addresses and MAC addresses', async () => {
    await ok(
      'network',
      'create',
      '--subnet',
      '10.77.0.0/24',
      '--gateway',
      '10.77.0.254',
      '--ip-range',
      '10.77.0.128/25',
      'fixed',
    );
    const flags = ['--ip', '10.77.0.7', '--mac-address', '02:aa:bb:cc:dd:ee'];
    expect(await shell('fixed', 'ip addr show eth0; ip route', ...flags)).toMatch(
      /02:aa:bb:cc:dd:ee[\s\S]*10\.77\.0\.7\/24[\s\S]*via 10\.77\.0\.254/,
    );
    expect(await shell('fixed', 'ip addr show eth0')).toContain('inet 10.77.0.128/24');
    await ok('run', '-d', '--network', 'fixed', '--ip', '10.77.0.9', 'busybox', 'sleep', '60');
    expect(await refused('run', '--rm', '--network', 'fixed', '--ip', '10.77.0.9', 'busybox', 'true')).toContain(
      'Address already in use',
    );
    expect(await refused('run', '--rm', '--network', 'fixed', '--ip', '10.78.0.9', 'busybox', 'true')).toContain(
      'no configured subnet or ip-range contain the IP address 10.78.0.9',
    );
    expect(await refused('network', 'create', '--subnet', '10.77.0.0/16', 'over')).toContain('Pool overlaps');
    await ok('network', 'create', 'chosen');
    expect(await refused('run', '--rm', '--network', 'chosen', '--ip', '172.18.0.9', 'busybox', 'true')).toContain(
      'user configured subnets',
    );
  });

  it('keeps a fixed address over restarts', async () => {
    await ok('network', 'create', '--subnet', '10.79.0.0/24', 'steady');
    await ok('run', '-d', '--name', 'host', '--network', 'steady', '--ip', '10.79.0.5', 'busybox', 'sleep', '60');
    await ok('restart', '-t', '0', 'host');
    expect(await ok('exec', 'host', 'ip', 'addr', 'show', 'eth0')).toContain('10.79.0.5/24');
  });

  it('takes options: MTU, the bridge’s name, no talk between containers', async () => {
    const option = (name: string, value: string) => ['-o', `com.docker.network.${name}=${value}`];
    await ok(
      'network',
      'create',
      ...option('driver.mtu', '1400'),
      ...option('bridge.name', 'tsc-quiet'),
      ...option('bridge.enable_icc', 'false'),
      'quiet',
    );
    await serve('web', '--network', 'quiet');
    expect(await ok('exec', 'web', 'cat', '/sys/class/net/eth0/mtu')).toBe('1400');
    expect((await run(...stack.network.enter('ip', ['link', 'show', 'tsc-quiet']))).code).toBe(0);
    expect(await shell('quiet', get('web'))).toBe('failed');
  });

  it('publishes at the address that the network says', async () => {
    const option = 'com.docker.network.bridge.host_binding_ipv4';
    expect(await refused('network', 'create', '-o', `${option}=here`, 'near')).toContain('no IPv4 address');
    await ok('network', 'create', '-o', `${option}=127.0.0.1`, 'near');
    await serve('local', '--network', 'near', '-p', '18080:80', '-p', '0.0.0.0:18081:80');
    expect((await inspect('local')).NetworkSettings.Ports['80/tcp']).toEqual([
      { HostIp: '127.0.0.1', HostPort: '18080' },
      { HostIp: '0.0.0.0', HostPort: '18081' },
    ]);
    expect(await fetchFrom('host', 'http://127.0.0.1:18080/')).toBe('hello');
    expect(await fetchFrom('outside', `http://192.0.2.1:18080/`)).toContain('failed');
    expect(await fetchFrom('outside', `http://192.0.2.1:18081/`)).toBe('hello');
  });

  it('has IPv6 beside IPv4 when asked', async () => {
    await ok('network', 'create', '--ipv6', '--subnet', 'fd00:77::/64', 'dual');
    await serve('web', '--network', 'dual', '-p', '8086:80');
    const { GlobalIPv6Address, IPv6Gateway } = (await inspect('web')).NetworkSettings.Networks.dual;
    expect({ GlobalIPv6Address, IPv6Gateway }).toEqual({ GlobalIPv6Address: 'fd00:77::2', IPv6Gateway: 'fd00:77::1' });
    expect(await shell('dual', 'nslookup -type=aaaa web')).toContain('fd00:77::2');
    expect(await shell('dual', get('[fd00:77::2]'))).toBe('hello');
    expect(await shell('dual', `ping -6 -c 1 -W 2 ${outside.address6} > /dev/null && echo there`)).toBe('there');
    expect(await fetchFrom('outside', `http://[${outside.daemonAddress6}]:8086/`)).toBe('hello');
    expect(await fetchFrom('host', 'http://[::1]:8086/')).toBe('hello');
    expect(await ok('logs', 'web')).toContain(outside.address6);
  });

  it('is refused twice, in use, predefined or unknown, with docker’s statuses', async () => {
    await ok('network', 'create', 'once');
    const create = (body: object) => stack.api('POST', '/networks/create', body);
    expect(await create({ Name: 'once' })).toMatchObject({
      status: 409,
      body: { message: 'network with name once already exists' },
    });
    expect(await create({ Name: 'bridge' })).toMatchObject({ status: 403 });
    expect(await create({ Name: 'x', Driver: 'nothing' })).toMatchObject({ status: 404 });
    expect(await create({ Name: 'x', IPAM: { Config: [{ Subnet: '10.0.0.0/33' }] } })).toMatchObject({ status: 400 });
    await ok('run', '-d', '--name', 'user', '--network', 'once', 'busybox', 'sleep', '60');
    expect(await stack.api('DELETE', '/networks/once')).toMatchObject({ status: 403 });
    expect(await stack.api('DELETE', '/networks/bridge')).toMatchObject({ status: 403 });
    expect(await stack.api('DELETE', '/networks/nothing')).toMatchObject({
      status: 404,
      body: { message: 'network nothing not found' },
    });
    expect(await refused('run', '--rm', '--network', 'nothing', 'busybox', 'true')).toContain(
      'network nothing not found',
    );
    expect((await stack.api('POST', '/networks/prune')).body).toEqual({ NetworksDeleted: null });
  });
});

describe('connect and disconnect', () => {
  it('change a running container, with events', async () => {
    await ok('network', 'create', 'first');
    await ok('network', 'create', 'second');
    await serve('web', '--network', 'first', '-p', '8090:80');
    const since = Math.floor(Date.now() / 1000);
    await ok('network', 'connect', '--alias', 'also', 'second', 'web');
    expect(await shell('second', get('also'))).toBe('hello');
    expect(await ok('exec', 'web', 'ip', 'route')).toContain('dev eth1');
    expect(await refused('network', 'connect', 'second', 'web')).toContain('already exists in network second');
    await ok('network', 'disconnect', 'first', 'web');
    expect(await ok('exec', 'web', 'ip', 'route')).toMatch(/default via \S+ dev eth1/);
    // the published port has moved with the gateway
    expect(await fetchFrom('outside', `http://${outside.daemonAddress}:8090/`)).toBe('hello');
    await ok('network', 'disconnect', 'second', 'web');
    expect(await ok('exec', 'web', 'ip', 'link')).not.toContain('eth');
    expect(await refused('network', 'disconnect', 'second', 'web')).toContain('is not connected');
    const filters = encodeURIComponent(JSON.stringify({ type: ['network'] }));
    const stream = await openStream(
      stack.socket,
      'GET',
      `/events?since=${since}&until=${Date.now() / 1000}&filters=${filters}`,
    );
    const seen = (await stream.body())
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(seen.map((event) => [event.Action, event.Actor.Attributes.name])).toEqual(
      expect.arrayContaining([
        ['connect', 'second'],
        ['disconnect', 'first'],
        ['disconnect', 'second'],
      ]),
    );
  });

  it('change what a stopped container starts with', async () => {
    await ok('network', 'create', 'later');
    await ok('create', '--name', 'still', 'busybox', 'sleep', '60');
    await ok('network', 'connect', 'later', 'still');
    await ok('network', 'disconnect', 'bridge', 'still');
    await ok('start', 'still');
    expect(Object.keys((await inspect('still')).NetworkSettings.Networks)).toEqual(['later']);
    expect(await shell('later', 'ping -c 1 -W 2 still > /dev/null && echo there')).toBe('there');
  });

  it('refuse host, none and another’s network', async () => {
    await ok('network', 'create', 'some');
    await ok('run', '-d', '--name', 'hosted', '--network', 'host', 'busybox', 'sleep', '60');
    await ok('run', '-d', '--name', 'alone', '--network', 'none', 'busybox', 'sleep', '60');
    await ok('run', '-d', '--name', 'guest', '--network', 'container:alone', 'busybox', 'sleep', '60');
    expect(await refused('network', 'connect', 'some', 'hosted')).toContain('sharing network namespace');
    expect(await refused('network', 'connect', 'host', 'alone')).toContain('must be created in host network mode');
    expect(await refused('network', 'disconnect', 'host', 'hosted')).toContain('was created in host network mode');
    expect(await refused('network', 'connect', 'some', 'alone')).toContain('(none) mode');
    expect(await refused('network', 'connect', 'some', 'guest')).toContain('sharing network namespace');
  });
});

describe('a published port', () => {
  it('is reached from everywhere, and the client’s address is kept', async () => {
    await ok('network', 'create', 'pub');
    await serve('web', '--network', 'pub', '-p', '8080:80');
    const url = `http://${outside.daemonAddress}:8080/`;
    expect(await fetchFrom('outside', url)).toBe('hello');
    expect(await ok('logs', 'web')).toContain(outside.address);
    expect(await fetchFrom('host', url)).toBe('hello');
    expect(await fetchFrom('host', 'http://127.0.0.1:8080/')).toBe('hello');
    expect(await fetchFrom('host', 'http://[::1]:8080/')).toBe('hello');
    expect(await fetchFrom('outside', `http://[${outside.daemonAddress6}]:8080/`)).toBe('hello');
    const own = await ok('exec', 'web', 'sh', '-c', get(`${outside.daemonAddress}:8080`));
    expect(own, 'hairpin').toBe('hello');
    expect(await shell('pub', get(`${outside.daemonAddress}:8080`)), 'neighbour').toBe('hello');
    expect(await shell('bridge', get(`${outside.daemonAddress}:8080`)), 'other network').toBe('hello');
    expect(await ok('port', 'web')).toBe('80/tcp -> 0.0.0.0:8080\n80/tcp -> :::8080');
    await ok('rm', '-f', 'web');
    expect(await fetchFrom('outside', url)).toContain('failed');
  });

  it('at one address is not reached at others', async () => {
    await serve('web', '-p', '127.0.0.1:8081:80', '-p', `${outside.daemonAddress}:8082:80`);
    expect(await fetchFrom('host', 'http://127.0.0.1:8081/')).toBe('hello');
    expect(await fetchFrom('outside', `http://${outside.daemonAddress}:8081/`)).toContain('failed');
    expect(await fetchFrom('outside', `http://${outside.daemonAddress}:8082/`)).toBe('hello');
    expect(await fetchFrom('host', 'http://127.0.0.1:8082/')).toContain('failed');
    // nor does a container reach the host's loopback address by its gateway
    const script = `ip route add 127.0.0.2/32 via 172.17.0.1; ${get('127.0.0.2:8081')}`;
    expect(await shell('bridge', script, '--cap-add', 'NET_ADMIN')).toBe('failed');
  });

  it('by UDP answers from the port that was asked, and leads a client on to the next container', async () => {
    await ok('network', 'create', 'after');
    const program = join(repositoryRoot, 'test/harness/udp-echo.ts');
    // one client with one port of its own: to the kernel it is one flow all the time
    const ask = `const s = require('dgram').createSocket('udp4'); setTimeout(() => process.exit(1), 3000);
      s.on('message', (m) => { console.log(String(m)); process.exit(0); });
      s.bind(4000, () => s.send('ping', 5300, '${outside.daemonAddress}'));`;
    for (const network of ['bridge', 'after']) {
      await ok('run', '-d', '--name', 'echo', '--network', network, '-p', '5300:53/udp', 'busybox', 'sleep', '60');
      const { SandboxKey } = (await inspect('echo')).NetworkSettings;
      const echo = spawn('nsenter', [`--net=${SandboxKey}`, process.execPath, program, '53']);
      try {
        await once(echo.stdout, 'data');
        expect((await outside.run(process.execPath, ['-e', ask])).stdout, network).toBe('pong ping\n');
      } finally {
        echo.kill();
        await ok('rm', '-f', 'echo');
      }
    }
  });

  it('takes ranges and random ports; a taken one is a clear error', async () => {
    await serve('web', '-p', '7100-7102:80', '-P', '--expose', '81');
    expect(await ok('port', 'web', '80')).toBe('0.0.0.0:7100\n:::7100');
    const random = (await inspect('web')).NetworkSettings.Ports['81/tcp'];
    expect(Number(random[0].HostPort)).toBeGreaterThan(1024);
    await serve('next', '-p', '7100-7102:80');
    expect(await fetchFrom('outside', `http://${outside.daemonAddress}:7101/`)).toBe('hello');
    expect(await refused('run', '--rm', '-p', '7101:80', 'busybox', 'true')).toContain('port is already allocated');
    expect(await ok('ps', '--filter', 'publish=7101', '--format', '{{.Names}} {{.Ports}}')).toBe(
      'next 0.0.0.0:7101->80/tcp, :::7101->80/tcp',
    );
    const listener = spawn(...stack.network.enter('busybox', ['nc', '-l', '-p', '7200']), { stdio: 'ignore' });
    try {
      const sockets = stack.network.enter('cat', ['/proc/net/tcp', '/proc/net/tcp6']);
      const port = `:${(7200).toString(16).toUpperCase()} `;
      await until('nc listens', 10_000, async () => ((await runOk(...sockets)).includes(port) ? true : undefined));
      expect(await refused('run', '--rm', '-p', '7200:80', 'busybox', 'true')).toContain('port is already allocated');
    } finally {
      listener.kill();
    }
  }, 30_000);

  it('is added to a running container and taken from it', async () => {
    await serve('web', '-p', '8001:80');
    const url = (port: number) => `http://${outside.daemonAddress}:${port}/`;
    expect(
      (await stack.tsctl(['update', '--publish-add', '8002:80', '--publish-add', '127.0.0.1::80', 'web'])).stderr,
    ).toBe('');
    expect(await fetchFrom('outside', url(8002))).toBe('hello');
    expect((await inspect('web')).NetworkSettings.Ports['80/tcp']).toHaveLength(5);
    expect((await stack.tsctl(['update', '--publish-rm', '8001:80', 'web'])).code).toBe(0);
    expect(await fetchFrom('outside', url(8001))).toContain('failed');
    expect(await fetchFrom('outside', url(8002))).toBe('hello');
    expect((await stack.tsctl(['update', '--publish-rm', '9999:80', 'web'])).stderr).toContain('not published');
    await ok('restart', '-t', '0', 'web');
    await until('the port after a restart', 3000, async () =>
      (await fetchFrom('outside', url(8002))) === 'hello' ? true : undefined,
    );
    expect(await fetchFrom('outside', url(8001))).toContain('failed');
  });
});

describe('other drivers and modes', () => {
  it('macvlan is on its parent’s wire', async () => {
    const [parent = ''] = (await runOk(...stack.network.enter('ip', ['-br', 'link']))).match(/^o[0-9a-f]{8}/m) ?? [];
    await ok(
      'network',
      'create',
      '-d',
      'macvlan',
      '--subnet',
      '192.0.2.0/24',
      '--ip-range',
      '192.0.2.64/26',
      '--gateway',
      '192.0.2.2',
      '-o',
      `parent=${parent}`,
      'wire',
    );
    await serve('web', '--network', 'wire');
    const { IPAddress } = (await inspect('web')).NetworkSettings.Networks.wire;
    expect(await fetchFrom('outside', `http://${IPAddress}/`)).toBe('hello');
    expect(await refused('network', 'create', '-d', 'macvlan', 'lost')).toContain('parent');
  });

  it('host and another container’s network are shared', async () => {
    await serve('web', '--network', 'host');
    expect(await fetchFrom('outside', `http://${outside.daemonAddress}/`)).toBe('hello');
    await ok('rm', '-f', 'web');
    await ok('run', '-d', '--name', 'owner', 'busybox', 'sleep', '60');
    await serve('guest', '--network', 'container:owner');
    const { IPAddress } = (await inspect('owner')).NetworkSettings;
    expect(await shell('bridge', get(IPAddress))).toBe('hello');
    expect((await inspect('guest')).NetworkSettings.Networks).toEqual({});
  });

  it('several networks at create: interfaces by priority, names in all', async () => {
    await ok('network', 'create', 'alpha');
    await ok('network', 'create', 'beta');
    const EndpointsConfig = { alpha: {}, beta: { Aliases: ['both'], GwPriority: 1 } };
    const body = {
      Image: 'busybox',
      Cmd: ['sleep', '60'],
      HostConfig: { NetworkMode: 'alpha' },
      NetworkingConfig: { EndpointsConfig },
    };
    const { Id } = (await stack.api('POST', '/containers/create?name=many', body)).body;
    expect((await stack.api('POST', `/containers/${Id}/start`)).status).toBe(204);
    const { alpha, beta } = (await inspect('many')).NetworkSettings.Networks;
    expect(await ok('exec', 'many', 'ip', 'route')).toContain(`default via ${beta.Gateway}`);
    expect(await shell('beta', 'nslookup both')).toContain(beta.IPAddress);
    expect(await shell('alpha', 'nslookup many')).toContain(alpha.IPAddress);
  });
});
