// Starts, stops and restarts that meet each other: by a policy, by hand, and in the middle of one another.
import { closeSync, constants, existsSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { openStream } from '../harness/engine-client.ts';
import { busyboxArchive } from '../harness/images.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import { type Stack, startStack } from '../harness/stack.ts';
import { startVolumePlugin } from '../harness/volume-plugin.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
  await stack.docker(['load', '-q', '-i', await busyboxArchive()]);
}, 120_000);
afterAll(() => stack.stop());

async function create(script: string, hostConfig: object, name = '', on = stack): Promise<string> {
  const { status, body } = await on.api('POST', `/containers/create${name === '' ? '' : `?name=${name}`}`, {
    Image: 'busybox',
    Cmd: ['sh', '-c', script],
    HostConfig: { NetworkMode: 'none', ...hostConfig },
  });
  expect([status, body]).toEqual([201, expect.anything()]);
  return body.Id;
}

const post = (id: string, verb: string, on = stack) => on.api('POST', `/containers/${id}/${verb}`);
const inspect = async (id: string, on = stack) => (await on.api('GET', `/containers/${id}/json`)).body;
const remove = (id: string) => stack.api('DELETE', `/containers/${id}?force=1&v=1`);
const always = { RestartPolicy: { Name: 'always' } };

/** Starts it; resolves after so many ends that its policy then pauses for more than three seconds. */
async function startAndBackOff(id: string, on = stack): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({ container: [id], event: ['die'] }));
  const ends = await openStream(on.socket, 'GET', `/events?filters=${filters}`);
  await post(id, 'start', on);
  for (let end = 0; end < 6; end++) await ends.lines.next();
  ends.close();
}

describe('a restart policy', () => {
  it('counts anew after a start by hand', async () => {
    const id = await create('echo run; exit 4', { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 1 } });
    for (const runs of [2, 4]) {
      expect((await post(id, 'start')).status).toBe(204);
      await until('the last try', 10_000, async () => {
        const { State, RestartCount } = await inspect(id);
        return State.Status === 'exited' && RestartCount === 1 ? true : undefined;
      });
      const log = await openStream(stack.socket, 'GET', `/containers/${id}/logs?stdout=1`);
      expect((await log.body()).toString().match(/run\n/g)).toHaveLength(runs);
    }
    await remove(id);
  });

  it('makes a container count as running between two runs', async () => {
    const id = await create('exit 1', always);
    await startAndBackOff(id);
    const refusals = [
      await stack.api('DELETE', `/containers/${id}`),
      await post(id, 'pause'),
      await stack.api('POST', `/containers/${id}/exec`, { Cmd: ['true'] }),
      await stack.api('GET', `/containers/${id}/top`),
    ];
    for (const { status, body } of refusals)
      expect([status, body.message]).toEqual([409, expect.stringContaining('is restarting')]);
    expect((await post(id, 'start')).status).toBe(304);
    expect((await post(id, 'kill')).status).toBe(204);
    expect((await inspect(id)).State).toMatchObject({ Status: 'exited', Restarting: false });
    expect((await post(id, 'kill')).status).toBe(409);
    await remove(id);
  });

  it('yields to a stop that comes while the last output is on its way', async () => {
    const id = await create('sleep 0.2; exit 1', always);
    const run = join(stack.directory, 'exec/containers', id);
    await post(id, 'start');
    // somebody else holds its output: the engine waits for more of it after the exit
    const writer = openSync(join(run, 'stdout'), constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      await until('the exit', 10_000, () => (existsSync(join(run, 'exit')) ? true : undefined));
      const stopping = post(id, 'stop');
      expect((await inspect(id)).State.Running).toBe(true);
      closeSync(writer);
      expect((await stopping).status).toBe(204);
      expect((await inspect(id)).State.Status).toBe('exited');
    } finally {
      await remove(id);
    }
  });

  it('outlives the lifecycle daemon', { timeout: 120_000 }, async () => {
    const daemon = new LifecycleDaemon();
    let other: Stack | undefined;
    try {
      await daemon.start();
      other = await startStack({ engineFlags: ['--containerd', daemon.address] });
      await other.docker(['load', '-q', '-i', await busyboxArchive()]);
      const id = await create('exit 1', always, '', other);
      await startAndBackOff(id, other);
      const { RestartCount: count } = await inspect(id, other);
      await daemon.kill();
      await until('a restart without it', 20_000, async () =>
        other?.logTail().includes('restart failed') ? true : undefined,
      );
      await daemon.start();
      await until('a restart with it', 60_000, async () =>
        (await inspect(id, other)).RestartCount > count + 1 ? true : undefined,
      );
    } finally {
      await other?.stop();
      await daemon.stop();
    }
  });
});

describe('a restart by hand', () => {
  it('keeps a container of --rm, which goes at its next end', async () => {
    const id = await create('trap "exit 0" TERM; while :; do sleep 0.05; done', { AutoRemove: true });
    await post(id, 'start');
    const { Pid } = (await inspect(id)).State;
    expect((await post(id, 'restart?t=5')).status).toBe(204);
    const { State } = await inspect(id);
    expect(State.Running).toBe(true);
    expect(State.Pid).not.toBe(Pid);
    await post(id, 'kill');
    await until('gone', 5000, async () =>
      (await stack.api('GET', `/containers/${id}/json`)).status === 404 ? true : undefined,
    );
  });
});

describe('a container that is being', () => {
  it('started is stopped once it runs', async () => {
    const directory = join(stack.directory, 'slow-volumes');
    mkdirSync(directory);
    const plugin = await startVolumePlugin(`tsc-slow-${process.pid}`, directory);
    const mounted = Promise.withResolvers<void>();
    plugin.beforeMount = () => mounted.promise;
    try {
      const id = await create('sleep 1000', { Binds: ['slow:/v'], VolumeDriver: plugin.name });
      const starting = post(id, 'start');
      await until('its volume is asked for', 5000, () => (plugin.calls.includes('Mount slow') ? true : undefined));
      const stopping = post(id, 'stop?t=0');
      mounted.resolve();
      expect([(await starting).status, (await stopping).status]).toEqual([204, 204]);
      expect((await inspect(id)).State).toMatchObject({ Status: 'exited', ExitCode: 137 });
      await remove(id);
      await stack.api('DELETE', '/volumes/slow');
    } finally {
      await plugin.stop();
    }
  });

  it('removed takes no new name with it', async () => {
    for (let round = 0; round < 5; round++) {
      const id = await create('true', {}, `old${round}`);
      await Promise.all([remove(id), post(id, `rename?name=new${round}`)]);
      await create('true', {}, `new${round}`);
    }
  });
});
