// Networks that are a configuration, and those made from one: the same words and the same state as on the real dockerd.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxArchive } from '../harness/images.ts';
import { type RealDockerd, startRealDockerd } from '../harness/real-dockerd.ts';
import { type Stack, startStack } from '../harness/stack.ts';

type Side = Stack | RealDockerd;
const sides: Side[] = [];

beforeAll(async () => {
  sides.push(await startRealDockerd([]), await startStack({ readyTimeoutMs: 60_000 }));
  for (const side of sides) await side.docker(['load', '-q', '-i', await busyboxArchive()]);
}, 180_000);
afterAll(async () => {
  for (const side of sides) await side.stop();
});

async function onBoth<T>(work: (side: Side) => Promise<T>): Promise<T> {
  const [theirs, ours] = [await work(sides[0] as Side), await work(sides[1] as Side)];
  expect(ours).toEqual(theirs);
  return ours;
}

const settings = ['--subnet', '10.77.0.0/24', '--gateway', '10.77.0.9', '--label', 'c=d'];
const view =
  '{{.Driver}} {{.Scope}} {{.EnableIPv6}} {{json .IPAM}} {{.ConfigOnly}} {{json .ConfigFrom}} {{json .Labels}} {{json .Options}}';

/** Exit code, and what was said, without ids and without what docker 28 says before an overlap. */
async function told(side: Side, ...command: string[]): Promise<[number | null, string]> {
  const { code, stdout, stderr } = await side.docker(command);
  return [
    code,
    `${stdout}${stderr}`
      .replace(/[0-9a-f]{64}/g, 'ID')
      .replace('invalid pool request: ', '')
      .trim(),
  ];
}

describe('a configuration network', () => {
  it('is kept as it was given, and others are made from it', async () => {
    const seen = await onBoth(async (side) => {
      const opts = ['-o', 'com.docker.network.bridge.name=tsc-made', '-o', 'com.docker.network.driver.mtu=1400'];
      await told(side, 'network', 'create', '--config-only', ...settings, ...opts, 'template');
      const made = await told(side, 'network', 'create', '--config-from', 'template', 'made');
      const views = await told(side, 'network', 'inspect', '-f', view, 'template', 'made');
      const script = 'ip -4 addr show eth0 | grep -o "mtu [0-9]*\\|inet [0-9.]*"; ip route | grep default';
      const ran = await told(side, 'run', '--rm', '--network', 'made', 'busybox', 'sh', '-c', script);
      return { made, views, ran };
    });
    expect(seen.made).toEqual([0, 'ID']);
    expect(seen.views[1]).toContain('null local false');
    expect(seen.ran[1]).toContain('default via 10.77.0.9');
    expect(seen.ran[1]).toContain('mtu 1400');
  });

  it('stays while networks are made from it, and when others are pruned', async () => {
    const seen = await onBoth(async (side) => [
      await told(side, 'network', 'rm', 'template'),
      await told(side, 'network', 'prune', '-f'),
      await told(side, 'network', 'rm', 'template'),
    ]);
    expect(seen[0]).toEqual([1, expect.stringContaining('configuration network "template" is in use')]);
    expect(seen[2]).toEqual([0, 'template']);
  });

  it('may hold the subnet of another network, and is not itself one to be in', async () => {
    const seen = await onBoth(async (side) => {
      const first = await told(side, 'network', 'create', '--subnet', '10.79.0.0/24', 'real');
      const second = await told(side, 'network', 'create', '--config-only', '--subnet', '10.79.0.0/24', 'planned');
      const third = await told(side, 'network', 'create', '--config-from', 'planned', 'clashing');
      const inside = await side.docker(['run', '--rm', '--network', 'planned', 'busybox', 'true']);
      return [first[0], second[0], third, inside.code, inside.stderr.includes('configuration-only network')];
    });
    expect(seen).toEqual([0, 0, [1, expect.stringContaining('Pool overlaps')], 125, true]);
  });

  it.each([
    [['--config-from', 'nosuch']],
    [['--config-from', 'real']],
    [['--config-from', 'planned', '--subnet', '10.80.0.0/24']],
    [['--config-from', 'planned', '--ipv6']],
    [['--config-from', 'planned', '--label', 'a=b']],
    [['--config-from', 'planned', '-o', 'com.docker.network.driver.mtu=1400']],
    [['--config-from', 'planned', '--config-only']],
    [['--config-only', '--internal']],
    [['--config-only', '--attachable']],
    [['--config-only', '--scope', 'local']],
  ])('is refused with %j', async (flags) => {
    const [code] = await onBoth((side) => told(side, 'network', 'create', ...flags, 'refused'));
    expect(code).toBe(1);
  });

  it('is made by tsctl', async () => {
    const ours = sides[1] as Stack;
    const create = (...flags: string[]) => ours.tsctl(['network', 'create', ...flags]);
    expect(await create('--config-only', '--subnet', '10.81.0.0/24', 'of-tsctl')).toMatchObject({ code: 0 });
    expect(await create('--config-from', 'of-tsctl', 'by-tsctl')).toMatchObject({ code: 0 });
    const { stdout } = await ours.tsctl(['network', 'inspect', '-f', '{{(index .IPAM.Config 0).Subnet}}', 'by-tsctl']);
    expect(stdout).toBe('10.81.0.0/24\n');
  });
});
