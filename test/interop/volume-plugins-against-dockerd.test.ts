// Volume drivers by plugin socket, beside the real dockerd: the same calls reach the plugin, and users see the same.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { type RealDockerd, startRealDockerd } from '../harness/real-dockerd.ts';
import { type Stack, startStack } from '../harness/stack.ts';
import { startVolumePlugin, type VolumePluginServer } from '../harness/volume-plugin.ts';

interface Side {
  daemon: Stack | RealDockerd;
  plugin: VolumePluginServer;
  directory: string;
}

let scratch: string;
const sides: Side[] = [];

beforeAll(async () => {
  scratch = mkdtempSync('/tmp/tsc-plugin-');
  for (const start of [() => startRealDockerd(), () => startStack({ readyTimeoutMs: 60_000 })]) {
    const directory = join(scratch, String(sides.length));
    mkdirSync(directory);
    const plugin = await startVolumePlugin(`tsc-plugin-${process.pid}-${sides.length}`, directory);
    const daemon = await start();
    sides.push({ daemon, plugin, directory });
    await daemon.docker(['load', '-q', '-i', await busyboxArchive()]);
  }
}, 120_000);
afterAll(async () => {
  for (const { daemon, plugin } of sides) {
    await daemon.stop();
    await plugin.stop();
  }
  rmSync(scratch, { recursive: true, force: true });
});

/** The plugins have names of their own. */
const masked = (side: Side, text: string) =>
  text
    .replaceAll(side.plugin.name, 'PLUGIN')
    .replaceAll(side.directory, 'DIR')
    .replace(/[0-9a-f]{64}/g, 'ID');

async function onBoth<T>(work: (side: Side) => Promise<T>): Promise<T> {
  const [theirs, ours] = [await work(sides[0] as Side), await work(sides[1] as Side)];
  expect(ours).toEqual(theirs);
  return ours;
}

describe('a volume of a plugin', () => {
  it('is made with its options, shown, used by containers, and removed', async () => {
    const seen = await onBoth(async (side) => {
      const { daemon, plugin, directory } = side;
      const make = ['volume', 'create', '-d', plugin.name, '-o', 'size=1', '--label', 'a=b', 'far'];
      expect(await daemon.docker(make)).toMatchObject({ code: 0 });
      const [details] = JSON.parse((await daemon.docker(['volume', 'inspect', 'far'])).stdout);
      delete details.CreatedAt;
      const list = await daemon.docker([
        'volume',
        'ls',
        '--format',
        '{{.Driver}} {{.Name}} {{.Scope}}',
        '-f',
        'name=far',
      ]);
      const run = [
        'run',
        '--rm',
        '--network=none',
        '-v',
        'far:/far',
        'busybox',
        'sh',
        '-c',
        'echo kept > /far/x; ls /far',
      ];
      const ran = await daemon.docker(run);
      const kept = readFileSync(join(directory, 'far/x'), 'utf8');
      await until('unmounted', 5000, () => (plugin.calls.includes('Unmount far') ? true : undefined));
      const removed = await daemon.docker(['volume', 'rm', 'far']);
      const calls = plugin.calls.splice(0).filter((call, index, all) => call !== all[index - 1]);
      return {
        details: masked(side, JSON.stringify(details)),
        list: masked(side, list.stdout),
        ran: [ran.stdout, ran.code],
        kept,
        removed: removed.stdout,
        calls,
        left: [...plugin.options.keys()],
      };
    });
    expect(seen).toMatchObject({ ran: ['x\n', 0], kept: 'kept\n', left: [] });
    expect(seen.calls).toEqual(expect.arrayContaining(['Create far', 'Mount far', 'Unmount far', 'Remove far']));
  });

  it('is made by --volume-driver and by --mount, and what the plugin refuses is told', async () => {
    await onBoth(async (side) => {
      const { daemon, plugin } = side;
      const run = (...flags: string[]) =>
        daemon.docker(['run', '--rm', '--network=none', ...flags, 'busybox', 'ls', '/v']);
      const first = await run('--volume-driver', plugin.name, '-v', 'one:/v');
      const second = await run('--mount', `type=volume,src=two,dst=/v,volume-driver=${plugin.name},volume-opt=k=v`);
      const refused = await daemon.docker(['volume', 'create', '-d', plugin.name, '-o', 'fail=because', 'three']);
      const options = Object.fromEntries(plugin.options);
      const other = await daemon.docker(['volume', 'create', '-d', 'local', 'one']);
      for (const name of ['one', 'two']) await daemon.docker(['volume', 'rm', name]);
      return {
        codes: [first.code, second.code, refused.code, other.code],
        refused: refused.stderr.includes('refused: because'),
        options,
        left: [...plugin.options.keys()],
      };
    });
  });

  it('is unmounted after the run also when the engine was killed in between', async () => {
    const { daemon, plugin } = sides[1] as Side;
    const stack = daemon as Stack;
    plugin.calls.splice(0);
    const flags = ['--network=none', '--volume-driver', plugin.name, '-v', 'held:/v'];
    await stack.docker(['run', '-d', '--name', 'holder', ...flags, 'busybox', 'sleep', '1000']);
    await stack.kill('tsengined');
    await stack.startEngine(60_000);
    expect(plugin.calls).not.toContain('Unmount held');
    await stack.docker(['rm', '-f', 'holder']);
    await until('unmounted', 5000, () => (plugin.calls.includes('Unmount held') ? true : undefined));
    expect((await stack.docker(['volume', 'rm', 'held'])).code).toBe(0);
  });

  it('is forgotten by force when its plugin is gone', async () => {
    const { daemon, directory } = sides[1] as Side;
    const gone = await startVolumePlugin(`tsc-plugin-${process.pid}-gone`, directory);
    await daemon.docker(['volume', 'create', '-d', gone.name, 'orphan']);
    await gone.stop();
    const kept = await daemon.docker(['volume', 'rm', 'orphan']);
    expect([kept.code, kept.stderr]).toEqual([1, expect.stringContaining(`plugin "${gone.name}" not found`)]);
    expect((await daemon.docker(['volume', 'rm', '-f', 'orphan'])).code).toBe(0);
  });
});
