// Health checks over REST: states and their events, timeouts, the start period, a pause, and the engine's restart.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { openStream } from '../harness/engine-client.ts';
import { busyboxArchive } from '../harness/images.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
const ms = (count: number) => count * 1e6;

beforeAll(async () => {
  stack = await startStack();
  await stack.docker(['load', '-q', '-i', await busyboxArchive()]);
});
afterAll(() => stack?.stop());

async function start(name: string, Healthcheck: object, script = 'sleep 1000'): Promise<void> {
  const body = { Image: 'busybox', Cmd: ['sh', '-c', script], Healthcheck, HostConfig: { NetworkMode: 'none' } };
  expect((await stack.api('POST', `/containers/create?name=${name}`, body)).status).toBe(201);
  expect((await stack.api('POST', `/containers/${name}/start`)).status).toBe(204);
}

const health = async (name: string) => (await stack.api('GET', `/containers/${name}/json`)).body.State.Health;
const becomes = (name: string, status: string) =>
  until(`${name} ${status}`, 10_000, async () => ((await health(name)).Status === status ? true : undefined));
const statusOf = async (name: string) =>
  (await stack.api('GET', `/containers/json?filters={"name":["${name}"]}`)).body[0].Status as string;

describe('a health check', () => {
  it('goes from starting to healthy to unhealthy and back, and says so', async () => {
    const events = await openStream(stack.socket, 'GET', '/events?filters={"event":["health_status"]}');
    const check = { Test: ['CMD-SHELL', 'echo seen; cat /ok'], Interval: ms(100), Retries: 2 };
    await start('changing', check, 'sleep 0.5; touch /ok; sleep 1000');
    expect((await health('changing')).Status).toBe('starting');
    expect(await statusOf('changing')).toMatch(/\(health: starting\)$/);
    const next = async () => (await events.lines.next()).value.Action as string;
    const first = await next();
    await becomes('changing', 'healthy');
    if (first !== 'health_status: healthy') expect([first, await next()]).toContain('health_status: healthy');
    expect(await statusOf('changing')).toMatch(/\(healthy\)$/);
    await stack.docker(['exec', 'changing', 'rm', '/ok']);
    await becomes('changing', 'unhealthy');
    expect(await next()).toBe('health_status: unhealthy');
    const { FailingStreak, Log } = await health('changing');
    expect(FailingStreak).toBeGreaterThanOrEqual(2);
    expect(Log.at(-1)).toMatchObject({ ExitCode: 1, Output: expect.stringContaining("cat: can't open '/ok'") });
    expect(Log.at(-1).Output).toMatch(/^seen\n/);
    expect(Log.length).toBeLessThanOrEqual(5);
    const found = await stack.api('GET', '/containers/json?filters={"health":["unhealthy"]}');
    expect(found.body.map(({ Names }: { Names: string[] }) => Names[0])).toEqual(['/changing']);
    events.close();
  });

  it('is killed when it takes too long', async () => {
    await start('slow', { Test: ['CMD', 'sleep', '100'], Interval: ms(100), Timeout: ms(300), Retries: 1 });
    await becomes('slow', 'unhealthy');
    expect((await health('slow')).Log[0]).toMatchObject({
      ExitCode: -1,
      Output: expect.stringContaining('exceeded timeout (0.3s)'),
    });
    const { stdout } = await stack.docker(['top', 'slow', '-o', 'pid,args']);
    expect(stdout.split('\n').filter((line) => line.includes('sleep 100')).length).toBeLessThanOrEqual(2);
  });

  it('does not count failures within the start period', async () => {
    const check = {
      Test: ['CMD', 'false'],
      Interval: ms(50),
      StartInterval: ms(50),
      StartPeriod: ms(60_000),
      Retries: 1,
    };
    await start('patient', check);
    await until('some probes', 5000, async () => ((await health('patient')).Log.length >= 3 ? true : undefined));
    expect(await health('patient')).toMatchObject({ Status: 'starting', FailingStreak: 0 });
  });

  it('says why a command cannot run', async () => {
    await start('missing', { Test: ['CMD', 'nosuch'], Interval: ms(100), Retries: 1 });
    await becomes('missing', 'unhealthy');
    expect((await health('missing')).Log[0]).toMatchObject({
      ExitCode: expect.any(Number),
      Output: expect.stringContaining('executable file not found'),
    });
  });

  it('waits while its container is paused', async () => {
    await start('paused', { Test: ['CMD', 'true'], Interval: ms(100) });
    await becomes('paused', 'healthy');
    await stack.api('POST', '/containers/paused/pause');
    const { Log } = await health('paused');
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect((await health('paused')).Log.at(-1)).toEqual(Log.at(-1));
    await stack.api('POST', '/containers/paused/unpause');
    await becomes('paused', 'healthy');
  });

  it('can be left out, and comes from the image', async () => {
    await start('none', { Test: ['NONE'] });
    expect(await health('none')).toBeUndefined();
    const commit = 'container=none&repo=checked&changes=HEALTHCHECK%20--interval=100ms%20CMD%20true';
    expect((await stack.api('POST', `/commit?${commit}`)).status).toBe(201);
    await stack.docker(['run', '-d', '--name', 'inherits', '--network', 'none', 'checked']);
    await becomes('inherits', 'healthy');
  });

  it('goes on under the next engine', async () => {
    await start('outlives', { Test: ['CMD', 'true'], Interval: ms(100) });
    await becomes('outlives', 'healthy');
    await start('ails', { Test: ['CMD-SHELL', 'echo why; exit 1'], Interval: ms(300), Retries: 2 });
    await becomes('ails', 'unhealthy');
    await stack.kill('tsengined');
    await stack.startEngine();
    // known at once, with what the probes said, and probed on
    expect((await health('outlives')).Status).toBe('healthy');
    const { Status, FailingStreak, Log } = await health('ails');
    expect(Status).toBe('unhealthy');
    expect(FailingStreak).toBeGreaterThanOrEqual(2);
    expect(Log.at(-1)).toMatchObject({ ExitCode: 1, Output: 'why\n' });
    await until('probed on', 5000, async () =>
      (await health('ails')).FailingStreak > FailingStreak ? true : undefined,
    );
  });
});
