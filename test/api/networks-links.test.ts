// --icc=false: containers of the default bridge reach each other by links only, and only what the link's target exposes.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run, until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ engineFlags: ['--icc=false'] });
  expect((await stack.docker(['load', '-i', await busyboxArchive()])).stderr).toBe('');
}, 120_000);
afterAll(() => stack.stop());

async function ok(...args: string[]): Promise<string> {
  const result = await stack.docker(args);
  expect(result, `docker ${args.join(' ')}: ${result.stderr}`).toMatchObject({ code: 0 });
  return result.stdout.trim();
}

const script = 'mkdir -p /www; echo hello > /www/index.html; httpd -p 81 -h /www; exec httpd -f -p 80 -h /www';
async function serve(name: string): Promise<string> {
  await ok('run', '-d', '--name', name, '--expose', '80', 'busybox', 'sh', '-c', script);
  await until(`${name} listens`, 10_000, async () =>
    (await stack.docker(['exec', name, 'sh', '-c', 'wget -qO- http://127.0.0.1/ >/dev/null'])).code === 0
      ? true
      : undefined,
  );
  return (await stack.api('GET', `/containers/${name}/json`)).body.NetworkSettings.IPAddress;
}
const get = (from: string, address: string) =>
  ok('exec', from, 'sh', '-c', `timeout 2 wget -qO- http://${address}/ 2>/dev/null || echo failed`);
const rules = async () => (await run(...stack.network.enter('nft', ['list', 'ruleset']))).stdout;

/** With br_netfilter the kernel shows bridged packets to the tables of IP as well. */
const setBridgeFilter = (value: '0' | '1') =>
  run(...stack.network.enter('sh', ['-c', `echo ${value} >/proc/sys/net/bridge/bridge-nf-call-iptables`]));

it.each(['1', '0'] as const)(
  'a link opens its target’s exposed ports to one container (bridge-nf-call-iptables %s)',
  async (value) => {
    await setBridgeFilter(value);
    const web = await serve('web');
    const other = await serve('other');
    await ok('run', '-d', '--name', 'linked', '--link', 'web:site', 'busybox', 'sleep', '1000');
    await ok('run', '-d', '--name', 'stranger', 'busybox', 'sleep', '1000');
    const { body } = await stack.api('GET', '/containers/linked/json');
    const tries: [string, string][] = [
      ['linked', 'site'],
      ['linked', `${web}:81`],
      ['linked', other],
      ['stranger', web],
      ['web', other],
      ['stranger', body.NetworkSettings.IPAddress],
    ];
    const answers = await Promise.all(tries.map(([from, address]) => get(from, address)));
    expect(answers).toEqual(['hello', ...tries.slice(1).map(() => 'failed')]);
    // the way goes with its target
    await ok('rm', '-f', 'web');
    expect(await rules()).not.toContain('table bridge');
    expect(await get('linked', web)).toBe('failed');
    await ok('rm', '-f', 'linked', 'stranger', 'other');
  },
);

it('stands again after a restart of the engine', async () => {
  await serve('web');
  await ok('run', '-d', '--name', 'linked', '--link', 'web', 'busybox', 'sleep', '1000');
  await stack.kill('tsengined');
  await stack.startEngine();
  expect(await get('linked', 'web')).toBe('hello');
  await ok('rm', '-f', 'linked', 'web');
  expect(await rules()).not.toContain('table bridge');
});
