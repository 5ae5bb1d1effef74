// Volumes over REST: options of the local driver, rules of use, borrowing, prune, and what Docker has not: rename and clone.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { type Stack, startStack } from '../harness/stack.ts';
import { startVolumePlugin } from '../harness/volume-plugin.ts';

let stack: Stack;
let scratch: string;

beforeAll(async () => {
  scratch = mkdtempSync('/tmp/tsc-volumes-');
  stack = await startStack();
  await stack.docker(['load', '-q', '-i', await busyboxArchive()]);
});
afterAll(async () => {
  await stack?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

const run = (...args: string[]) => stack.docker(['run', '--network', 'none', ...args]);
const create = (body: object) => stack.api('POST', '/volumes/create', body);
const mountpoint = (name: string) => join(stack.directory, 'data/volumes', name, '_data');
const isMounted = (name: string) => readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${mountpoint(name)} `);
const names = async (filters = {}) =>
  (await stack.api('GET', `/volumes?filters=${JSON.stringify(filters)}`)).body.Volumes.map(
    ({ Name }: { Name: string }) => Name,
  ) as string[];

describe('driver options', () => {
  it('mount a tmpfs while a container has it, and only then', async () => {
    const options = { type: 'tmpfs', device: 'tmpfs', o: 'size=2m,mode=700' };
    const made = await create({ Name: 'memory', DriverOpts: options });
    expect(made).toMatchObject({ status: 201, body: { Options: options, Mountpoint: mountpoint('memory') } });
    expect(isMounted('memory')).toBe(false);
    await run('-d', '--name', 'one', '-v', 'memory:/m', 'busybox', 'sleep', '1000');
    expect(
      (await run('--rm', '-v', 'memory:/m', 'busybox', 'sh', '-c', 'df -k /m | tail -n 1; echo x > /m/x')).stdout,
    ).toMatch(/^tmpfs +2048 /);
    expect(isMounted('memory')).toBe(true);
    expect((await stack.docker(['exec', 'one', 'cat', '/m/x'])).stdout).toBe('x\n');
    await stack.docker(['rm', '-f', 'one']);
    await until('unmounted', 3000, () => (isMounted('memory') ? undefined : true));
  });

  it('bind a directory', async () => {
    writeFileSync(join(scratch, 'here'), 'bound');
    await create({ Name: 'bound', DriverOpts: { type: 'none', device: scratch, o: 'bind' } });
    expect((await run('--rm', '-v', 'bound:/b', 'busybox', 'cat', '/b/here')).stdout).toBe('bound');
    await until('unmounted', 3000, () => (isMounted('bound') ? undefined : true));
    expect((await stack.api('DELETE', '/volumes/bound')).status).toBe(204);
    expect(readFileSync(join(scratch, 'here'), 'utf8')).toBe('bound');
  });

  it.each([
    [{ odd: '1' }, 'invalid option: "odd"'],
    [{ type: 'tmpfs' }, 'missing required option: "device"'],
    [{ size: '1g' }, 'no quota support'],
  ])('%j are refused', async (options, message) => {
    const answer = await create({ Name: 'refused', DriverOpts: options });
    expect(answer.status).toBe(400);
    expect(answer.body.message).toContain(message);
    expect(await names()).not.toContain('refused');
  });

  it('that cannot be mounted fail the start, and leave nothing', async () => {
    await create({ Name: 'broken', DriverOpts: { type: 'none', device: '/nosuch/place', o: 'bind' } });
    const result = await run('--rm', '-v', 'broken:/b', 'busybox', 'true');
    expect(result.code).toBe(125);
    expect(result.stderr).toContain('mount volume broken');
    expect(isMounted('broken')).toBe(false);
  });
});

describe('use', () => {
  it('keeps a volume from going, forced or not', async () => {
    await run('--name', 'user', '-v', 'used:/u', 'busybox', 'true');
    for (const query of ['', '?force=1']) {
      const answer = await stack.api('DELETE', `/volumes/used${query}`);
      expect(answer.status).toBe(409);
      expect(answer.body.message).toMatch(/^remove used: volume is in use - \[[0-9a-f]{64}\]$/);
    }
    await stack.docker(['rm', 'user']);
    expect((await stack.api('DELETE', '/volumes/used')).status).toBe(204);
    expect((await stack.api('DELETE', '/volumes/used')).status).toBe(404);
    expect((await stack.api('DELETE', '/volumes/used?force=1')).status).toBe(204);
  });

  it('is told as events', async () => {
    await run('--rm', '-v', 'told:/t', 'busybox', 'true');
    const { stdout } = await stack.docker([
      'events',
      '--since',
      '0',
      '--until',
      String(Math.floor(Date.now() / 1000) + 1),
      '-f',
      'volume=told',
      '--format',
      '{{.Action}}',
    ]);
    expect(stdout.trim().split('\n')).toEqual(['create', 'mount', 'unmount']);
  });

  it('is lent to others by --volumes-from, read-only if asked for', async () => {
    await run('--name', 'lender', '-v', 'lent:/l', '-v', `${scratch}:/s:ro`, 'busybox', 'sh', '-c', 'echo lent > /l/x');
    expect((await run('--rm', '--volumes-from', 'lender', 'busybox', 'cat', '/l/x', '/s/here')).stdout).toBe(
      'lent\nbound',
    );
    const readOnly = await run('--rm', '--volumes-from', 'lender:ro', 'busybox', 'touch', '/l/y');
    expect(readOnly.stderr).toContain('Read-only file system');
    expect((await run('--rm', '--volumes-from', 'nosuch', 'busybox', 'true')).stderr).toContain(
      'No such container: nosuch',
    );
    expect((await run('--rm', '--volumes-from', 'lender:odd', 'busybox', 'true')).code).toBe(125);
  });
});

describe('prune', () => {
  it('takes anonymous ones that nobody has, all if asked for, labels heeded', async () => {
    await create({ Name: 'kept', Labels: { keep: 'yes' } });
    await create({ Name: 'named' });
    const anonymous = (await create({})).body.Name;
    const first = await stack.api('POST', '/volumes/prune');
    expect(first.body.VolumesDeleted).toEqual([anonymous]);
    const second = await stack.api('POST', '/volumes/prune?filters={"all":["1"],"label!":["keep"]}');
    expect(second.body.VolumesDeleted).toContain('named');
    expect(await names({ label: ['keep=yes'] })).toEqual(['kept']);
  });

  it('leaves what a plugin keeps', async () => {
    const directory = join(stack.directory, 'plugin-volumes');
    mkdirSync(directory);
    const plugin = await startVolumePlugin(`tsc-kept-${process.pid}`, directory);
    try {
      expect((await create({ Name: 'elsewhere', Driver: plugin.name })).status).toBe(201);
      const { body } = await stack.api('POST', '/volumes/prune?filters={"all":["1"]}');
      expect(body.VolumesDeleted ?? []).not.toContain('elsewhere');
      expect(plugin.calls).toEqual(['Create elsewhere']);
    } finally {
      await stack.api('DELETE', '/volumes/elsewhere');
      await plugin.stop();
    }
  });
});

describe('at the same time', () => {
  it('a prune leaves what a container is being made with', async () => {
    let isMaking = true;
    const pruning = (async () => {
      while (isMaking) await stack.api('POST', '/volumes/prune');
    })();
    const body = { Image: 'busybox', Cmd: ['true'], Volumes: { '/bin': {} } };
    try {
      for (let round = 0; round < 20; round++) {
        const { Id } = (await stack.api('POST', '/containers/create', body)).body;
        const [mount] = (await stack.api('GET', `/containers/${Id}/json`)).body.Mounts;
        expect((await stack.api('GET', `/volumes/${mount.Name}`)).status).toBe(200);
        expect(existsSync(join(mount.Source, 'busybox'))).toBe(true);
        expect((await stack.api('DELETE', `/containers/${Id}?v=1`)).status).toBe(204);
        expect(existsSync(mount.Source)).toBe(false);
      }
    } finally {
      isMaking = false;
      await pruning;
    }
  });

  it('what is made again while it is removed is there afterwards', async () => {
    await create({ Name: 'full' });
    for (let file = 0; file < 2000; file++) writeFileSync(join(mountpoint('full'), String(file)), '');
    const removed = stack.api('DELETE', '/volumes/full');
    await until('removed', 3000, async () => ((await names()).includes('full') ? undefined : true));
    expect((await create({ Name: 'full' })).status).toBe(201);
    expect((await removed).status).toBe(204);
    expect(readdirSync(mountpoint('full'))).toEqual([]);
    expect((await stack.api('DELETE', '/volumes/full')).status).toBe(204);
  });
});

describe('what Docker has not', () => {
  it('renames a volume, and stopped containers find it', async () => {
    await run('--name', 'mover', '-v', 'before:/v', 'busybox', 'sh', '-c', 'cat /v/x 2>/dev/null; echo found > /v/x');
    const renamed = await stack.tsctl(['volume', 'rename', 'before', 'after']);
    expect(renamed).toEqual({ stdout: 'after\n', stderr: '', code: 0 });
    expect((await stack.docker(['start', '-a', 'mover'])).stdout).toBe('found\n');
    expect((await stack.api('GET', '/containers/mover/json')).body.Mounts[0]).toMatchObject({
      Name: 'after',
      Source: mountpoint('after'),
    });
    expect((await stack.api('GET', '/volumes/before')).status).toBe(404);
    await run('-d', '--name', 'holder', '-v', 'after:/v', 'busybox', 'sleep', '1000');
    expect((await stack.api('POST', '/volumes/after/rename?name=again')).status).toBe(409);
    await stack.docker(['rm', '-f', 'holder']);
  });

  it('copies a volume with its owners and links, its users paused', async () => {
    await run(
      '-d',
      '--name',
      'writer',
      '-v',
      'live:/v',
      'busybox',
      'sh',
      '-c',
      'echo 1 > /v/a; ln -s a /v/l; chown 7:8 /v/a; sleep 1000',
    );
    await until('written', 3000, async () =>
      (await stack.docker(['exec', 'writer', 'readlink', '/v/l'])).code === 0 ? true : undefined,
    );
    expect((await stack.tsctl(['volume', 'clone', 'live', 'copy'])).stdout).toBe('copy\n');
    expect(
      (await run('--rm', '-v', 'copy:/c', 'busybox', 'sh', '-c', 'stat -c %u:%g /c/a; readlink /c/l; cat /c/l')).stdout,
    ).toBe('7:8\na\n1\n');
    const snapshot = (await stack.tsctl(['volume', 'snapshot', 'live'])).stdout.trim();
    expect(snapshot).toMatch(/^live-\d{4}-\d\d-\d\dT/);
    expect((await stack.api('GET', `/volumes/${snapshot}`)).body.Labels).toEqual({
      'tscontainer.volume/snapshot-of': 'live',
    });
    expect((await stack.api('GET', '/containers/writer/json')).body.State.Status).toBe('running');
    expect((await stack.api('POST', '/volumes/live/clone?name=copy')).status).toBe(409);
    expect((await stack.api('POST', '/volumes/nosuch/clone?name=x')).status).toBe(404);
  });
});
