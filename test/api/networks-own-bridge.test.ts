// The default bridge as the daemon's flags have it: a bridge of the user's own, a gateway that is not the bridge; and what
// a kernel without SCTP says of a port.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, runOk, until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { addNetworkNamespace, type NetworkNamespace } from '../harness/network-namespace.ts';
import { isAlive } from '../harness/processes.ts';
import { binDirectory } from '../harness/repository.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let network: NetworkNamespace;

const ip = (...args: string[]) => runOk(...network.enter('ip', args));
const addressesOf = async (name: string) =>
  [...(await ip('-o', 'addr', 'show', name)).matchAll(/inet6? (\S+) .*scope global/g)].map(([, address]) => address);

async function docker(...args: string[]): Promise<string> {
  const result = await stack.docker(args);
  expect(result, `docker ${args.join(' ')}: ${result.stderr}`).toMatchObject({ code: 0 });
  return result.stdout.trim();
}

beforeAll(async () => {
  network = await addNetworkNamespace();
  await ip('link', 'add', 'users0', 'type', 'bridge');
  for (const address of ['10.91.1.1/24', '10.92.2.7/20', 'fd00:92::7/64'])
    await ip('addr', 'add', address, 'dev', 'users0');
  await ip('link', 'set', 'users0', 'mtu', '1400', 'up');
  const flags = ['--bridge=users0', '--fixed-cidr=10.92.0.0/24', '--default-gateway=10.92.0.9', '--ipv6'];
  stack = await startStack({ network, engineFlags: flags });
  expect((await stack.docker(['load', '-i', await busyboxArchive()])).stderr).toBe('');
}, 120_000);
afterAll(async () => {
  await stack.stop();
});

describe('--bridge NAME of a bridge that is there', () => {
  it('has its subnets, and its own address as the network’s gateway', async () => {
    const { body } = await stack.api('GET', '/networks/bridge');
    expect(body.IPAM.Config).toMatchObject([
      { Subnet: '10.92.0.0/20', Gateway: '10.92.2.7', IPRange: '10.92.0.0/24' },
      { Subnet: 'fd00:92::/64', Gateway: 'fd00:92::7' },
    ]);
    expect(body.Options['com.docker.network.bridge.name']).toBe('users0');
  });

  it('leads containers out over --default-gateway, which none of them gets', async () => {
    const route = 'ip route; ip -6 route show default; ip -o addr show eth0';
    const out = await docker('run', '--rm', 'busybox', 'sh', '-c', route);
    expect(out).toContain('default via 10.92.0.9 dev eth0');
    expect(out).toContain('default via fd00:92::7 dev eth0');
    expect(out).toMatch(/inet 10\.92\.0\.\d+\/20/);
    expect(out).not.toContain('inet 10.92.0.9/');
    const hosts = await docker('run', '--rm', '--add-host', 'host:host-gateway', 'busybox', 'cat', '/etc/hosts');
    expect(hosts).toMatch(/10\.92\.2\.7\s+host/);
    expect(await docker('run', '--rm', 'busybox', 'busybox', 'ping', '-c', '1', '-W', '2', '10.92.2.7')).toContain(
      '1 packets received',
    );
  });

  it('stays the user’s: its other addresses, its MTU, and itself when the engine ends', async () => {
    const expected = ['10.91.1.1/24', '10.92.2.7/20', 'fd00:92::7/64'];
    expect(await addressesOf('users0')).toEqual(expected);
    expect(await ip('link', 'show', 'users0')).toContain('mtu 1400');
    const [pid = 0] = stack.pids('tsengined');
    process.kill(pid, 'SIGTERM');
    await until('engine ends', 10_000, () => (isAlive(pid) ? undefined : true));
    expect(await addressesOf('users0')).toEqual(expected);
    await stack.startEngine();
    expect(await docker('run', '--rm', 'busybox', 'ip', 'route')).toContain('via 10.92.0.9');
  });
});

describe('flags that do not go together', () => {
  const refuses = async (...flags: string[]) => {
    const directory = mkdtempSync('/tmp/tsc-refused-');
    const own = ['-H', `unix://${directory}/s`, '--data-root', `${directory}/d`, '--exec-root', `${directory}/e`];
    const { code, stdout, stderr } = await run(...network.enter(join(binDirectory, 'tsengined'), [...own, ...flags]), {
      timeoutMs: 20_000,
    });
    rmSync(directory, { recursive: true, force: true });
    expect(code).toBe(1);
    return stdout + stderr;
  };

  it('are refused by name', async () => {
    expect(await refuses('--bridge=users0', '--bip=10.1.0.1/24')).toContain(
      'You specified -b & --bip, mutually exclusive',
    );
    expect(await refuses('--bip=10.1.0.1/24', '--default-gateway=10.2.0.1')).toContain(
      '--default-gateway 10.2.0.1: not in 10.1.0.0/24',
    );
  });
});

it.runIf(!/^SCTP /m.test(readFileSync('/proc/net/protocols', 'utf8')))(
  'a port of SCTP is refused by name where the kernel has none',
  async () => {
    const result = await stack.docker(['run', '--rm', '-p', '5000:5000/sctp', 'busybox', 'true']);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain("publish 0.0.0.0:5000/sctp: this machine's kernel has no SCTP");
    expect((await run(...network.enter('ss', ['-Hln', 'sport = :5000']))).stdout).toBe('');
  },
);
